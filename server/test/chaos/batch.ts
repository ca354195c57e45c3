/** What cases run on: one process over its folder, or three over PostgreSQL and Redis. The same for many cases. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { openPglite } from '../../src/drivers/pglite.ts';
import { type ClusterNode, SECRET, startCluster, startNode } from '../support/cluster.ts';
import { makePlace, runGoblin, tempFolder } from '../support/server.ts';
import { type PostgresService, type RedisService, startPostgres, startRedis } from '../support/services.ts';
import { seedDatabase } from '../support/template.ts';
import { openaiEnv } from '../support/vendors.ts';
import { settingsWith, type Vendor } from './oracle.ts';
import { FENCE_SQL, type Query, type Recorded, readRecord, UNQUIET } from './record.ts';

export const SHAPES = ['embedded', 'spread'] as const;
export type Shape = (typeof SHAPES)[number];

const ENTRY = fileURLToPath(new URL('entry.ts', import.meta.url));

export interface Batch {
  nodes: readonly ClusterNode[];
  apis: readonly ClusterNode[];
  /** Where faults are armed. */
  faultFile: string;
  /** Requests that have not ended. */
  open(): Promise<number>;
  /** Waits for the money, stops everything, answers what is recorded. */
  finish(): Promise<Recorded>;
}

/** Attempts of a request that ended without its runner are settled five seconds later. */
const SETTLE_MS = 12_000;

export async function startEmbedded(vendor: Vendor): Promise<Batch> {
  const folder = tempFolder('goblin-chaos-');
  const data = join(folder, 'data');
  const database = join(data, 'db');
  await seedDatabase(data);
  // The fence is in the database before the first process is.
  const fresh = await openPglite(database);
  await fresh.script(FENCE_SQL);
  await fresh.close();
  const faultFile = join(folder, 'fault.json');
  const node = await startNode({
    role: 'all',
    entry: ENTRY,
    folder,
    settings: settingsWith(),
    env: { ...openaiEnv(vendor.simulator), GOBLIN_CHAOS_FAULT: faultFile },
  });
  const nodes = [node];
  return {
    nodes,
    apis: nodes,
    faultFile,
    async open() {
      const counts = await Promise.all(['queued', 'running'].map((status) => listed(node, status)));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    async finish() {
      // The database can only be read when its process has left it: what is to be settled has had its time by then.
      await sleep(SETTLE_MS / 2);
      await node.stop();
      const sql = await openPglite(database);
      try {
        return await readRecord((text) => sql.query(text));
      } finally {
        await sql.close();
      }
    },
  };
}

async function listed(node: ClusterNode, status: string): Promise<number> {
  const answer = await fetch(`${node.address}/mcp/v1/request?status=${status}&limit=100`);
  return ((await answer.json()) as { items: unknown[] }).items.length;
}

export interface Services {
  postgres: PostgresService;
  redis: RedisService;
  stop(): Promise<void>;
}

export async function startServices(): Promise<Services> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  return {
    postgres,
    redis,
    async stop() {
      await Promise.all([postgres.stop(), redis.stop()]);
    },
  };
}

/** Plain SQL, by a connection of the test's own. */
export async function openQuery(url: string): Promise<{ query: Query; close(): Promise<void> }> {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => {});
  return {
    query: async (text) => (await pool.query(text)).rows as Awaited<ReturnType<Query>>,
    close: () => pool.end(),
  };
}

let databases = 0;

/** One API process and two workers on a database of their own. */
export async function startSpread(vendor: Vendor, services: Services): Promise<Batch> {
  const number = ++databases;
  const url = await services.postgres.database(`chaos_${number}`);
  // The fence is in the database before the first process is.
  const place = makePlace();
  const migrated = await runGoblin(['migrate'], place, { DATABASE_URL: url, MCP_SECRET: SECRET });
  if (migrated.code !== 0) throw new Error(`goblin migrate ended with ${migrated.code}: ${migrated.stderr}`);
  const { query, close } = await openQuery(url);
  await query(FENCE_SQL);
  const faultFile = join(place.folder, 'fault.json');
  const cluster = await startCluster({
    apis: 1,
    workers: 2,
    entry: ENTRY,
    settings: settingsWith(),
    env: {
      ...openaiEnv(vendor.simulator),
      GOBLIN_CHAOS_FAULT: faultFile,
      DATABASE_URL: url,
      REDIS_URL: `${services.redis.url}/${number % 16}`,
    },
  });
  return {
    nodes: cluster.nodes,
    apis: cluster.apis,
    faultFile,
    async open() {
      return (await query(UNQUIET))[0]?.open as number;
    },
    async finish() {
      const until = performance.now() + SETTLE_MS;
      while ((await query(UNQUIET))[0]?.unsettled !== 0 && performance.now() < until) await sleep(100);
      const record = await readRecord(query);
      await close();
      await cluster.stop();
      return record;
    },
  };
}
