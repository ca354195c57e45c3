/** Starts a process: everything in one, or the API or a worker alone. */
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { Provider } from '../contract/provider.ts';
import { loadDigestKeys } from '../identity/digest-keys.ts';
import { ringOf } from '../identity/ring.ts';
import { createSealer } from '../identity/sealer.ts';
import { createSecrets, deriveAuditKey, digestKeysOf } from '../identity/secrets.ts';
import { createTenantBodies } from '../identity/tenant-bodies.ts';
import { createClock } from '../ledger/clock.ts';
import { createContent } from '../ledger/content.ts';
import { withoutFloods } from '../ledger/flood.ts';
import { createLedger } from '../ledger/index.ts';
import { type ProcessKind, voidLeases } from '../ledger/processes.ts';
import { watchTrail } from '../ledger/trail.ts';
import { ProviderConfigError } from '../providers/registry.ts';
import { type Simulator, startSimulator } from '../providers/simulator/index.ts';
import { createTransport } from '../providers/transport.ts';
import { createRecorder } from '../telemetry/telemetry.ts';
import { assemble, type House, newInstance } from './assembly.ts';
import { startAudit, writerName } from './audit.ts';
import { type Config, ConfigError, isLoopback } from './config.ts';
import { type Doors, openDoors, openHealth } from './doors.ts';
import { leaveNote, openFolder } from './folder.ts';
import { issuersOf } from './identity.ts';
import { createLive, type Live } from './live.ts';
import {
  checkUrls,
  lostSecret,
  openDatabase,
  openEmbedded,
  openWakes,
  refuseHalfCopy,
  refuseOtherSecret,
  START_MS,
} from './open.ts';
import type { Parts } from './parts.ts';
import { patient } from './patient.ts';
import { openTrail, trailHeaders } from './trail-sink.ts';
import { VERSION } from './version.ts';

export interface Running {
  /** Every route, and who may call it. */
  access: Doors['access'];
  /** `http://127.0.0.1:8000` */
  address: string;
  token: string;
  house: House;
  live: Live;
  /** How long the start took. */
  readyMs: number;
  close(drainMs?: number): Promise<void>;
}

export interface StartOptions {
  role?: ProcessKind;
  /** Other processes of this machine may listen on the same port, and the system deals the connections out. */
  sharePort?: boolean;
  /** Keys of digests that no secret opens are about to be replaced: without this they stop the start. */
  forgetsLost?: boolean;
  /** A bench brings its own ledger. */
  ledger?: Parts['ledger'];
  /** A test may stand between the rooms. */
  wrap?(parts: Parts): Parts;
}

/** Throws `ConfigError` with one sentence when it cannot start. */
export async function start(config: Config, options: StartOptions = {}): Promise<Running> {
  const began = performance.now();
  const role = options.role ?? 'all';
  await checkUrls(config);
  issuersOf(config);
  trailHeaders(config);
  const embedded = !options.ledger && !config.database;
  const undo: (() => unknown)[] = [];
  const recorder = createRecorder(config.logLevel);
  for (const place of config.writtenSecrets) {
    recorder.log('warn', `a value in ${config.settingsFile} looks like a secret, which whoever reads the file has`, {
      place,
    });
  }
  try {
    const folder = embedded ? openFolder(config.dataDir, config.secret) : null;
    if (folder) undo.push(() => folder.release());
    const secret = folder?.secret ?? config.secret ?? randomBytes(32).toString('hex');
    const ring = ringOf(secret, [...config.previousSecrets, ...(folder?.previous ?? [])]);
    const sealer = createSealer(ring);
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
    const opening = folder
      ? openEmbedded(folder.database, writerName(role, instance))
      : config.database && !options.ledger
        ? openDatabase(config.database, writerName(role, instance), recorder).then(({ sql }) => sql)
        : null;
    // It may fail while nobody waits for it yet.
    opening?.catch(() => {});
    const live = await openLive(config, transport, undo).catch(async (error: unknown) => {
      const sql = await opening?.catch(() => null);
      await sql?.close();
      throw error;
    });
    const opened = await opening;
    const patience = opened && !folder ? patient(opened, START_MS) : null;
    const sql = opened ? watchTrail(patience ?? opened) : null;
    if (sql) {
      undo.push(() => sql.close());
      if (folder) await refuseHalfCopy(sql);
    }
    if (sql && !folder) await refuseOtherSecret(sql, ring);
    const wakes = await openWakes(config, ring, instance, recorder);
    undo.push(() => wakes.close());
    const trail = sql ? await openTrail(sql, config, instance, transport, recorder) : null;
    // Before anything is written: a process with a wrong secret leaves no trace of it.
    const digests = sql ? await loadDigestKeys(sql, ring, sealer) : { keys: digestKeysOf(secret), lost: null };
    if (digests.lost !== null && !options.forgetsLost) throw lostSecret(digests.lost, ring.current.id);
    const audit = sql ? await startAudit(sql, deriveAuditKey(secret), recorder, trail) : null;
    if (audit) undo.push(() => audit.close());
    const clock = createClock();
    const bodies = createTenantBodies(config.settings.bodies);
    const content = createContent(sealer, bodies.of);
    const parts: Parts = {
      config,
      role,
      sql,
      audit,
      ledger:
        options.ledger ??
        withoutFloods(createLedger(sql as NonNullable<typeof sql>, config.settings.queue, clock, content)),
      clock,
      queue: wakes.queue,
      bus: wakes.bus,
      redis: wakes.redis,
      rates: wakes.redis?.rates ?? null,
      live,
      transport,
      recorder,
      secret,
      ring,
      secrets: createSecrets(ring, digests.keys),
      sealer,
      bodies,
      instance,
      hop,
    };
    const house = await assemble(options.wrap?.(parts) ?? parts);
    if (sql && folder) await voidLeases(sql, instance);
    const token = `op_${randomBytes(24).toString('base64url')}`;
    const doors = role === 'worker' ? openHealth(house) : await openDoors(house, token);
    // A worker takes no calls: unless somebody chose its port, any will do.
    const port = role === 'worker' && !config.portChosen ? 0 : config.port;
    await listen(doors, { ...config, port }, options.sharePort ?? false, () => house.close(0));
    const address = addressOf(config.host, (doors.server.address() as AddressInfo).port);
    const note = {
      pid: process.pid,
      address: address.replace('//0.0.0.0', '//127.0.0.1').replace('//[::]', '//[::1]'),
      token,
    };
    if (folder) folder.writeNote(note);
    else if (!options.ledger) undo.push(leaveNote(config.dataDir, note));
    patience?.started();
    return {
      access: doors.access,
      address,
      token,
      house,
      live,
      readyMs: performance.now() - began,
      async close(drainMs = config.settings.clocks.drainMs) {
        // New work stops first, then what runs is drained, then its readers are let go.
        const closing = doors.server.listening ? new Promise((resolve) => doors.server.close(resolve)) : null;
        await doors.letGo();
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

/** A part alone finds the others by the database and Redis only. Throws `ConfigError`. */
export function refuseInProcess(config: Config, role: ProcessKind): void {
  if (role === 'all' || (config.database && config.redis)) return;
  const missing = [config.database ? '' : 'DATABASE_URL', config.redis ? '' : 'REDIS_URL'].filter(Boolean);
  const examples: Record<string, string> = {
    DATABASE_URL: 'DATABASE_URL=postgres://goblin:secret@127.0.0.1:5432/goblin',
    REDIS_URL: 'REDIS_URL=redis://127.0.0.1:6379',
  };
  throw new ConfigError(
    `${role === 'api' ? 'An API' : 'A worker'} alone cannot use the drivers inside a process; set ${missing.join(' and ')}, e.g. ${missing.map((name) => examples[name]).join(' ')}, or start everything in one process with npm start.`,
  );
}

function addressOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function openLive(
  config: Config,
  transport: ReturnType<typeof createTransport>,
  undo: (() => unknown)[],
): Promise<Live> {
  let simulator: Promise<Simulator> | null = null;
  const alone = config.auth === 'off' && isLoopback(config.host) && !config.database;
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
    reach: 'private',
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

async function listen(
  doors: Doors,
  config: Pick<Config, 'host' | 'port'>,
  sharePort: boolean,
  undo: () => Promise<void>,
): Promise<void> {
  try {
    await doors.listen({
      host: config.host,
      port: config.port,
      backlog: 4096,
      ...(sharePort ? { reusePort: true } : {}),
    });
  } catch (error) {
    await doors.close();
    await undo();
    const { code } = error as { code?: string };
    const place = `${config.host}:${config.port}`;
    if (sharePort && (code === 'ENOTSUP' || code === 'EINVAL')) {
      throw new ConfigError(
        'This system cannot share a port between processes; leave --share-port out and give each process a PORT of its own.',
      );
    }
    if (code === 'EADDRINUSE') {
      throw new ConfigError(
        `Port ${config.port} is taken; stop what runs on ${place}, or choose another, e.g. PORT=${config.port + 1}.`,
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
