/** From nothing to ready: a first start, and starts on a warm folder; memory at rest. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rssOf, startServer } from './server.ts';

const firsts: number[] = [];
const warm: number[] = [];
for (let round = 0; round < 3; round++) {
  const folder = mkdtempSync(join(tmpdir(), 'goblin-bench-'));
  const first = await startServer({}, folder, true);
  firsts.push(first.readyMs);
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const firstRss = await rssOf(first);
  await first.stop();
  const again = await startServer({}, folder, true);
  warm.push(again.readyMs);
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const rss = await rssOf(again);
  await again.stop();
  rmSync(folder, { recursive: true, force: true });
  console.log(
    `round ${round + 1}: first start ready after ${firsts.at(-1)?.toFixed(0)} ms (${firstRss.toFixed(0)} MB at rest), warm ${warm.at(-1)?.toFixed(0)} ms (${rss.toFixed(0)} MB at rest)`,
  );
}
