/** Before a stored answer is shown to somebody. */
import type { Caller } from '../contract/caller.ts';
import type { Ledger } from '../contract/ports.ts';
import type { RequestRow } from '../contract/rows.ts';

/**
 * Answers the record as this caller sees it: who asked has his own values, others the placeholders. Leaves a trace when
 * he has not asked it himself; rejects when that cannot be written.
 */
export type Shown = (caller: Caller, row: RequestRow, what: 'result' | 'stream' | 'metadata') => Promise<Ledger>;
