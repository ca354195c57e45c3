/** Which targets a request may go to, in which order and why. Pure: settings in, decisions out. */
import type { GoblinError } from '../contract/errors.ts';
import type { PlannedTarget } from '../contract/provider.ts';
import type { FailoverMode } from '../contract/states.ts';
import { type Dropped, describeLack, type Lack, lackOf, nothingAble } from './able.ts';
import { arrange } from './arrange.ts';
import { noProvider, nothingAllowed, nothingForAuto, unknownHint } from './errors.ts';
import { hasKeyFor } from './keys.ts';
import { createOffers, type RouterSnapshot } from './offers.ts';
import { type PlanRequest, seedOf } from './request.ts';
import { createResolve } from './resolve.ts';
import type { Draft } from './score.ts';

export type { RouterSnapshot } from './offers.ts';
export type { PlanRequest } from './request.ts';

export interface Plan {
  /** Never empty. */
  targets: PlannedTarget[];
  /** What would have stood there, had it been able, allowed and well. */
  dropped: Dropped[];
  /** Those of `dropped` that are out for their health alone, in their order: they may be well when the others have failed. */
  unwell?: readonly PlannedTarget[];
  /** Set when every target rests, as its vendor asked: milliseconds until the first call. */
  restMs?: number;
  /** What the route says for requests that do not say it themselves. */
  failover?: FailoverMode;
  /** Set when a route keeps its requests out of the response cache. */
  cache?: false;
}

export interface Router {
  /**
   * Throws `unknown_model`, `no_provider`, `context_too_long`, `unsupported_by_target`, `invalid_request`, `forbidden`,
   * and `unavailable` when every target was closed by hand.
   */
  plan(request: PlanRequest): Plan;
  /** Every model that a configured provider lists. */
  models(): { provider: string; model: string }[];
}

/** One router for each snapshot of the settings: its indexes are built at the first plan that needs them. */
export function createRouter(snapshot: RouterSnapshot): Router {
  const { providers } = snapshot;
  const offers = createOffers(snapshot);
  const resolve = createResolve(snapshot, offers);

  function checkHints(hints: readonly string[]): void {
    for (const hint of hints) if (offers.find(hint) === undefined) throw unknownHint(hint, providers);
  }

  /** Hinted providers first, in the order of the hints; the rest keep their places. */
  function byHints(drafts: Draft[], hints: readonly string[]): Draft[] {
    if (hints.length === 0) return drafts;
    const place = ({ candidate }: Draft): number => {
      const at = hints.indexOf(candidate.provider);
      return at === -1 ? hints.length : at;
    };
    return [...drafts].sort((a, b) => place(a) - place(b));
  }

  /** What is no use for this request, and why; null: it is. */
  function unfit({ candidate }: Draft, request: PlanRequest): (Dropped & { lack?: Lack; barred?: true }) | null {
    const { of, provider, model, info } = candidate;
    const lack = lackOf(info, request.needs);
    if (lack !== null) return { provider, model, reason: describeLack(lack, info, request.needs), lack };
    const why = request.forbids?.(provider, model) ?? null;
    if (why !== null) return { provider, model, reason: why, barred: true };
    return hasKeyFor(of, model) ? null : { provider, model, reason: 'none of its keys is for this model' };
  }

  /** Says what is missing, if an ability is; what may be done about it otherwise. */
  function nothingLeft(dropped: readonly (Dropped & { lack?: Lack; barred?: true })[]): GoblinError {
    const unable = dropped.filter((one): one is Dropped & { lack: Lack } => one.lack !== undefined);
    const barred = dropped.filter((one) => one.barred === true);
    if (barred.length > 0) return nothingAllowed('forbidden', barred);
    if (unable.length > 0) return nothingAble(unable);
    return dropped.length > 0 ? nothingAllowed('unknown_model', dropped) : nothingForAuto(providers);
  }

  return {
    plan(request) {
      if (providers.length === 0) throw noProvider();
      checkHints(request.hints);
      const { drafts, dropped: left, failover, cache } = resolve(request);
      const fit: Draft[] = [];
      const dropped: (Dropped & { lack?: Lack; barred?: true })[] = [...left];
      for (const draft of byHints(drafts, request.hints)) {
        const reason = unfit(draft, request);
        if (reason === null) fit.push(draft);
        else dropped.push(reason);
      }
      if (fit.length === 0) throw nothingLeft(dropped);
      const { targets, dropped: sick, unwell, restMs } = arrange(fit, request.health, seedOf(request), request.hints);
      return {
        targets,
        dropped: [...dropped, ...sick].map(({ provider, model, reason }) => ({ provider, model, reason })),
        ...(unwell.length > 0 ? { unwell } : {}),
        ...(restMs > 0 ? { restMs } : {}),
        ...(failover === undefined ? {} : { failover }),
        ...(cache === undefined ? {} : { cache }),
      };
    },

    models() {
      return [...offers.listings()].flatMap(([model, listing]) =>
        listing.map((provider) => ({ provider: provider.name, model })),
      );
    },
  };
}
