/** The chaos run: two API and three worker processes over real PostgreSQL and Redis, mixed load, a monkey, and the invariants at the end. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { openaiEnv } from '../support/vendors.ts';
import { openQuery, type Services, startServices } from './batch.ts';
import type { World } from './clients.ts';
import { createHistory } from './history.ts';
import { check } from './invariants.ts';
import { startLoad } from './load.ts';
import { startMonkey } from './monkey.ts';
import { CAP, settingsWith, startVendor, type Vendor } from './oracle.ts';
import { FENCE_SQL, type Query, type Recorded, readRecord, UNQUIET } from './record.ts';
import { schedule } from './schedule.ts';
import { type Summary, summarize } from './summary.ts';
import type { Violation } from './violation.ts';

export interface ChaosOptions {
  seed: number;
  requests: number;
  faults: number;
  /** Left out: as long as the faults take. */
  minutes?: number;
  say(line: string): void;
}

export const LEASE_MS = 1500;
const GAP_MS = 1500;
const APIS = 2;
const WORKERS = 3;
/** How long clients try once the faults have stopped: leases, attempts and their rests, and slack. */
const AFTER_MS = 60_000;
/** After which everything is quiet: an attempt that nobody settles is settled five seconds after its end. */
const QUIET_MS = 30_000;

interface Lines {
  redis: FaultProxy;
  postgres: FaultProxy;
}

export async function chaos(options: ChaosOptions): Promise<Summary> {
  const began = performance.now();
  const gapMs = options.minutes === undefined ? GAP_MS : (options.minutes * 60_000) / options.faults;
  const steps = schedule({ ...options, gapMs, apis: APIS, workers: WORKERS, leaseMs: LEASE_MS });
  const lastMs = Math.max(...steps.map((step) => step.at + step.forMs));
  options.say(
    `seed ${options.seed}: ${options.requests} requests, ${steps.length} faults in ${Math.round(lastMs / 1000)} s`,
  );
  const [vendor, services] = await Promise.all([startVendor(), startServices()]);
  const url = await services.postgres.database('chaos');
  const lines: Lines = {
    redis: await startFaultProxy(services.redis.port),
    postgres: await startFaultProxy(services.postgres.port),
  };
  const through = new URL(url);
  through.port = String(lines.postgres.port);
  const cluster = await startCluster({
    apis: APIS,
    workers: WORKERS,
    settings: settingsWith({ lease_ms: LEASE_MS, heartbeat_ms: 400 }),
    env: {
      ...openaiEnv(vendor.simulator),
      DATABASE_URL: through.href,
      REDIS_URL: `redis://127.0.0.1:${lines.redis.port}`,
    },
  });
  const direct = await openQuery(url);
  await direct.query(FENCE_SQL);

  const history = createHistory();
  let until = Number.POSITIVE_INFINITY;
  const world: World = { apis: () => cluster.apis, over: () => performance.now() > until };
  const load = startLoad(world, history, { ...options, overMs: lastMs, most: 250 });
  const monkey = startMonkey({ ...cluster, services, lines }, steps, options.say);
  const ticking = setInterval(
    () => options.say(`      ${load.begun()} tasks begun, ${load.running()} in hand, rss ${rssMb()} MB`),
    15_000,
  );
  await monkey.done;
  const calm = performance.now();
  until = calm + AFTER_MS;
  await load.done;
  clearInterval(ticking);
  const quietMs = await quiet(direct.query, calm);
  const record = await readRecord(direct.query);
  monkey.stop();
  const said = await vendor.expect(history.all().map((told) => told.prompt));
  const journal = vendor.simulator.journal();
  const violations: Violation[] = [
    ...check({ history: history.all(), journal, record, said, cap: CAP, frozen: monkey.frozen }),
    ...monkey.wrong.map((what) => ({ invariant: 'process', label: '', id: '', what })),
    // A run that did less than it was asked for has not proved what it says.
    ...(load.begun() < options.requests
      ? [{ invariant: 'run', label: '', id: '', what: `only ${load.begun()} of ${options.requests} tasks were begun` }]
      : []),
    ...(quietMs === null ? [{ invariant: 'I3', label: '', id: '', what: `not quiet after ${QUIET_MS} ms` }] : []),
  ];
  const codes = await Promise.all(cluster.nodes.map((node) => node.stop()));
  codes.forEach((code, i) => {
    if (code !== 0) {
      const what = `${cluster.nodes[i]?.name} ended with ${code} when all was over`;
      violations.push({ invariant: 'process', label: '', id: '', what });
    }
  });
  const folder =
    violations.length === 0
      ? null
      : keep({ history: history.all(), journal, record, frozen: monkey.frozen, violations }, cluster);
  await close(vendor, services, lines, direct);
  const seconds = (performance.now() - began) / 1000;
  return summarize({ options, history: history.all(), record, monkey, violations, folder, quietMs, seconds });
}

/** Milliseconds from the last fault until every request had ended and every attempt was settled; null: not in time. */
async function quiet(query: Query, since: number): Promise<number | null> {
  const until = performance.now() + QUIET_MS;
  while (performance.now() < until) {
    const [row] = await query(UNQUIET);
    if (row?.open === 0 && row.unsettled === 0) return Math.round(performance.now() - since);
    await sleep(200);
  }
  return null;
}

const rssMb = (): number => Math.round(process.memoryUsage.rss() / 1_048_576);

async function close(
  vendor: Vendor,
  services: Services,
  lines: Lines,
  direct: { close(): Promise<void> },
): Promise<void> {
  await direct.close();
  await Promise.all([lines.redis.close(), lines.postgres.close(), vendor.close()]);
  await services.stop();
}

/** Everything that is needed to find out why. */
function keep(
  all: {
    history: unknown;
    journal: readonly unknown[];
    record: Recorded;
    frozen: unknown;
    violations: readonly Violation[];
  },
  cluster: Cluster,
): string {
  const folder = mkdtempSync(join(tmpdir(), 'goblin-chaos-found-'));
  for (const [name, value] of Object.entries(all)) {
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(value, null, 1));
  }
  for (const node of cluster.nodes) writeFileSync(join(folder, `${node.name}.log`), node.log());
  return folder;
}
