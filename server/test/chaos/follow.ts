/** A reader that loses its connection again and again, and goes on elsewhere from where it was. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Addressed } from '../support/api.ts';
import { openSse, openWs, type StreamReader } from '../support/streams.ts';
import { nodeFor, type World } from './clients.ts';
import type { Read, Told } from './history.ts';

/** A connection on which nothing comes for so long is given up: the node may be frozen. */
const SILENCE_MS = 4000;

/** Never hangs, and never throws: null when no connection came about. */
async function open(node: Addressed, form: typeof openSse, id: string, after: number): Promise<StreamReader | null> {
  let late = false;
  const opening = form(node, id, after === 0 ? {} : { after }).catch(() => null);
  const timer = sleep(SILENCE_MS, null, { ref: false }).then(() => {
    late = true;
    return null;
  });
  void opening.then((stream) => {
    if (late) stream?.close();
  });
  return await Promise.race([opening, timer]);
}

/** Reads to the `end` frame; `cut` says after how many frames of a connection it is cut, null for not at all. */
export async function follow(
  world: World,
  told: Told,
  id: string,
  first: number,
  cut: () => number | null,
): Promise<void> {
  const read: Read = { id, frames: [], connections: 0, complete: false };
  told.reads.push(read);
  for (let n = first; !world.over(); n++) {
    const stream = await open(nodeFor(world, n), n % 2 === 0 ? openSse : openWs, id, read.frames.length);
    if (!stream || stream.status === 503 || stream.status === 429 || stream.status === 502) {
      await sleep(200);
      continue;
    }
    if (stream.status !== 200 && stream.status !== 101) {
      const which = stream.status === 404 ? 'I1' : 'I10';
      told.odd.push(
        `${which}: ${id} from ${read.frames.length} was answered ${stream.status}: ${stream.body.slice(0, 200)}`,
      );
      return;
    }
    read.connections++;
    if (!(await take(stream, read, told, cut()))) return;
    if (read.complete) return;
  }
  told.odd.push(`I3: the stream of ${id} had no end when its client gave up`);
}

/** Takes what comes until the stream ends, is cut, or is silent. False when the client has seen enough. */
async function take(stream: StreamReader, read: Read, told: Told, cutAfter: number | null): Promise<boolean> {
  let over = false;
  let used = 0;
  let heard = performance.now();
  void stream.ended.then(() => {
    over = true;
  });
  for (;;) {
    const last = over;
    for (; used < stream.frames.length; used++) {
      const frame = stream.frames[used];
      if (!frame) break;
      heard = performance.now();
      if (frame.seq !== read.frames.length + 1) {
        told.odd.push(`I10: ${read.id} sent number ${frame.seq} after ${read.frames.length}`);
        stream.close();
        return false;
      }
      read.frames.push(JSON.stringify(frame));
      if (frame.type === 'end') read.complete = true;
    }
    if (read.complete || last) break;
    if ((cutAfter !== null && used >= cutAfter) || performance.now() - heard > SILENCE_MS) break;
    await sleep(15);
  }
  stream.close();
  return true;
}
