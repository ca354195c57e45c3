/** The last word on a plan: what is sick goes to the back, what may not be called goes out, each target gets a key. */
import { GoblinError } from '../contract/errors.ts';
import type { PlannedTarget, Provider } from '../contract/provider.ts';
import type { Dropped } from './able.ts';
import { comeBackMs } from './come-back.ts';
import type { KeyChoice } from './keys.ts';
import type { Candidate } from './offers.ts';
import type { Draft, Measure } from './score.ts';

/** Why a target may not be called now. */
export interface Trouble {
  /** Closed by hand: not even the last one left is called. */
  forced: boolean;
  /**
   * Milliseconds until it may be called; infinite: when somebody acts. Where nothing else is left, a target whose
   * breaker is open is called all the same, one that asked for a rest (`rests`) is waited for.
   */
  waitMs: number;
  rests: boolean;
  why: string;
}

/** What a plan is made by, beside the settings: see `HealthBook.snapshot`. */
export interface HealthView {
  trouble(candidate: Candidate): Trouble | null;
  /** Why it goes behind the others; null: it does not. */
  sick(candidate: Candidate): string | null;
  measure(candidate: Candidate): Measure | null;
  /** Null: there is nothing to choose from. */
  key(provider: Provider, model: string, seed: number): KeyChoice | null;
  /** The target (`provider/model`) that a conversation was answered by last. */
  stuck(conversation: number): string | null;
  /** It is known to be in no trouble at all: a quick answer for most. */
  calm(candidate: Candidate): boolean;
}

export interface Arranged {
  targets: PlannedTarget[];
  dropped: Dropped[];
  /** The same, as targets: a run that comes to them looks whether they are well by then. */
  unwell: readonly PlannedTarget[];
  /** How long to wait before the first call, since all rest; 0: not at all. */
  restMs: number;
}

const plain = (drafts: readonly Draft[]): PlannedTarget[] =>
  drafts.map(({ candidate, reason }) => ({ provider: candidate.provider, model: candidate.model, reason }));

/** `drafts` are able, each once, and there is one at least. Throws `unavailable` when all were closed by hand. */
export function arrange(
  drafts: readonly Draft[],
  view: HealthView | undefined,
  seed: number,
  hints: readonly string[],
): Arranged {
  if (view === undefined) return { targets: plain(drafts), dropped: [], unwell: [], restMs: 0 };
  const usable: Draft[] = [];
  const sick: { draft: Draft; why: string }[] = [];
  const out: Out[] = [];
  for (const draft of drafts) {
    const { candidate } = draft;
    if (!view.calm(candidate)) {
      const trouble = view.trouble(candidate);
      if (trouble !== null) {
        out.push({ draft, trouble });
        continue;
      }
      // Whoever asks for a provider gets it while it can be called at all.
      const why = hints.includes(candidate.provider) ? null : view.sick(candidate);
      if (why !== null) sick.push({ draft, why });
    }
    usable.push(draft);
  }
  if (usable.length === 0) return lastResort(out, view, seed);
  return { targets: withKeys(behind(usable, sick), view, seed), ...leftOut(out), restMs: 0 };
}

/** Where all are sick there is nothing to go behind. */
function behind(usable: readonly Draft[], sick: readonly { draft: Draft; why: string }[]): readonly Draft[] {
  if (sick.length === 0 || sick.length === usable.length) return usable;
  const back = new Set(sick.map(({ draft }) => draft));
  return [
    ...usable.filter((draft) => !back.has(draft)),
    ...sick.map(({ draft, why }) => ({ ...draft, reason: `${draft.reason}; moved back: ${why}` })),
  ];
}

interface Out {
  draft: Draft;
  trouble: Trouble;
}

const leftOut = (out: readonly Out[]): Pick<Arranged, 'dropped' | 'unwell'> => ({
  dropped: out.map(asDropped),
  unwell: out.map(({ draft: { candidate, reason }, trouble }) => ({
    provider: candidate.provider,
    model: candidate.model,
    reason: `${reason}; was left out: ${trouble.why}`,
  })),
});

/** All are in trouble: the one that is soonest out of it stays. */
function lastResort(out: readonly Out[], view: HealthView, seed: number): Arranged {
  let best: Out | null = null;
  for (const one of out) {
    if (!one.trouble.forced && (best === null || one.trouble.waitMs < best.trouble.waitMs)) best = one;
  }
  if (best === null) {
    const list = out
      .slice(0, 3)
      .map(({ draft, trouble }) => `${draft.candidate.key}: ${trouble.why}`)
      .join('; ');
    throw new GoblinError('unavailable', `Every target that could take this request is closed by hand (${list}).`, {
      retryAfterMs: comeBackMs(out.map(({ trouble }) => trouble.waitMs)),
    });
  }
  const { draft, trouble } = best;
  const reason = `${draft.reason}; ${out.length === 1 ? 'the only one' : 'the least bad of those left'}: ${trouble.why}`;
  return {
    targets: withKeys([{ ...draft, reason }], view, seed),
    ...leftOut(out.filter((one) => one !== best)),
    restMs: trouble.rests && Number.isFinite(trouble.waitMs) ? trouble.waitMs : 0,
  };
}

const asDropped = ({ draft, trouble }: Out): Dropped => ({
  provider: draft.candidate.provider,
  model: draft.candidate.model,
  reason: trouble.why,
});

/** More attempts than that are rare, and each looks for its key again when it begins. */
const WITH_KEYS = 8;

function withKeys(drafts: readonly Draft[], view: HealthView, seed: number): PlannedTarget[] {
  return drafts.map(({ candidate, reason }, place) => {
    const { provider, model, of } = candidate;
    const several = place < WITH_KEYS && of.keys !== undefined && of.keys.length > 1;
    const id = several ? (view.key(of, model, seed)?.id ?? null) : null;
    return id === null ? { provider, model, reason } : { provider, model, reason, keyRef: id };
  });
}
