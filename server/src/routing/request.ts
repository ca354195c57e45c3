/** What a plan is asked for. */
import type { Needs } from './able.ts';
import type { HealthView } from './arrange.ts';

export interface PlanRequest {
  /** As the caller wrote it; left out or `auto` means that we choose. */
  model?: string;
  taskType: string;
  /** Names of providers to put first, in this order. */
  hints: readonly string[];
  needs: Needs;
  /** Now, in milliseconds: prices may depend on the time of day. */
  at: number;
  /** What is known of the targets' health; left out: all are well. */
  health?: HealthView;
  /** The same for all requests of a conversation (`stickOf`); null or left out: it is the only one. */
  conversation?: number | null;
  /** From 0 to 1: the lot of a request without a conversation. */
  random?: number;
  /** Why a policy forbids a target; null: it does not. */
  forbids?(provider: string, model: string): string | null;
}

/** By which lots are drawn. */
export const seedOf = ({ conversation, random }: PlanRequest): number =>
  conversation ?? Math.floor((random ?? 0) * 0xffffffff);
