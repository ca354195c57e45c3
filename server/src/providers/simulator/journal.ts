/** What the simulator was asked and what it sent: the oracle of the tests. Bounded, in memory. */

export interface JournalEntry {
  /** Counts from 1. */
  seq: number;
  /** `Date.now()` when the whole request had arrived. */
  at: number;
  /** Null while it runs. */
  endedAt: number | null;
  method: string;
  path: string;
  requestId: string;
  model: string | null;
  stream: boolean;
  /** Last four characters of the key. */
  key: string | null;
  idempotencyKey: string | null;
  /** The request as parsed; null when it was no JSON, or when newer bodies needed the room. */
  body: unknown;
  fault: string | null;
  status: number | null;
  /** Tokens whose bytes were handed to the socket, reasoning and tool arguments included. */
  tokensSent: number;
  /** As reported on the wire, null when nothing was. */
  usage: unknown;
  /**
   * `completed`: all was sent, with the vendor's terminal signal. `aborted`: the client left before the end.
   * `faulted`: a fault or a refusal kept the answer from being complete.
   */
  outcome: 'running' | 'completed' | 'aborted' | 'faulted';
}

export interface Journal {
  add(entry: JournalEntry, bytes: number): void;
  /** Copies, oldest first; at least the last `maxEntries` of them. */
  list(): JournalEntry[];
  clear(): void;
}

const MAX_ENTRIES = 200_000;
const MAX_BODY_BYTES = 64 * 1_048_576;

export function createJournal(maxEntries = MAX_ENTRIES, maxBodyBytes = MAX_BODY_BYTES): Journal {
  let entries: { entry: JournalEntry; bytes: number }[] = [];
  let bodyBytes = 0;
  // Everything before this index has given up its body.
  let oldestBody = 0;

  function dropBody(at: number): void {
    const slot = entries[at];
    if (slot === undefined) return;
    bodyBytes -= slot.bytes;
    slot.bytes = 0;
    slot.entry.body = null;
  }

  return {
    add(entry, bytes) {
      entries.push({ entry, bytes });
      bodyBytes += bytes;
      while (bodyBytes > maxBodyBytes && oldestBody < entries.length) dropBody(oldestBody++);
      // A quarter at a time: removing the first of many one by one would cost a copy each.
      if (entries.length > 1.25 * maxEntries) {
        const gone = entries.length - maxEntries;
        for (; oldestBody < gone; oldestBody++) dropBody(oldestBody);
        entries = entries.slice(gone);
        oldestBody = Math.max(0, oldestBody - gone);
      }
    },
    list() {
      return entries.map(({ entry }) => ({ ...entry }));
    },
    clear() {
      entries = [];
      bodyBytes = 0;
      oldestBody = 0;
    },
  };
}
