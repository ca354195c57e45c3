/** What the record answers to those who read it. Times are milliseconds of database time, money is picodollars. */
import type { Usage } from './part.ts';
import type { AttemptEnd, AttemptError, AttemptStart, RequestError, StoredPlan } from './record.ts';
import type { Mode, State } from './states.ts';

export interface RequestRow {
  id: string;
  mode: Mode;
  state: State;
  taskType: string;
  priority: number;
  model: string | null;
  createdAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  estimatePico: number | null;
  costPico: number | null;
  labels: Record<string, string> | null;
  error: RequestError | null;
  /** Ended from outside, and what it has cost is still to be said. */
  unsettled: boolean;
  lastSeq: number;
  epoch: number;
  /** What was asked and answered was taken out of the record. */
  erased: boolean;
  keyId: string | null;
  userHash: string;
  /** Null in lists, before the first attempt, and where there was nothing to choose from. */
  plan: StoredPlan | null;
}

export interface AttemptRow
  extends Omit<AttemptStart, 'inputPico' | 'outputPico' | 'plan' | 'keyRef' | 'cache' | 'holds'> {
  keyRef: string | null;
  status: 'running' | AttemptEnd['status'];
  startedAt: number;
  firstTokenMs: number | null;
  latencyMs: number | null;
  usage: Usage | null;
  costPico: number | null;
  priceVersion: string | null;
  error: AttemptError | null;
}

export interface EventRow {
  id: number;
  at: number;
  type: string;
  payload: Record<string, unknown>;
}

export interface ListFilter {
  status?: State;
  taskType?: string;
  /** Id of the last item of the page before. */
  after?: string;
  limit: number;
}

export interface QueueNumbers {
  depth: number;
  running: number;
  oldestAgeMs: number;
}
