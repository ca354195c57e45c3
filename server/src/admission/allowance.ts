/**
 * What a request takes of limits and budgets on its way in, and gives back at its end. Everything that runs passes here:
 * what doors and submits bring, and what workers take out of the queue.
 */
import type { AnswerCall } from '../contract/call.ts';
import type { Caller } from '../contract/caller.ts';
import type { Entry } from '../contract/entry.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Admitted, Submission } from '../contract/flow.ts';
import type { PlannedTarget, Price, Provider } from '../contract/provider.ts';
import type { RawCall } from '../contract/raw.ts';
import type { Claim, RunPlan } from '../contract/record.ts';
import { estimateInputTokens } from '../money/estimate.ts';
import { mostCounted, mostInput, worstCost } from '../money/hold.ts';
import { countInput } from '../money/tokens.ts';
import type { Spender } from './budgets/book.ts';
import { type Budgets, NOTHING } from './budgets/budgets.ts';
import type { Purse } from './budgets/purse.ts';
import { createEntry, type Held, type Told } from './entry.ts';
import type { Count, LimitBook, Subjects } from './limits/book.ts';
import type { Limiter, Ticket } from './limits/limiter.ts';

/** What a worker has to ask the record for. */
export interface RunningMoney {
  userHash: string;
  team: string | null;
  labels: Record<string, string> | null;
  /** Milliseconds of database time. */
  createdAt: number;
  now: number;
  heldPico: number | null;
  spentPico: number;
}

export interface AllowanceDeps {
  limits(): LimitBook;
  limiter: Limiter;
  /** Null: there is no database to keep them in. */
  budgets: Budgets | null;
  anyBudget(): boolean;
  userHash(tenant: string, user: string): string;
  /** Milliseconds of database time. */
  now(): number;
  provider(name: string): Provider | null;
  price(provider: Provider, model: string): Price | null;
  maxOutput(provider: Provider, model: string): number | undefined;
  moneyOf(tenant: string, id: string): Promise<RunningMoney | null>;
  /** The money of a request that held some is written: see that its holds are settled. */
  settle(id: string): void;
}

/** Between admission's first look at a request and its acceptance. */
export interface Entering {
  /** What the plan says goes against the rest: the model's limits, the budgets. May bound the call's tokens. */
  allow(submission: Submission, admitted: Admitted): Promise<Admitted>;
  /** It is not let in after all. */
  leave(): void;
}

export interface Allowance {
  /** False: nothing is limited, and nobody need ask. Costs nothing. */
  any(): boolean;
  /** Throws `rate_limited`. `outputTokens`: what the answer may come to. */
  enter(caller: Caller, submission: Submission, inputTokens: number, outputTokens: number): Promise<Entering>;
  /** A call whose content nobody here can read: it is charged with `pico`, whatever comes of it. */
  raw(caller: Caller, call: Pick<RawCall, 'userId' | 'labels'>, pico: number): Promise<Entry>;
  /** A request that is taken out of the queue. Throws `rate_limited` when too many run. */
  resume(claim: Claim, plan: RunPlan): Promise<Entry | null>;
}

/** What an answer may have where a budget has to hold and nobody has bounded it. Tokens. */
export const BOUND = 4096;

const hasTokens = (counts: readonly Count[]): boolean => counts.some(({ kind }) => kind === 'tokens');

/** The longer somebody has waited for his turn, the more rarely it is asked whether it has come. */
function inTurn(error: unknown, ageMs: number): unknown {
  if (!(error instanceof GoblinError) || error.code !== 'rate_limited') return error;
  const retryAfterMs = Math.min(LONGEST_TURN_MS, Math.max(SHORTEST_TURN_MS, ageMs / 5));
  return new GoblinError('rate_limited', error.detail, { retryAfterMs });
}

const SHORTEST_TURN_MS = 1000;
const LONGEST_TURN_MS = 10_000;
const NO_CALL: AnswerCall = { kind: 'raw', messages: [] };
const NO_TICKET: Ticket = { headers: () => ({}), end() {} };

export function createAllowance(deps: AllowanceDeps): Allowance {
  const { limiter } = deps;

  const subjectsOf = (caller: Caller, userHash: string): Subjects => ({
    tenant: caller.tenant,
    key: caller.key,
    team: caller.team ?? null,
    account: caller.account ?? null,
    userHash,
  });

  /** Requests that wait in the queue do not run. */
  const countsOf = (counts: readonly Count[], runs: boolean): readonly Count[] =>
    runs ? counts : counts.filter(({ kind }) => kind !== 'concurrent');

  async function take(counts: readonly Count[], tokens: number): Promise<Ticket> {
    return counts.length === 0 ? NO_TICKET : await limiter.enter(counts, tokens);
  }

  /** What an attempt can cost at most; null when nobody knows its price. */
  function mostOf(call: AnswerCall, provider: Provider, model: string, input: number): number | null {
    if (provider.free) return 0;
    const price = deps.price(provider, model);
    if (price === null) return null;
    const most = deps.maxOutput(provider, model) ?? Number.POSITIVE_INFINITY;
    const output = call.kind === 'embed' ? 0 : Math.min(call.maxTokens ?? BOUND, most);
    return worstCost(price, input, output);
  }

  /** Targets whose price is known. */
  function pricedPlan(plan: RunPlan): RunPlan {
    const dropped = [...plan.dropped];
    // What is unwell stands in `dropped` already.
    const unwell = plan.unwell?.filter(knownPrice);
    const targets = plan.targets.filter((target) => {
      if (knownPrice(target)) return true;
      const { provider, model } = target;
      dropped.push({ provider, model, reason: 'its price is not known, and a budget has to hold' });
      return false;
    });
    const [first] = plan.targets;
    if (targets.length === 0 && first) {
      throw new GoblinError(
        'price_unknown',
        `The price of ${first.provider}/${first.model} is not known, and a budget has to hold: set it under prices in goblin.yaml, or a ceiling under budgets.unknown_price.`,
      );
    }
    return { ...plan, targets, dropped, ...(unwell === undefined ? {} : { unwell }) };
  }

  function knownPrice({ provider: name, model }: PlannedTarget): boolean {
    const provider = deps.provider(name);
    return provider !== null && (provider.free || deps.price(provider, model) !== null);
  }

  /** Held of every purse; where it does not fit by the bytes of the prompt, by its tokens. */
  async function hold(
    purses: readonly Purse[],
    call: AnswerCall,
    target: PlannedTarget,
  ): Promise<Pick<Held, 'holding' | 'pico' | 'input'>> {
    const provider = deps.provider(target.provider) as Provider;
    const most = (input: number) => mostOf(call, provider, target.model, input) ?? 0;
    const input = mostInput(call);
    const pico = most(input);
    try {
      return { holding: await (deps.budgets as Budgets).hold(purses, pico), pico, input };
    } catch (error) {
      if (!(error instanceof GoblinError) || error.code !== 'budget_exceeded') throw error;
      const hopeless = purses.some((purse) => purse.refusal(most(estimateInputTokens(call))) !== null);
      if (hopeless || call.kind === 'embed') throw error;
      const counted = mostCounted(call, await countInput(call));
      const closer = most(counted);
      if (closer >= pico) throw error;
      return { holding: await (deps.budgets as Budgets).hold(purses, closer), pico: closer, input: counted };
    }
  }

  const entryOf = (held: Held, told: Told): Entry =>
    createEntry({ budgets: deps.budgets, mostOf, settle: deps.settle }, held, told);

  return {
    any: () => deps.limits().any || deps.anyBudget(),
    async enter(caller, submission, inputTokens, outputTokens) {
      const userHash = deps.userHash(caller.tenant, submission.userId);
      const runs = submission.mode === 'attached';
      const tokens = inputTokens + outputTokens;
      const counts = countsOf(deps.limits().countsOf(subjectsOf(caller, userHash)), runs);
      let limited = hasTokens(counts);
      const tickets = [await take(counts, tokens)];
      const leave = () => {
        for (const ticket of tickets) ticket.end(null);
      };

      async function allow(of: Submission, admitted: Admitted): Promise<Admitted> {
        const { budgets } = deps;
        const now = deps.now();
        const spender = { ...subjectsOf(caller, userHash), labels: of.labels };
        const purses = budgets === null || !deps.anyBudget() ? [] : budgets.of(spender, now);
        const plan = purses.length === 0 ? admitted.plan : pricedPlan(admitted.plan);
        const target = plan.targets[0] as PlannedTarget;
        if (deps.limits().models) {
          const ofModel = countsOf(deps.limits().countsOfModel(`${target.provider}/${target.model}`), runs);
          limited ||= hasTokens(ofModel);
          tickets.push(await take(ofModel, tokens));
        }
        // Under a hard limit what goes upstream always says how long the answer may be.
        if (purses.some(({ name }) => name.budget.hardPico !== null)) bound(of, plan);
        const found =
          purses.length === 0 ? { holding: NOTHING, pico: 0, input: 0 } : await hold(purses, of.call, target);
        const headers = Object.assign({}, ...tickets.toReversed().map((ticket) => ticket.headers())) as Record<
          string,
          string
        >;
        const held = { ...found, call: of.call, purses, before: 0 };
        // What waits in the queue has been counted; its worker sees to the rest.
        const end = (used: number | null) => {
          for (const ticket of tickets) ticket.end(used);
        };
        return { ...admitted, plan, entry: entryOf(held, { headers, tokens: limited ? tokens : 0, end }) };
      }

      return { allow, leave };
    },

    async raw(caller, { userId, labels }, pico) {
      const subjects = subjectsOf(caller, deps.userHash(caller.tenant, userId));
      const { budgets } = deps;
      const ticket = await take(deps.limits().countsOf(subjects), 0);
      try {
        const purses = budgets === null || !deps.anyBudget() ? [] : budgets.of({ ...subjects, labels }, deps.now());
        const holding = await (budgets?.hold(purses, pico) ?? NOTHING);
        const held = { call: NO_CALL, purses, holding, pico: purses.length === 0 ? 0 : pico, input: 0, before: 0 };
        return entryOf(held, { headers: ticket.headers(), tokens: 0, end: ticket.end });
      } catch (error) {
        ticket.end(null);
        throw error;
      }
    },

    async resume(claim, plan) {
      const money = await deps.moneyOf(claim.tenant, claim.id);
      if (money === null) return null;
      const { body, tenant, keyId } = claim;
      const subjects = { tenant, key: keyId, team: money.team, account: null, userHash: money.userHash };
      const spender: Spender = { ...subjects, labels: money.labels };
      const target = plan.targets[0] as PlannedTarget;
      const limits = deps.limits();
      const counts = [...limits.countsOf(subjects), ...limits.countsOfModel(`${target.provider}/${target.model}`)];
      const ageMs = money.now - money.createdAt;
      const seats = await take(
        counts.filter(({ kind }) => kind === 'concurrent'),
        0,
      ).catch((error: unknown) => {
        throw inTurn(error, ageMs);
      });
      const { tokens: reserved = 0 } = body;
      const purses = deps.budgets === null || !deps.anyBudget() ? [] : deps.budgets.of(spender, money.createdAt);
      const took = performance.now();
      const end = (used: number | null) => {
        seats.end(used);
        if (used !== null && reserved > 0) limiter.correct(counts, reserved, used, ageMs + performance.now() - took);
      };
      const pico = money.heldPico ?? 0;
      const input = body.inputTokens ?? mostInput(body.call);
      const held = { call: body.call, purses, holding: NOTHING, pico, input, before: money.spentPico };
      const entry = entryOf(held, { headers: {}, tokens: 0, end });
      entry.recorded();
      return entry;
    },
  };

  /** Also what no model of the plan would refuse. */
  function bound(submission: Submission, { targets, unwell = [] }: RunPlan): void {
    const { call } = submission;
    if (call.kind !== 'answer' || call.maxTokens !== undefined) return;
    let maxTokens = BOUND;
    for (const { provider: name, model } of [...targets, ...unwell]) {
      const provider = deps.provider(name);
      if (provider) maxTokens = Math.min(maxTokens, deps.maxOutput(provider, model) ?? BOUND);
    }
    submission.call = { ...call, maxTokens };
  }
}
