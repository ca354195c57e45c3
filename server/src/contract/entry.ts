/** What a request that was let in has taken of limits and budgets, from its admission to its end. */
import type { Provider } from './provider.ts';
import type { Hold } from './record.ts';

/** Money that is held for something that is about to be written. */
export interface Holding {
  /** To be written with it. */
  readonly holds: readonly Hold[];
  /** The database has them. */
  written(): void;
  /** It has not; with an error, as far as anybody knows. */
  undo(error?: unknown): void;
}

/** An attempt that is about to begin. */
export interface NextAttempt {
  attempt: number;
  provider: Provider;
  model: string;
  /** What this run has cost so far; null: nobody knows. Picodollars. */
  spentPico: number | null;
  /** UTF-8 bytes of the answer's beginning, from which it goes on. */
  shownBytes: number;
}

/** Each of its functions may be called again, and does nothing then. */
export interface Entry {
  /** To be written with the acceptance. */
  readonly holds: readonly Hold[];
  /** For the answer to the caller. */
  readonly headers: Readonly<Record<string, string>>;
  /** Tokens that are set aside for it; 0 where none are limited. */
  readonly tokens: number;
  /** Tokens that its prompt was found to have at most; null: as many as it has bytes. */
  readonly inputTokens: number | null;
  /** The acceptance is in the record. */
  recorded(): void;
  /** It is not; with an error, as far as anybody knows. */
  unrecorded(error?: unknown): void;
  /** Null: the budget does not allow it. Rejects when that cannot be asked. */
  cover(next: NextAttempt): Promise<Holding | null>;
  /** It has ended, and its vendors counted so many tokens; null: nothing came of it. */
  end(tokens: number | null): void;
  /** Its end is in the record, or it never came there. */
  settled(id: string): void;
}
