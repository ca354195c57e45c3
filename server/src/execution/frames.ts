/**
 * The frames of one detached request: commit, then show. What gathers while a write runs is joined into as few frames
 * as possible, numbered when its write begins, and published only after the database holds it.
 */
import type { FrameBody } from '../contract/part.ts';
import type { Bus, Ledger } from '../contract/ports.ts';

/** Characters that may wait for the database before the vendor is paused. */
const HIGH_WATER = 1024 * 1024;

export interface FrameLog {
  add(frame: FrameBody): void;
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

export function createFrameLog(deps: { ledger: Ledger; bus: Bus }, input: FrameLogInput): FrameLog {
  let waiting: FrameBody[] = [];
  let size = 0;
  let seq = input.lastSeq;
  let writing: Promise<void> | null = null;
  let full = false;
  let closed = false;

  async function write(): Promise<void> {
    while (waiting.length > 0 && !closed) {
      const frames = waiting;
      const firstSeq = seq + 1;
      waiting = [];
      size = 0;
      try {
        const stored = await deps.ledger.frames({
          id: input.id,
          tenant: input.tenant,
          epoch: input.epoch,
          firstSeq,
          frames,
        });
        if (!stored) {
          closed = true;
          input.onLost();
          return;
        }
        seq += stored.length;
        deps.bus.publish(input.id, { type: 'frames', frames: stored });
      } catch {
        // The database is away or refuses: the request cannot be shown, so it must not go on here.
        closed = true;
        input.onLost();
        return;
      }
      if (full) {
        full = false;
        input.onRoom();
      }
    }
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
  if (frame.type === 'text' || frame.type === 'reasoning') return frame.text.length;
  return frame.type === 'tool_call' ? frame.arguments.length : 100;
}

/** Joins neighbours that say the same thing in two pieces. Changes `last`. */
function join(last: FrameBody, frame: FrameBody): boolean {
  if (last.type === 'text' && frame.type === 'text') {
    last.text += frame.text;
    return true;
  }
  if (last.type === 'reasoning' && frame.type === 'reasoning') {
    last.text += frame.text;
    return true;
  }
  if (last.type === 'tool_call' && frame.type === 'tool_call' && last.index === frame.index && frame.id === undefined) {
    last.arguments += frame.arguments;
    return true;
  }
  return false;
}
