/** Puts the house together: drivers, rooms, doors. Nothing else in the code knows them all. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { createAdmission } from '../admission/admit.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Submission } from '../contract/flow.ts';
import type { Bus, Ledger, Queue, Sql } from '../contract/ports.ts';
import type { PlannedTarget, Provider } from '../contract/provider.ts';
import type { Claim } from '../contract/record.ts';
import { type CallbackSender, startCallbacks } from '../dispatch/callbacks.ts';
import { type Heart, startHeart } from '../dispatch/heart.ts';
import { createRunning, startWorker, type Worker } from '../dispatch/worker.ts';
import type { AttachedDeps } from '../execution/attached.ts';
import { runDetached } from '../execution/detached.ts';
import type { RunDeps } from '../execution/terms.ts';
import { deriveSecrets } from '../identity/secrets.ts';
import { newRequestId } from '../ledger/ids.ts';
import { inputBounds } from '../money/estimate.ts';
import type { Transport } from '../providers/transport.ts';
import { createWheel } from '../providers/wheel.ts';
import type { PlanRequest } from '../routing/plan.ts';
import { taskTypes } from '../settings/settings.ts';
import type { Recorder } from '../telemetry/telemetry.ts';
import type { Config } from './config.ts';
import type { Live } from './live.ts';

export interface Parts {
  config: Config;
  /** Null only under a bench's own ledger. */
  sql: Sql | null;
  ledger: Ledger;
  queue: Queue;
  bus: Bus;
  live: Live;
  transport: Transport;
  recorder: Recorder;
  secret: string;
  instance: string;
  /** Our mark on calls to vendors: says nothing about the machine. */
  hop: string;
}

/** The running rooms behind the doors. */
export interface House extends Parts {
  admission: ReturnType<typeof createAdmission>;
  attached: AttachedDeps;
  worker: Worker;
  heart: Heart | null;
  callbacks: CallbackSender | null;
  running(): number;
  taskTypes: readonly string[];
  /** Drains, hands back what is left, closes everything but the database. */
  close(drainMs: number): Promise<void>;
}

export const newInstance = (): string =>
  `${hostname().replace(/[^\w.-]/g, '')}-${process.pid}-${randomBytes(4).toString('hex')}`;

export async function assemble(parts: Parts): Promise<House> {
  const { bus, config, ledger, live, queue, recorder, sql } = parts;
  const { settings } = config;
  const secrets = deriveSecrets(parts.secret);
  const wheel = createWheel();
  const registry = createRunning(bus);

  const provider = (name: string): Provider => {
    const found = live.provider(name);
    if (!found) throw new GoblinError('no_provider', `The provider ${name} is no longer configured.`);
    return found;
  };

  const planRequest = (submission: Pick<Submission, 'call' | 'taskType' | 'hints'>): PlanRequest => {
    const { call } = submission;
    return {
      ...(call.model === undefined ? {} : { model: call.model }),
      taskType: submission.taskType,
      hints: submission.hints,
      needs: {
        tools: call.tools !== undefined && call.tools.length > 0,
        images: call.messages.some((message) => message.content.some((content) => content.type === 'image')),
        inputTokens: inputBounds(call),
        ...(call.maxTokens === undefined ? {} : { maxTokens: call.maxTokens }),
      },
      at: Date.now(),
    };
  };

  const admission = createAdmission({
    ledger,
    bus,
    queue,
    newId: newRequestId,
    userHash: secrets.userHash,
    userKeyId: secrets.id,
    plan(submission) {
      const plan = live.plan(planRequest(submission));
      return plan instanceof Promise ? plan.then((late) => late.targets) : plan.targets;
    },
    info: (target) => live.info(provider(target.provider), target.model),
    price(target) {
      const of = provider(target.provider);
      return of.free ? 'free' : live.price(of, target.model);
    },
  });

  const run: Omit<RunDeps, 'begin'> = {
    transport: parts.transport,
    wheel,
    clocks: settings.clocks,
    attemptCap: settings.attempts,
    leaseMs: settings.clocks.leaseMs,
    provider: live.provider,
    price: live.price,
    maxOutput: (of, model) => live.info(of, model)?.maxOutput ?? undefined,
    dialect: live.dialect,
    observe(start, end) {
      recorder.attempt({
        provider: start.provider,
        model: start.model,
        ok: end.status === 'succeeded',
        latencyMs: end.latencyMs,
        firstTokenMs: end.firstTokenMs,
      });
    },
  };

  const heart = sql
    ? await startHeart({
        sql,
        ledger,
        bus,
        queue,
        telemetry: recorder,
        info: {
          id: parts.instance,
          kind: 'all',
          host: hostname(),
          pid: process.pid,
          leaseMs: settings.clocks.leaseMs,
          capacity: settings.runningPerWorker,
        },
        heartbeatMs: settings.clocks.heartbeatMs,
        keep: { frameHours: settings.framesHours, bodyDays: settings.bodiesDays },
        running: () => registry.size(),
      })
    : null;

  const replan = (claim: Claim): PlannedTarget[] =>
    live.planNow(planRequest({ call: claim.body.call, taskType: claim.taskType, hints: claim.body.hints })).targets;

  const callbacks = sql
    ? startCallbacks({
        sql,
        transport: parts.transport,
        secret: secrets.webhookSecret,
        allowPrivate: settings.allowPrivateCallbacks,
        telemetry: recorder,
      })
    : null;

  const worker = startWorker(
    {
      ledger,
      queue,
      bus,
      telemetry: recorder,
      owner: parts.instance,
      capacity: settings.runningPerWorker,
      run: (claim) =>
        runDetached(
          {
            ledger,
            bus,
            run,
            totalMs: settings.clocks.totalMs,
            plan: replan,
            ended(of, end) {
              recorder.ended(end.state ?? 'requeued');
              if (of.callbackUrl) callbacks?.wake();
            },
          },
          claim,
        ),
    },
    registry,
  );

  const attached: AttachedDeps = {
    ledger,
    bus,
    wheel,
    owner: parts.instance,
    run,
    totalMs: settings.clocks.totalMs,
    register: (id, _tenant, stop) => registry.register(id, stop),
    ended: (_taskType, end) => recorder.ended(end.state ?? 'failed'),
  };

  return {
    ...parts,
    admission,
    attached,
    worker,
    heart,
    callbacks,
    running: registry.size,
    taskTypes: taskTypes(settings),
    async close(drainMs) {
      admission.close();
      const until = performance.now() + drainMs;
      await worker.drain(drainMs);
      // Attached requests have the same time to end; those that do not are told that their process stopped.
      while (registry.size() > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 25));
      registry.stopAll('drain');
      await callbacks?.stop();
      await ledger.idle();
      await heart?.stop();
      live.close();
      await Promise.all([queue.close(), bus.close(), parts.transport.close()]);
    },
  };
}
