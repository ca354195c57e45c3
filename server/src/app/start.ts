/** The process that does everything: API, worker, and the simulator when nothing else is there. */
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { Provider } from '../contract/provider.ts';
import { createMemoryBus } from '../drivers/memory-bus.ts';
import { createMemoryQueue } from '../drivers/memory-queue.ts';
import { openPglite } from '../drivers/pglite.ts';
import { createLedger } from '../ledger/index.ts';
import { voidLeases } from '../ledger/sweep.ts';
import { ProviderConfigError } from '../providers/registry.ts';
import { type Simulator, startSimulator } from '../providers/simulator/index.ts';
import { createTransport } from '../providers/transport.ts';
import { createRecorder } from '../telemetry/telemetry.ts';
import { assemble, type House, newInstance, type Parts } from './assembly.ts';
import { type Config, ConfigError, isLoopback } from './config.ts';
import { type Doors, openDoors } from './doors.ts';
import { openFolder } from './folder.ts';
import { createLive, type Live } from './live.ts';
import { migrate } from './migrate.ts';
import { VERSION } from './version.ts';

export interface Running {
  /** `http://127.0.0.1:8000` */
  address: string;
  token: string;
  house: House;
  live: Live;
  /** How long the start took. */
  readyMs: number;
  close(drainMs?: number): Promise<void>;
}

/** What a start may be given instead of its own: a bench brings its ledger. */
export interface Substitutes {
  ledger?: Parts['ledger'];
}

const DRAIN_MS = 10_000;

/** Throws `ConfigError` with one sentence when it cannot start. */
export async function start(config: Config, substitutes: Substitutes = {}): Promise<Running> {
  const began = performance.now();
  const folder = substitutes.ledger ? null : openFolder(config.dataDir, config.secret);
  const undo: (() => unknown)[] = [];
  if (folder) undo.push(() => folder.release());
  try {
    const recorder = createRecorder(config.logLevel);
    const instance = newInstance();
    const hop = randomBytes(8).toString('hex');
    const transport = createTransport({
      connectMs: config.settings.clocks.connectMs,
      hop,
      userAgent: `goblin-mcp/${VERSION}`,
      proxy: config.proxy,
    });
    undo.push(() => transport.close());
    // The database opens while local servers are looked for: neither waits for the other.
    const opening = folder ? openDatabase(folder.database) : null;
    const live = await openLive(config, transport, undo).catch(async (error: unknown) => {
      const sql = await opening?.catch(() => null);
      await sql?.close();
      throw error;
    });
    const sql = await opening;
    if (sql) undo.push(() => sql.close());
    const house = await assemble({
      config,
      sql,
      ledger: substitutes.ledger ?? createLedger(sql as NonNullable<typeof sql>),
      queue: createMemoryQueue(),
      bus: createMemoryBus(),
      live,
      transport,
      recorder,
      secret: folder?.secret ?? randomBytes(32).toString('hex'),
      instance,
      hop,
    });
    if (sql) await voidLeases(sql, instance);
    const token = `op_${randomBytes(24).toString('base64url')}`;
    const doors = await openDoors(house, token);
    await listen(doors, config, () => house.close(0));
    const { port } = doors.app.server.address() as AddressInfo;
    const address = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
    folder?.writeNote({
      pid: process.pid,
      address: address.replace('//0.0.0.0', '//127.0.0.1').replace('//[::]', '//[::1]'),
      token,
    });
    return {
      address,
      token,
      house,
      live,
      readyMs: performance.now() - began,
      async close(drainMs = DRAIN_MS) {
        // New work stops first, then what runs is drained, then its readers are let go.
        const closing = doors.app.server.listening ? new Promise((resolve) => doors.app.server.close(resolve)) : null;
        await house.close(drainMs);
        await doors.close();
        await closing;
        for (const step of undo.reverse()) await step();
      },
    };
  } catch (error) {
    for (const step of undo.reverse()) await step();
    if (error instanceof ProviderConfigError) throw new ConfigError(error.message);
    throw error;
  }
}

/** Opens the database of a folder that this process holds, and brings it up to date. Throws `ConfigError`. */
export async function openDatabase(path: string) {
  let sql: Awaited<ReturnType<typeof openPglite>>;
  try {
    sql = await openPglite(path);
  } catch (error) {
    throw new ConfigError(
      `The database in ${path} cannot be opened (${(error as Error).message.split('\n')[0]}); restore it from a copy, or start afresh with another MCP_DATA_DIR.`,
    );
  }
  try {
    await migrate(sql);
    return sql;
  } catch (error) {
    await sql.close();
    const detail = (error as { detail?: string }).detail;
    throw new ConfigError(
      detail ?? `The database in ${path} cannot be brought up to date: ${(error as Error).message}`,
    );
  }
}

async function openLive(
  config: Config,
  transport: ReturnType<typeof createTransport>,
  undo: (() => unknown)[],
): Promise<Live> {
  let simulator: Promise<Simulator> | null = null;
  const alone = config.auth === 'off' && isLoopback(config.host);
  const always = config.settings.simulator;
  const live = await createLive({
    env: config.env,
    settings: config.settings,
    transport,
    isOurs: (url) => isOwnAddress(url, config),
    simulator: {
      when: always ? 'always' : alone ? 'alone' : 'never',
      async open() {
        simulator ??= startSimulator({ announce: !always, tokensPerSecond: 60, firstTokenMs: 80 });
        return simulatorProvider((await simulator).url, !always);
      },
    },
  });
  undo.push(async () => (await simulator)?.close());
  return live;
}

function simulatorProvider(baseUrl: string, anyModel: boolean): Provider {
  return {
    name: 'simulator',
    title: 'Goblin simulator',
    dialect: 'openai',
    baseUrl,
    auth: 'none',
    headers: {},
    key: null,
    quirks: {},
    vendor: null,
    free: true,
    local: true,
    models: ['goblin-sim', 'goblin-sim-reasoner'],
    anyModel,
  };
}

export function isOwnAddress(url: URL, config: Config): boolean {
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (config.port === 0 || port !== config.port) return false;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return host === config.host || isLoopback(host) || host === '0.0.0.0' || host === '::';
}

async function listen(doors: Doors, config: Config, undo: () => Promise<void>): Promise<void> {
  try {
    await doors.app.listen({ host: config.host, port: config.port, backlog: 4096 });
  } catch (error) {
    await doors.close();
    await undo();
    const { code } = error as { code?: string };
    const place = `${config.host}:${config.port}`;
    if (code === 'EADDRINUSE') {
      throw new ConfigError(
        `Port ${config.port} is taken; stop what runs on ${place}, or choose another, e.g. PORT=${config.port + 1} npm start.`,
      );
    }
    if (code === 'EACCES')
      throw new ConfigError(
        `Port ${config.port} needs rights that this user lacks; choose one above 1023, e.g. PORT=8000.`,
      );
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new ConfigError(
        `HOST=${config.host} is not an address of this machine; use HOST=127.0.0.1, or HOST=0.0.0.0 for all.`,
      );
    }
    throw error;
  }
}
