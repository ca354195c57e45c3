/**
 * One reader of one request's frames: everything above a number, in order, without gap or repeat. It pulls from the
 * database and is pushed to by the bus only when it has caught up and its socket takes more, so its memory is bounded.
 */
import { GoblinError } from '../contract/errors.ts';
import type { Bus, BusMessage, Ledger } from '../contract/ports.ts';
import type { StoredFrame } from '../contract/record.ts';

const PAGE = 256;
/** The bus only wakes; a reader that hears nothing looks by itself this often, and this often where it cannot hear all. */
const LOOK_MS = 5000;
const DEAF_LOOK_MS = 500;

export interface ReaderOutput {
  /** False: nothing more until `resume`. */
  write(frame: StoredFrame): boolean;
  /** After the `end` frame, or when frames cannot be read. */
  end(clean: boolean): void;
}

export interface Reader {
  resume(): void;
  close(): void;
}

export interface ReaderSource {
  ledger: Pick<Ledger, 'framesAfter'>;
  bus: Bus;
  hearsAll(): boolean;
  /** Whether the bus may hold frames of this request. */
  cached: boolean;
}

export function startReader(
  source: ReaderSource,
  tenant: string,
  id: string,
  after: number,
  out: ReaderOutput,
): Reader {
  let next = after + 1;
  let open = true;
  let writable = true;
  let pulling = false;
  /** Something came while we could not take it. */
  let behind = true;

  let looked = performance.now();

  const unfollow = source.bus.follow(id, onMessage);
  const look = setInterval(() => {
    if (source.hearsAll() && performance.now() - looked < LOOK_MS) return;
    pull();
  }, DEAF_LOOK_MS).unref();

  function close(): void {
    if (!open) return;
    open = false;
    unfollow();
    clearInterval(look);
  }

  function finish(clean: boolean): void {
    if (!open) return;
    close();
    out.end(clean);
  }

  /** Writes one frame; false when the reader is over or full. */
  function take(frame: StoredFrame): boolean {
    writable = out.write(frame);
    next = frame.seq + 1;
    if (frame.type === 'end') {
      finish(true);
      return false;
    }
    return writable;
  }

  function onMessage(message: BusMessage): void {
    if ((message.type !== 'ended' && message.type !== 'frames') || !open) return;
    if (message.type === 'ended' || pulling || behind || !writable) {
      behind = true;
      pull();
      return;
    }
    for (const frame of message.frames) {
      if (frame.seq < next) continue;
      if (frame.seq > next) {
        behind = true;
        pull();
        return;
      }
      if (!take(frame)) {
        behind = true;
        return;
      }
    }
  }

  function pull(): void {
    if (pulling || !open || !writable) return;
    pulling = true;
    looked = performance.now();
    void drain()
      .catch((error: unknown) => {
        // While the record is away the reader waits with it.
        if (!(error instanceof GoblinError) || error.code !== 'unavailable') finish(false);
        else behind = false;
      })
      .finally(() => {
        pulling = false;
        if (behind && writable && open) pull();
      });
  }

  async function drain(): Promise<void> {
    for (;;) {
      behind = false;
      const recent = source.cached ? ((await source.bus.recent(id, next - 1)) ?? []) : [];
      // Only the database knows that there is no more.
      const last = recent.length === 0;
      const frames = last ? await source.ledger.framesAfter(tenant, id, next - 1, PAGE) : recent;
      for (const frame of frames) {
        if (!open) return;
        // The end is told to whoever asks beyond it, too.
        if (frame.seq < next && frame.type !== 'end') continue;
        if (!take(frame)) {
          behind = true;
          return;
        }
      }
      if (last && frames.length < PAGE && !behind) return;
    }
  }

  pull();
  return {
    resume() {
      writable = true;
      if (behind) pull();
    },
    close,
  };
}
