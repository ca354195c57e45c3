/**
 * The frames of one detached request: commit, then show. What gathers while a write runs is joined into as few frames
 * as possible, numbered when its write begins, and published only after the database holds it.
 */
import type { FrameBody } from '../contract/part.ts';
import type { Bus, Ledger } from '../contract/ports.ts';
import type { FrameWrite, StoredFrame } from '../contract/record.ts';
import type { Persist } from './persist.ts';

/** Characters that may wait for the database before the vendor is paused. */
const HIGH_WATER = 1024 * 1024;

export interface FrameLog {
  add(frame: FrameBody): void;
  /**
   * Commits what waits and these frames by a write of the caller's own, which carries more than frames. False when the
   * request is no longer ours.
   */
  commit(frames: FrameBody[], write: (frames: FrameWrite) => Promise<StoredFrame[] | null>): Promise<boolean>;
  /** Starts a write if none runs. False when too much waits. */
  flush(): boolean;
  /** Stops writing; answers what was not written, and the number of its first frame. */
  close(): Promise<{ firstSeq: number; frames: FrameBody[] }>;
}

export interface FrameLogInput {
  id: string;
  tenant: string;
  epoch: number;
  lastSeq: number;
  /** The ledger says that the request is no longer ours. */
  onLost(): void;
  /** There is room again. */
  onRoom(): void;
}

export interface FrameLogDeps {
  ledger: Ledger;
  bus: Bus;
  persist: Persist;
  /** UTC day, `YYYY-MM-DD`. */
  day(): string;
}

export function createFrameLog(deps: FrameLogDeps, input: FrameLogInput): FrameLog {
  let waiting: FrameBody[] = [];
  let size = 0;
  let seq = input.lastSeq;
  let writing: Promise<void> | null = null;
  let full = false;
  let closed = false;

  const lost = (): false => {
    closed = true;
    input.onLost();
    return false;
  };

  /** Numbers all that waits, writes it and shows it. While the record is away it waits, and the vendor with it. */
  async function put(write: (frames: FrameWrite) => Promise<StoredFrame[] | null>): Promise<boolean> {
    const frames = waiting;
    waiting = [];
    size = 0;
    const { id, tenant, epoch } = input;
    const numbered = { id, tenant, epoch, firstSeq: seq + 1, day: deps.day(), frames };
    try {
      const stored = await deps.persist(() => write(numbered));
      if (!stored) return lost();
      seq += stored.length;
      if (stored.length > 0) deps.bus.publish(id, { type: 'frames', frames: stored });
    } catch {
      // The record refuses, or the process stops: the request cannot be shown, so it must not go on here.
      return lost();
    }
    if (full) {
      full = false;
      input.onRoom();
    }
    return true;
  }

  async function write(): Promise<void> {
    // An answer whose end came with the same read goes along with its end, in one commit.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0 && !closed) if (!(await put(deps.ledger.frames))) return;
  }

  return {
    add(frame) {
      const last = waiting.at(-1);
      if (last && join(last, frame)) {
        size += weight(frame);
        return;
      }
      waiting.push(frame);
      size += weight(frame) + 64;
    },
    flush() {
      if (!writing && waiting.length > 0 && !closed) {
        writing = write().finally(() => {
          writing = null;
        });
      }
      full = size > HIGH_WATER;
      return !full;
    },
    async commit(frames, write) {
      while (writing) await writing;
      if (closed) return false;
      waiting.push(...frames);
      let ok = false;
      writing = put(write)
        .then((done) => {
          ok = done;
        })
        .finally(() => {
          writing = null;
        });
      await writing;
      return ok;
    },
    async close() {
      // What the running write has not taken goes along with the end, in one commit.
      const rest = waiting;
      waiting = [];
      await writing;
      closed = true;
      return { firstSeq: seq + 1, frames: rest };
    },
  };
}

function weight(frame: FrameBody): number {
  if (frame.type === 'text') return frame.text.length;
  if (frame.type === 'reasoning') return frame.text.length + marks(frame);
  return frame.type === 'tool_call' ? frame.arguments.length + marks(frame) : 100;
}

/** Encrypted reasoning may be larger than all the rest. */
const marks = ({ vendor }: { vendor?: unknown }): number => (vendor ? JSON.stringify(vendor).length : 0);

/** Joins neighbours that say the same thing in two pieces. Changes `last`. */
function join(last: FrameBody, frame: FrameBody): boolean {
  // Each has the key to its own placeholders.
  if (last.sealed !== undefined || frame.sealed !== undefined) return false;
  if (last.type === 'text' && frame.type === 'text') {
    last.text += frame.text;
    return true;
  }
  // A mark of the vendor closes what it belongs to.
  if (last.type === 'reasoning' && frame.type === 'reasoning' && !last.vendor) {
    last.text += frame.text;
    if (frame.vendor) last.vendor = frame.vendor;
    return true;
  }
  if (last.type === 'tool_call' && frame.type === 'tool_call' && last.index === frame.index && frame.id === undefined) {
    if (frame.vendor) return false;
    last.arguments += frame.arguments;
    return true;
  }
  return false;
}
