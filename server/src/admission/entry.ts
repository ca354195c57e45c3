/** What a request that was let in has taken, until its end: one for each, whoever runs it. */
import type { AnswerCall } from '../contract/call.ts';
import type { Entry, Holding, NextAttempt } from '../contract/entry.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Provider } from '../contract/provider.ts';
import { mostInput } from '../money/hold.ts';
import { type Budgets, NOTHING } from './budgets/budgets.ts';
import type { Purse } from './budgets/purse.ts';

/** What a request holds when it is let in, and by what that was reckoned. */
export interface Held {
  call: AnswerCall;
  purses: readonly Purse[];
  holding: Holding;
  /** Of each purse. */
  pico: number;
  /** Tokens that the prompt has at most. */
  input: number;
  /** What attempts before this run have cost. */
  before: number;
}

export interface Told {
  headers: Record<string, string>;
  /** That were set aside. */
  tokens: number;
  end(tokens: number | null): void;
}

export interface EntryDeps {
  budgets: Budgets | null;
  /** What an attempt can cost at most; null when nobody knows its price. */
  mostOf(call: AnswerCall, provider: Provider, model: string, inputTokens: number): number | null;
  /** The money of a request that held some is written: see that its holds are settled. */
  settle(id: string): void;
}

export function createEntry(deps: EntryDeps, held: Held, { headers, tokens, end }: Told): Entry {
  const { call, purses, before, input } = held;
  const { budgets } = deps;
  let pico = held.pico;
  let state: 'open' | 'recorded' | 'unrecorded' = 'open';
  const parts: Holding[] = [held.holding];
  let ended = false;

  async function cover(next: NextAttempt): Promise<Holding | null> {
    if (purses.length === 0 || budgets === null) return NOTHING;
    const most = deps.mostOf(call, next.provider, next.model, input + next.shownBytes);
    if (most === null || next.spentPico === null) return null;
    const needed = before + next.spentPico + most;
    if (needed <= pico) return NOTHING;
    try {
      const more = await budgets.hold(purses, needed - pico);
      pico = needed;
      if (next.attempt > 1 || state !== 'open') return more;
      // It goes into the record with the acceptance, and shares its fate.
      parts.push(more);
      return { ...NOTHING, holds: more.holds };
    } catch (error) {
      if (error instanceof GoblinError && error.code === 'budget_exceeded') return null;
      throw error;
    }
  }

  return {
    holds: held.holding.holds,
    headers,
    tokens,
    inputTokens: input < mostInput(call) ? input : null,
    recorded() {
      if (state !== 'open') return;
      state = 'recorded';
      for (const part of parts) part.written();
    },
    unrecorded(error) {
      if (state !== 'open') return;
      state = 'unrecorded';
      for (const part of parts) part.undo(error);
    },
    cover,
    end(used) {
      if (ended) return;
      ended = true;
      end(used);
    },
    settled(id) {
      if (state === 'open') this.unrecorded();
      else if (state === 'recorded' && pico > 0) deps.settle(id);
    },
  };
}
