/**
 * Half an hour of mixed load without faults: memory, connections and open files must not grow.
 *
 * The rule: of the samples, one a minute, the middle of the last third may be above the middle of the second third by at
 * most 10 % and 12 MB (live memory), 10 % and 3 (connections), 10 % and 8 (files). The first third is for warming up.
 * Live memory is what a full collection leaves. What the system counts (RSS) goes up and down with how lazily garbage is
 * collected: it may not pass the highest of the first two thirds by more than 10 % and 12 MB.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterNode, startCluster } from '../support/cluster.ts';
import { openaiEnv } from '../support/vendors.ts';
import { startServices } from './batch.ts';
import type { World } from './clients.ts';
import { createHistory } from './history.ts';
import { startLoad } from './load.ts';
import { settingsWith, startVendor } from './oracle.ts';

export interface SoakOptions {
  minutes: number;
  /** Requests a second. */
  rate: number;
  seed: number;
  say(line: string): void;
}

const SLACK: Record<string, number> = { MB: 12, connections: 3, files: 8 };
const SHARE = 0.1;

/** Of all processes, by `name unit`. */
type Sample = Record<string, number>;

/** Linux only: it is where the numbers are. */
async function sampleNode(node: ClusterNode, folder: string): Promise<Sample> {
  const status = readFileSync(`/proc/${node.pid}/status`, 'utf8');
  const kb = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
  const file = join(folder, String(node.pid));
  rmSync(file, { force: true });
  node.signal('SIGUSR2');
  let live: number | null = null;
  for (let tries = 0; live === null; tries++) {
    await sleep(20);
    try {
      live = Number(readFileSync(file, 'utf8'));
    } catch (error) {
      if (tries > 500) throw error;
    }
  }
  return {
    [`${node.name} live MB`]: Math.round(live / 1024 / 1024),
    [`${node.name} RSS`]: Math.round(kb / 1024),
    [`${node.name} files`]: readdirSync(`/proc/${node.pid}/fd`).length,
  };
}

/** Whether every series is flat, and a line for each that is not. */
export function judge(samples: readonly Sample[]): string[] {
  const third = Math.floor(samples.length / 3);
  const second = samples.slice(third, samples.length - third);
  const last = samples.slice(samples.length - third);
  const middle = (list: readonly Sample[], name: string): number => {
    const values = list.map((sample) => sample[name] ?? 0).sort((a, b) => a - b);
    return values[Math.floor(values.length / 2)] ?? 0;
  };
  return Object.keys(samples.at(-1) ?? {}).flatMap((name) => {
    if (name.endsWith(' RSS')) {
      const highest = (list: readonly Sample[]) => Math.max(...list.map((sample) => sample[name] ?? 0));
      const [before, after] = [highest(samples.slice(0, samples.length - third)), highest(last)];
      const grown = after - before;
      return grown > 12 && grown > before * SHARE ? [`${name} passed ${before} and came to ${after}`] : [];
    }
    const [before, after] = [middle(second, name), middle(last, name)];
    const grown = after - before;
    const slack = SLACK[name.split(' ').at(-1) as string] ?? 0;
    return grown > slack && grown > before * SHARE ? [`${name} grew from ${before} to ${after}`] : [];
  });
}

/** True when all stayed flat, every request ended and no client found anything odd. */
export async function soak({ minutes, rate, seed, say }: SoakOptions): Promise<boolean> {
  const [vendor, services] = await Promise.all([startVendor(), startServices()]);
  const url = await services.postgres.database('soak');
  const folder = mkdtempSync(join(tmpdir(), 'goblin-soak-'));
  const cluster = await startCluster({
    apis: 2,
    workers: 2,
    settings: settingsWith({ lease_ms: 15_000, heartbeat_ms: 5000 }),
    env: {
      ...openaiEnv(vendor.simulator),
      DATABASE_URL: url,
      REDIS_URL: services.redis.url,
      NODE_OPTIONS: `--import=${new URL('./live-memory.ts', import.meta.url)}`,
      GOBLIN_SOAK_FOLDER: folder,
    },
  });
  const history = createHistory();
  const lastMs = minutes * 60_000;
  const until = performance.now() + lastMs + 60_000;
  const world: World = { apis: () => cluster.apis, over: () => performance.now() > until };
  const load = startLoad(world, history, {
    seed,
    requests: Math.round(minutes * 60 * rate),
    overMs: lastMs,
    most: 250,
  });
  const samples: Sample[] = [];
  // Of a short run there are still enough samples for thirds.
  const everyMs = Math.min(60_000, lastMs / 12);
  for (let at = everyMs; at <= lastMs; at += everyMs) {
    await sleep(everyMs);
    const [row] = await services.postgres.sql(
      `select count(*)::int as n from pg_stat_activity where datname = 'soak' and backend_type = 'client backend'`,
    );
    const sample = {
      ...Object.assign({}, ...(await Promise.all(cluster.nodes.map((node) => sampleNode(node, folder))))),
      'postgres connections': row?.n as number,
      'redis connections': Number(/connected_clients:(\d+)/.exec(services.redis.cli('info', 'clients'))?.[1]),
    } as Sample;
    samples.push(sample);
    vendor.simulator.clear();
    const text = Object.entries(sample).map(([name, value]) => `${name} ${value}`);
    say(`${(at / 60_000).toFixed(1)} min, ${load.begun()} begun, ${load.running()} in hand: ${text.join(', ')}`);
  }
  await load.done;
  const found = [...judge(samples), ...history.all().flatMap((told) => told.odd.map((odd) => `${told.label}: ${odd}`))];
  for (const line of found.slice(0, 40)) say(line);
  say(found.length === 0 ? 'flat' : `not flat: ${found.length} findings`);
  await cluster.stop();
  rmSync(folder, { recursive: true });
  await vendor.close();
  await services.stop();
  return found.length === 0;
}
