/**
 * One reader of one request's frames: everything above a number, in order, without gap or repeat. It pulls from the
 * database and is pushed to by the bus only when it has caught up and its socket takes more, so its memory is bounded.
 */
import type { Bus, BusMessage, Ledger } from '../contract/ports.ts';
import type { StoredFrame } from '../contract/record.ts';

const PAGE = 256;
/** The bus only wakes; a reader that hears nothing looks by itself this often. */
const LOOK_MS = 5000;

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

  const unfollow = source.bus.follow(id, onMessage);
  const look = setInterval(() => pull(), LOOK_MS).unref();

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
    if (message.type === 'cancel' || !open) return;
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
    void drain()
      .catch(() => finish(false))
      .finally(() => {
        pulling = false;
        if (behind && writable && open) pull();
      });
  }

  async function drain(): Promise<void> {
    for (;;) {
      behind = false;
      const frames = await source.ledger.framesAfter(tenant, id, next - 1, PAGE);
      for (const frame of frames) {
        if (!open) return;
        // The end is told to whoever asks beyond it, too.
        if (frame.seq < next && frame.type !== 'end') continue;
        if (!take(frame)) {
          behind = true;
          return;
        }
      }
      if (frames.length < PAGE && !behind) return;
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
