/** The order in which a route tries its targets. */
import { lot } from './hash.ts';
import type { Candidate } from './offers.ts';
import type { RouteRule } from './rule.ts';

/** What is known of a target's speed. */
export interface Measure {
  /** Milliseconds for an answer of 200 tokens; null when not known. */
  expectedMs: number | null;
  /** Enough was measured, or is about to be. */
  known: boolean;
  /** Share of calls that failed, 0 to 1. */
  failing: number;
  /** Calls that run there. */
  load: number;
  /** `first token 210 ms, 84 tokens/s`. */
  say: string;
}

export interface Draft {
  candidate: Candidate;
  reason: string;
  /** The name in the route's list that it came from. */
  item: string;
}

export interface Cost {
  /** Picodollars for a token; infinite when not known. */
  cost: number;
  say: string;
}

export interface Scales {
  measure(candidate: Candidate): Measure | null;
  cost(candidate: Candidate): Cost;
  /** The same for all requests of a conversation. */
  seed: number;
  /** The target that this conversation was answered by last. */
  stuck: string | null;
}

/** Running calls that make a target look half as fast. */
const FULL = 64;
/** A target that answers nothing is not better than one that answers late. */
const LEAST_SUCCESS = 0.05;
/** What costs nothing costs a little, so that it can be weighed: a picodollar for a token is a millionth of a dollar for a million. */
const LEAST_COST = 1;
/** Where nothing was measured at all. */
const GUESS_MS = 1000;

/** Places in the list, best first; those that score the same keep their order. */
function byScore(scores: Float64Array): number[] {
  const places: number[] = [];
  for (let place = 0; place < scores.length; place++) places.push(place);
  // Two infinite ones have no difference, and keep their order.
  return places.sort((a, b) => (scores[a] as number) - (scores[b] as number) || a - b);
}

const UNKNOWN: Measure = { expectedMs: null, known: false, failing: 0, load: 0, say: 'not measured yet' };

/** Sorts by strategy, and says in each reason why it stands there. The same array when there is nothing to sort. */
export function rank(drafts: Draft[], rule: RouteRule, scales: Scales): Draft[] {
  const strategy = rule.strategy ?? (rule.weights === undefined ? 'ordered' : 'weighted');
  if (strategy === 'ordered' || drafts.length < 2) return drafts;
  const scores = new Float64Array(drafts.length);
  const says: string[] = [];
  if (strategy === 'weighted') byWeight(drafts, rule.weights ?? {}, scales, scores, says);
  else if (strategy === 'cheapest') {
    for (let place = 0; place < drafts.length; place++) {
      const { cost, say } = scales.cost((drafts[place] as Draft).candidate);
      scores[place] = cost;
      says.push(say);
    }
  } else measured(drafts, strategy === 'balanced', scales, scores, says);
  const places = byScore(scores);
  if (strategy === 'fastest' || strategy === 'balanced') keep(places, drafts, says, scales.stuck);
  return places.map((place) => {
    const { candidate, reason, item } = drafts[place] as Draft;
    return { candidate, reason: `${reason}; ${says[place]}`, item };
  });
}

/** One lot for each name of the list: the offers of one model stay together, in their own order. */
function byWeight(
  drafts: readonly Draft[],
  weights: Readonly<Record<string, number>>,
  scales: Scales,
  scores: Float64Array,
  says: string[],
): void {
  const lots = new Map<string, { drawn: number; weight: number; say: string }>();
  let sum = 0;
  for (const [place, { item, candidate }] of drafts.entries()) {
    let mine = lots.get(item);
    if (mine === undefined) {
      const weight = Object.hasOwn(weights, item) ? (weights[item] ?? 1) : 1;
      mine = { weight, drawn: lot(candidate.hash, scales.seed, weight), say: '' };
      sum += weight;
      lots.set(item, mine);
    }
    scores[place] = mine.drawn;
  }
  for (const mine of lots.values()) mine.say = `weight ${mine.weight} of ${sum}`;
  for (const { item } of drafts) says.push(lots.get(item)?.say ?? '');
}

function measured(
  drafts: readonly Draft[],
  balanced: boolean,
  scales: Scales,
  scores: Float64Array,
  says: string[],
): void {
  const measures = drafts.map(({ candidate }) => scales.measure(candidate) ?? UNKNOWN);
  const times = Float64Array.from(measures, ({ expectedMs }) => expectedMs ?? Number.POSITIVE_INFINITY).sort();
  let timed = times.length;
  while (timed > 0 && times[timed - 1] === Number.POSITIVE_INFINITY) timed--;
  const usualMs = times[timed >> 1] ?? 0;
  const guessMs = timed === 0 ? GUESS_MS : usualMs;
  const costs = balanced ? drafts.map(({ candidate }) => scales.cost(candidate)) : [];
  let dearest = LEAST_COST;
  for (const { cost } of costs) if (Number.isFinite(cost) && cost > dearest) dearest = cost;
  for (let place = 0; place < measures.length; place++) {
    const { expectedMs, failing, known, load, say } = measures[place] as Measure;
    const ms = Math.max(1, expectedMs ?? guessMs) / Math.max(LEAST_SUCCESS, 1 - failing);
    const price = costs[place];
    if (price === undefined) {
      scores[place] = known ? ms : 0;
      says.push(say);
    } else {
      const money = Math.max(LEAST_COST, Number.isFinite(price.cost) ? price.cost : dearest);
      scores[place] = money * ms * (1 + load / FULL);
      says.push(`${price.say}, ${say}`);
    }
  }
}

/** What is a little better now is not worth a cold prompt cache. */
function keep(places: number[], drafts: readonly Draft[], says: string[], stuck: string | null): void {
  if (stuck === null) return;
  const at = places.findIndex((place) => drafts[place]?.candidate.key === stuck);
  const place = places[at];
  if (place === undefined) return;
  says[place] = `answered this conversation before; ${says[place]}`;
  places.splice(at, 1);
  places.unshift(place);
}
