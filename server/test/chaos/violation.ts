/** What the checks are given, and what they say. */
import type { JournalEntry } from '../../src/providers/simulator/index.ts';
import type { Told } from './history.ts';
import type { AttemptRecord, EventRecord, FrameRecord, Recorded, RequestRecord, ResultRecord } from './record.ts';

export type Report = (invariant: string, what: string, of: { label?: string | null; id?: string }) => void;

export interface Violation {
  invariant: string;
  /** Of the client's task; empty when it belongs to none. */
  label: string;
  id: string;
  what: string;
}

/** Picodollars a token: what `goblin.yaml` of the tests says, so that the price does not come from our own table. */
export const RATES = { input: 150_000, output: 600_000 };
export const PRICES = { 'openai/gpt-4o-mini': { input: 0.15, output: 0.6 } };

export interface CheckInput {
  history: readonly Told[];
  journal: readonly JournalEntry[];
  record: Recorded;
  /** The vendor's text for a prompt when nothing goes wrong. */
  said(prompt: string): string;
  /** Attempts a request may have. */
  cap: number;
  /** When something stood still, in milliseconds since the epoch: nobody can be in time then. */
  frozen: readonly { from: number; to: number }[];
}

/** One request with all that hangs on it. */
export interface Whole {
  request: RequestRecord;
  attempts: AttemptRecord[];
  events: EventRecord[];
  frames: FrameRecord[];
  results: ResultRecord[];
}

/** The record, by request and by label. */
export interface Sorted {
  all: Whole[];
  byId: Map<string, Whole>;
  byLabel: Map<string, Whole[]>;
  /** Calls for completions that reached the vendor. */
  calls: Map<string, JournalEntry[]>;
}

export function groupBy<T>(list: readonly T[], key: (item: T) => string | null): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const name = key(item);
    if (name === null) continue;
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}

export const isTerminal = (state: string): boolean => state !== 'queued' && state !== 'running';
