/** Puts the house together: drivers, rooms, doors. Nothing else in the code knows them all. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { createAdmission } from '../admission/admit.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Provider } from '../contract/provider.ts';
import type { Claim, RunPlan } from '../contract/record.ts';
import { type CallbackSender, startCallbacks } from '../dispatch/callbacks.ts';
import { type Heart, startHeart } from '../dispatch/heart.ts';
import { createRunning, type Running } from '../dispatch/running.ts';
import { startWorker, type Worker } from '../dispatch/worker.ts';
import type { AttachedDeps } from '../execution/attached.ts';
import { runDetached } from '../execution/detached.ts';
import { createPersist } from '../execution/persist.ts';
import type { RunEnd } from '../execution/terms.ts';
import type { OpenAnswer } from '../guard/answers.ts';
import { createGuardrails } from '../guard/hook.ts';
import { openShields, type Shields } from '../guard/shields.ts';
import { createVault, type Vault } from '../guard/vault.ts';
import { newRequestId } from '../ledger/ids.ts';
import { createWheel } from '../providers/wheel.ts';
import { createHealthBook, type HealthBook } from '../routing/book.ts';
import { knownTasks, taskTypes } from '../settings/settings.ts';
import { type AllowanceRoom, openAllowance } from './allowance.ts';
import { openAnswers } from './answers.ts';
import { type Erasing, openErasing } from './erasing.ts';
import { recallBreakers, startHealthExchange } from './health-exchange.ts';
import type { Parts } from './parts.ts';
import { createPlanning } from './planning.ts';
import { openPolicyRoom, type PolicyRoom } from './policy.ts';
import { openProviderKeys, type ProviderKeysRoom } from './provider-keys.ts';
import { reportOf } from './report.ts';
import { openResting, type Resting } from './resting.ts';
import { runDepsOf } from './run-deps.ts';
import { type Sharing, startSharing } from './sharing.ts';

/** The running rooms behind the doors. */
export interface House extends Parts {
  admission: ReturnType<typeof createAdmission>;
  attached: AttachedDeps;
  /** Null in a process that only takes requests. */
  worker: Worker | null;
  heart: Heart | null;
  callbacks: CallbackSender | null;
  allowance: AllowanceRoom;
  health: HealthBook;
  sharing: Sharing;
  erasing: Erasing | null;
  vault: Vault;
  /** Looks for secrets in answers. Left out: nobody does. */
  answers?: OpenAnswer;
  policy: PolicyRoom;
  providerKeys: ProviderKeysRoom;
  resting: Resting;
  shields: Shields;
  registry: Running;
  hearsAll(): boolean;
  newId(): string;
  taskTypes: readonly string[];
  /** Drains, hands back what is left, closes everything but the database. */
  close(drainMs: number): Promise<void>;
}

/** How long a process that stops waits for its last writes. */
const LAST_WRITES_MS = 3000;

export const newInstance = (): string =>
  `${hostname().replace(/[^\w.-]/g, '')}-${process.pid}-${randomBytes(4).toString('hex')}`;

export async function assemble(parts: Parts): Promise<House> {
  const { bus, config, ledger, live, queue, recorder, secrets, sql } = parts;
  const { settings } = config;
  const wheel = createWheel();
  const registry = createRunning(bus);
  const persist = createPersist(ledger);
  const { clock } = parts;
  const newId = () => newRequestId(clock.now());
  // Other processes are heard through Redis. Without it, or while it is away, the database is asked more often.
  const hearsAll = () => !config.database || (parts.redis !== null && bus.up());

  const provider = (name: string): Provider => {
    const found = live.provider(name);
    if (!found) throw new GoblinError('no_provider', `The provider ${name} is no longer configured.`);
    return found;
  };

  const health = createHealthBook(
    { breaker: settings.breaker, retryBudget: settings.retryBudget },
    { process: parts.instance },
  );
  await recallBreakers(health, sql, Date.now());
  const exchange = startHealthExchange(health, bus, recorder);
  const sharing = startSharing(settings, bus, recorder);

  const providerKeys = await openProviderKeys(parts);
  const resting = await openResting(parts, sharing);
  const room = await openAllowance(parts, secrets);

  const shields = await openShields({
    sql,
    telemetry: recorder,
    house: settings.secrets,
    tasks: knownTasks(settings.tasks),
    digest: secrets.secretDigest,
  });
  const policy = await openPolicyRoom(parts, shields, room.price);
  const guardrails = createGuardrails({
    ...settings.guardrails,
    fetch: parts.transport.fetch,
    note: (tenant, type, payload) => void ledger.note(tenant, type, payload).catch(() => {}),
    warn: (message, fields) => recorder.log('warn', message, fields),
  });
  const { strict } = shields;
  const planning = createPlanning({ live, health, policy, strict, bodiesOf: parts.bodies.of });
  const vault = createVault(secrets.vaultKeys);
  const admission = createAdmission({
    shield: shields.any,
    vault,
    ledger,
    allowance: room.allowance,
    bus,
    queue,
    newId,
    persist,
    caps: settings.queue,
    endsPerSecond: () => heart?.endsPerSecond() ?? null,
    ended: recorder.ended,
    userHash: secrets.userHash,
    userKeyId: secrets.digestsFrom,
    strict,
    guardrail: guardrails.before,
    rulesKnown: shields.ready,
    plan: planning.plan,
    info: (target) => live.info(provider(target.provider), target.model),
    price(target) {
      const of = provider(target.provider);
      return of.free ? 'free' : room.price(of, target.model);
    },
  });

  const answers = openAnswers(settings, shields, secrets.secretDigest, vault, ledger);
  const run = runDepsOf({ parts, wheel, health, sharing, room, guardrails });

  const callbacks = sql
    ? startCallbacks({
        sql,
        transport: parts.transport,
        secrets: secrets.webhookSecrets,
        allowPrivate: settings.allowPrivateCallbacks,
        telemetry: recorder,
      })
    : null;

  const erasing = sql ? openErasing(sql, parts, admission.cancel, sharing) : null;

  const heart = sql
    ? await startHeart({
        sql,
        ledger,
        bus,
        queue,
        telemetry: recorder,
        info: {
          id: parts.instance,
          kind: parts.role,
          host: hostname(),
          pid: process.pid,
          leaseMs: settings.clocks.leaseMs,
          capacity: parts.role === 'api' ? 0 : settings.runningPerWorker,
          secretIds: parts.ring.all.map(({ id }) => id),
        },
        heartbeatMs: settings.clocks.heartbeatMs,
        keep: { frameHours: settings.framesHours, bodyDays: settings.bodiesDays, rowDays: settings.rowsDays },
        registry,
        persist,
        clock,
        report: () => reportOf({ ...parts, health, ...(erasing ? { letGo: erasing.letGo } : {}) }),
        hearsAll,
        claimingSince: () => worker?.claimingSince() ?? null,
        due: () => worker?.nudge(),
        callbacksDue: () => callbacks?.wake(),
        looked(seen) {
          room.looked(seen);
          policy.policies.looked(seen.rules);
          providerKeys.looked(seen.rules);
          resting.looked(seen);
          shields.looked(seen.rules);
          erasing?.looked(seen);
        },
        stoodStill: () => erasing?.stoodStill(),
        ended: recorder.ended,
        seal: parts.audit?.sealFor ?? (async () => {}),
      })
    : null;

  const detached = {
    ledger,
    bus,
    persist,
    owner: parts.instance,
    day: clock.day,
    run,
    totalMs: settings.clocks.totalMs,
    plan: planning.again,
    openVault: vault.open,
    ...(answers ? { answers } : {}),
    enter: async (claim: Claim, plan: RunPlan) =>
      room.allowance.any() ? await room.allowance.resume(claim, plan) : null,
    released: () => queue.wake(),
    ended(of: Claim, end: RunEnd) {
      if (end.state) recorder.ended(end.state);
      if (of.callbackUrl) callbacks?.wake();
    },
  };
  const worker: Worker | null =
    parts.role === 'api'
      ? null
      : startWorker(
          {
            ledger,
            queue,
            telemetry: recorder,
            owner: parts.instance,
            capacity: settings.runningPerWorker,
            fit: () => heart?.fit() ?? true,
            run: (claim) => runDetached({ ...detached, bus: resting.busOf(claim.tenant) }, claim),
          },
          registry,
        );

  const attached: AttachedDeps = {
    ledger,
    bus,
    persist,
    wheel,
    owner: parts.instance,
    day: clock.day,
    run,
    totalMs: settings.clocks.totalMs,
    register: registry.register,
    ended: (_taskType, end) => recorder.ended(end.state ?? 'failed'),
  };

  return {
    ...parts,
    admission,
    attached,
    worker,
    heart,
    callbacks,
    ...(answers ? { answers } : {}),
    allowance: room,
    health,
    vault,
    policy,
    providerKeys,
    resting,
    shields,
    sharing,
    erasing,
    registry,
    hearsAll,
    newId,
    taskTypes: taskTypes(settings),
    async close(drainMs) {
      // Who waited for the record is told so before his connection goes.
      if (admission.close() > 0) await new Promise((resolve) => setTimeout(resolve, 100));
      const until = performance.now() + drainMs;
      await worker?.drain(drainMs);
      // Attached requests have the same time to end; those that do not are told that their process stopped.
      while (registry.size() > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 25));
      registry.stopAll('drain');
      // The last ends are written while the record answers; without it they are found by their lease.
      const last = performance.now() + LAST_WRITES_MS;
      while (registry.size() > 0 && performance.now() < last && ledger.lostFor() === null)
        await new Promise((resolve) => setTimeout(resolve, 10));
      persist.close();
      const rest = async () => {
        await Promise.all([callbacks?.stop(), erasing?.stop(), resting.stop()]);
        if (ledger.lostFor() === null) await ledger.idle();
        await room.close();
        policy.close();
        shields.close();
        await heart?.stop();
      };
      // A database that comes and goes must not hold up the end: what is left is found by its lease.
      await Promise.race([rest(), new Promise((resolve) => setTimeout(resolve, LAST_WRITES_MS).unref())]);
      exchange.close();
      sharing.close();
      live.close();
      await parts.transport.close();
    },
  };
}
