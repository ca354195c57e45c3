/**
 * The health book: what this process has seen of each target and key, and heard of from others. One for a process. It
 * keeps no timers and does no I/O; `now` is always in milliseconds since the epoch.
 */
import type { Provider } from '../contract/provider.ts';
import type { HealthView } from './arrange.ts';
import type { Forced } from './breaker.ts';
import { createExchange, type Exchange } from './exchange.ts';
import { judge, type Outcome } from './health.ts';
import { ONLY } from './keys.ts';
import { createRecords } from './records.ts';
import type { CallKind, MayRetry } from './retry-budget.ts';
import { type HealthRow, healthRows, type RestRow, restRows } from './rows.ts';
import type { HealthRules, Target } from './target.ts';
import { View } from './view.ts';

export type { HealthView } from './arrange.ts';
export type { Outcome } from './health.ts';
export type { CallKind, MayRetry } from './retry-budget.ts';
export type { HealthRow, RestRow } from './rows.ts';
export type { HealthRules } from './target.ts';

export interface CallStart {
  provider: string;
  model: string;
  /** The key that it goes with; null: the provider's only one, or none. */
  key: string | null;
  kind: CallKind;
  /** `stickOf` the call; null: it belongs to no conversation. */
  conversation: number | null;
}

/** A call that runs. Opaque. */
export interface Ticket {
  readonly start: CallStart;
  readonly target: Target;
  readonly begunAt: number;
  readonly probe: boolean;
  readonly charged: boolean;
  spoke: boolean;
  over: boolean;
}

export interface HealthBook extends Exchange {
  /** What a plan is made by (`PlanRequest.health`). Costs nothing; of use at this moment only. */
  snapshot(now: number): HealthView;
  /**
   * What keeps a call away that has no other place to go: it was closed by hand, or every key rests for a time that its
   * vendor or goblin.yaml has said. `waitMs` infinite: until somebody acts. Null: it may go.
   */
  bar(provider: Provider, model: string, now: number): { byHand: boolean; waitMs: number; why: string } | null;
  /** Whether a call may go there now: nothing keeps it away, or it is the probe that is due. */
  admits(provider: Provider, model: string, now: number): boolean;
  /** Milliseconds until a call may go there, or until it is worth asking again; 0: now; infinite: when somebody acts. */
  waitMs(provider: Provider, model: string, now: number): number;
  /**
   * Whether the budget has room for a call that repeats a failed one. Says nothing of breaker and keys: see `waitMs`.
   * Asking takes nothing; `begin` does.
   */
  mayRetry(provider: string, model: string, kind: Exclude<CallKind, 'first'>, now: number): MayRetry;
  /** The key for the next call: the same for the same `seed` while it may be used. Null: there is nothing to choose. */
  key(provider: Provider, model: string, seed: number, now: number): string | null;
  /** It was decided that a call goes there, and it begins in a moment: the probe that may be due is its own. */
  claim(provider: string, model: string, now: number): void;
  /** A call goes out. Each must be ended. */
  begin(start: CallStart, now: number): Ticket;
  /** The first visible part has come. */
  spoke(ticket: Ticket): void;
  /** `outcome` null: nothing was sent. Otherwise it is learnt from. */
  end(ticket: Ticket, outcome: Outcome | null, now: number): void;
  /** Learns from a call that had no ticket. */
  observe(call: Pick<CallStart, 'provider' | 'model' | 'key'>, outcome: Outcome, now: number): void;
  /** Sets a breaker by hand. `until` null: until `auto`. */
  force(provider: string, model: string, state: Forced['state'], until: number | null, by: string, now: number): void;
  /** Somebody has acted: a provider's keys are tried again, or one of them (null: its only one). Without a provider: all. */
  reset(now: number, provider?: string, key?: string | null): void;
  /** Grows when a state changes here: time to tell the others. */
  changes(): number;
  rows(now: number): HealthRow[];
  rests(now: number): RestRow[];
}

export interface BookOptions {
  /** The name of this process. */
  process: string;
  /** From 0 to 1. */
  random?: () => number;
  /** Targets, and keys, that are remembered. */
  most?: number;
  /** When these settings came into force: keys that others put out before are tried again. */
  since?: number;
}

export function createHealthBook(rules: HealthRules, options: BookOptions): HealthBook {
  const records = createRecords(rules, options.random ?? Math.random, options.most ?? 1000);
  const exchange = createExchange(records, options.process, options.since ?? 0);
  const { cooldowns, targets } = records;
  let changes = 0;

  function waitMs(provider: Provider, model: string, now: number): number {
    const breaker = targets.get(`${provider.name}/${model}`)?.breaker;
    const keyMs = records.chooseKey(provider, model, 0, now)?.restMs ?? 0;
    if (breaker === undefined || breaker.gate(now) !== 'open') return keyMs;
    return Math.max(keyMs, breaker.waitMs(now));
  }

  function learn(
    call: Pick<CallStart, 'provider' | 'model' | 'key'>,
    outcome: Outcome,
    now: number,
    target: Target,
    { begunAt, probe }: Pick<Ticket, 'begunAt' | 'probe'>,
  ): void {
    const verdict = judge(outcome, rules.breaker.slowMs);
    const { breaker, stats } = target;
    stats.observe(verdict, outcome, now);
    target.changed();
    if (verdict === 'fault') {
      const { first: calls, second: faults } = stats.window.total(now);
      if (breaker.fault(begunAt, probe, now, { calls, faults })) changes++;
    } else if (verdict === 'nothing') breaker.nothing(begunAt, probe, now);
    else if (breaker.good(begunAt, probe, now, verdict === 'good')) {
      // What was counted before it came back would open it again at the next failure.
      stats.window.forget(now);
      changes++;
    }
    const { code, retryAfterMs, tokens } = outcome;
    const { provider, model } = call;
    const key = call.key ?? ONLY;
    const news =
      code === null
        ? cooldowns.worked(provider, key, model, now)
        : cooldowns.failed(provider, key, model, code, retryAfterMs, now);
    if (news) changes++;
    if (call.key !== null && tokens !== null) records.use(provider, call.key).window.add(now, 0, tokens);
  }

  return {
    ...exchange,
    waitMs,
    snapshot: (now) => new View(records, now),
    bar(provider, model, now) {
      const breaker = targets.get(`${provider.name}/${model}`)?.breaker;
      if (breaker?.override(now)?.state === 'open') {
        return { byHand: true, waitMs: breaker.waitMs(now), why: breaker.say(now) };
      }
      const choice = records.chooseKey(provider, model, 0, now);
      if (choice === null || choice.restMs === 0 || choice.refused === true) return null;
      return { byHand: false, waitMs: choice.restMs, why: choice.why };
    },
    admits: (provider, model, now) => waitMs(provider, model, now) === 0,
    key: (provider, model, seed, now) => records.chooseKey(provider, model, seed, now)?.id ?? null,

    mayRetry(provider, model, kind, now) {
      const target = records.target(provider, model);
      // Where a breaker is open, or is to be probed, it alone decides.
      if (target.breaker.gate(now) !== 'closed' || target.budget.has(now)) return 'yes';
      if (kind === 'retry' || target.sick(now) !== null) return 'no';
      // A target that answers may have as many more at once as it has answered lately.
      const { first: calls, second: faults } = target.stats.window.total(now);
      if (target.silent < calls - faults + target.speaking) return 'yes';
      return target.silent > 0 ? 'wait' : 'no';
    },

    claim: (provider, model, now) => records.target(provider, model).breaker.claim(now),

    begin(start, now) {
      const target = records.target(start.provider, start.model);
      const probe = target.breaker.begin(now);
      if (probe) changes++;
      if (start.kind === 'first') target.budget.earn(now);
      const charged = start.kind !== 'first' && !probe && target.budget.take(now);
      target.load++;
      if (start.kind === 'fallback') target.silent++;
      if (start.key !== null) {
        const use = records.use(start.provider, start.key);
        use.load++;
        use.window.add(now, 1, 0);
      }
      return { start, target, begunAt: now, probe, charged, spoke: false, over: false };
    },

    spoke(ticket) {
      if (ticket.spoke || ticket.over) return;
      ticket.spoke = true;
      ticket.target.speaking++;
      if (ticket.start.kind === 'fallback') ticket.target.silent--;
    },

    end(ticket, outcome, now) {
      if (ticket.over) return;
      ticket.over = true;
      const { start, target, charged } = ticket;
      target.load--;
      if (ticket.spoke) target.speaking--;
      else if (start.kind === 'fallback') target.silent--;
      if (start.key !== null) {
        const use = records.use(start.provider, start.key);
        use.load = Math.max(0, use.load - 1);
      }
      if (outcome === null) {
        target.breaker.nothing(ticket.begunAt, ticket.probe, now);
        if (charged) target.budget.giveBack();
        return;
      }
      learn(start, outcome, now, target, ticket);
      if (outcome.code !== null) return;
      if (charged && start.kind === 'fallback') target.budget.giveBack();
      if (start.conversation !== null) records.stick(start.conversation, target.key, now);
    },

    observe(call, outcome, now) {
      learn(call, outcome, now, records.target(call.provider, call.model), { begunAt: now, probe: false });
    },

    force(provider, model, state, until, by, now) {
      records.target(provider, model).breaker.force(state, until, by, now);
      changes++;
    },

    reset(now, provider, key) {
      cooldowns.reset(now, provider, key === null ? ONLY : key);
      changes++;
    },

    changes: () => changes,
    rows: (now) => healthRows(records, now),
    rests: (now) => restRows(records, now),
  };
}
