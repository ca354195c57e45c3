/** What may be said of a route. */
import type { FailoverMode } from '../contract/states.ts';

/**
 * - `ordered`: as they are listed.
 * - `cheapest`: by price; without a known price last.
 * - `fastest`: by the time that 200 tokens take, failures counted in; what was not measured lately goes first, until it is.
 * - `balanced`: by price, time and load together.
 * - `weighted`: by lot, as often as the weights say; a conversation keeps its lot.
 */
export const STRATEGIES = ['ordered', 'cheapest', 'fastest', 'balanced', 'weighted'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** What the settings say of an alias or a task type, beside its list. */
export interface RouteRule {
  strategy?: Strategy;
  /** By the names in its list; those without one weigh 1. */
  weights?: Readonly<Record<string, number>>;
  /** For requests that do not say what is to happen when a provider breaks off. */
  failover?: FailoverMode;
  /** Its requests stay out of the response cache. */
  cache?: false;
}
