/** The doors of a house: the server with every route, wired to what stands behind it. */
import type { Server } from 'node:http';
import type { ListenOptions } from 'node:net';
import type { Cancel } from '../contract/flow.ts';
import { DIALECTS, partsOfStored } from '../dialects/index.ts';
import { adminRoutes } from '../edge/admin.ts';
import { type AnswerDoorDeps, answerDoor, readHop } from '../edge/answer-door.ts';
import { anthropicAnswers, countTokensRoute } from '../edge/anthropic-door.ts';
import { auditRoutes } from '../edge/audit.ts';
import { budgetRoutes } from '../edge/budgets.ts';
import { createAddressOf } from '../edge/caller-address.ts';
import { contentRoute } from '../edge/content.ts';
import { docsRoutes } from '../edge/docs.ts';
import { embeddings } from '../edge/embeddings-door.ts';
import { erasureRoutes } from '../edge/erasure.ts';
import { createFastLane, type FastLane } from '../edge/fast-lane.ts';
import { healthServer } from '../edge/health.ts';
import { createHeld } from '../edge/held.ts';
import { createJoins } from '../edge/joins.ts';
import { modelsRoute } from '../edge/models.ts';
import { openaiAnswers } from '../edge/openai-door.ts';
import { operationRoutes } from '../edge/operations.ts';
import { policyRoutes } from '../edge/policies.ts';
import { noteRefusal } from '../edge/problem.ts';
import { providerKeyRoutes } from '../edge/provider-keys.ts';
import { createPulse } from '../edge/pulse.ts';
import { rawRoute } from '../edge/raw.ts';
import { receiptRoute } from '../edge/receipt.ts';
import { requestRoutes } from '../edge/requests.ts';
import { responsesAnswers } from '../edge/responses-door.ts';
import { createResponseRecord } from '../edge/responses-record.ts';
import { responseRoutes } from '../edge/responses-routes.ts';
import { secretRoutes } from '../edge/secret.ts';
import { secretRuleRoutes } from '../edge/secret-rules.ts';
import { type Access, createServer } from '../edge/server.ts';
import type { Shown } from '../edge/shown.ts';
import { streamRoutes } from '../edge/streams.ts';
import { usageRoutes } from '../edge/usage.ts';
import { isPrivateHost } from '../guard/addresses.ts';
import { allows } from '../identity/models.ts';
import { createPlaces } from '../identity/places.ts';
import { usageOf } from '../ledger/usage.ts';
import { countInput } from '../money/tokens.ts';
import { adminOf } from './admin.ts';
import { answering } from './answering.ts';
import type { House } from './assembly.ts';
import { auditDeps } from './audit-door.ts';
import { budgetsOf } from './budgets.ts';
import { isLoopback } from './config.ts';
import { eraserOf, erasingOf } from './erasing-door.ts';
import { openIdentity } from './identity.ts';
import { operations, readinessOf } from './metrics.ts';
import { policyAdminOf } from './policy-admin.ts';
import { rawOf } from './raw.ts';
import { replayer } from './replay.ts';
import { maskedLedger, restoringBus, restoringLedger } from './restoring.ts';
import { rotationOf } from './rotation.ts';
import { secretRulesOf } from './secret-rules.ts';
import { VERSION } from './version.ts';

export interface Doors {
  server: Server;
  /** Every route, and who may call it. */
  access: readonly Access[];
  listen(options: ListenOptions): Promise<unknown>;
  /** The process begins to stop: who only waits is answered, and can ask another one. */
  letGo(): Promise<void>;
  close(): Promise<void>;
}

/** A worker's doors: it only says how it is. */
export function openHealth(house: House): Doors {
  const server = healthServer(() => readinessOf(house));
  return {
    server,
    access: [],
    listen: (options) =>
      new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(options, () => {
          server.off('error', reject);
          resolve();
        });
      }),
    letGo: () => Promise.resolve(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export async function openDoors(inside: House, operatorToken: string): Promise<Doors> {
  // Callers see their own values where the record has placeholders.
  const house: House = {
    ...inside,
    ledger: restoringLedger(inside.ledger, inside.vault, inside.sharing.onForget),
    bus: restoringBus(inside.bus),
  };
  const { config, ledger, bus, live } = house;
  const places = inside.sql ? createPlaces(inside.sql, inside.secrets.secretDigest) : null;
  const addressOf = createAddressOf(config.trustedProxies);
  const held = createHeld(
    (caller, request) => places?.seen(caller, addressOf(request), request.headers['user-agent']),
    config.trustedProxies.length > 0,
  );
  const identity = await openIdentity(house, operatorToken, held, addressOf);
  const { identify, content } = identity;
  const masked = maskedLedger(inside.ledger);
  const shown: Shown = async (caller, row, what) => {
    await content.shown(caller, row, what);
    return content.owns(caller, row) ? ledger : masked;
  };
  const access: Access[] = [];
  const hostAllowed = (host: string) =>
    config.auth === 'required' || isLoopback(host.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, ''));
  const fastLane: { take: FastLane | null } = { take: null };
  const app = await createServer(
    {
      fastLane,
      bodyLimit: config.settings.bodyBytes,
      version: VERSION,
      telemetry: house.recorder,
      origins: config.origins,
      dialects: DIALECTS,
      identify,
      held,
      refused: (caller, error, where) => noteRefusal(ledger, caller, error, where),
      recordBack: house.admission.recordBack,
      hostAllowed,
    },
    (route) => access.push(route),
  );

  operationRoutes(app, operations(house));
  adminRoutes(app, adminOf(house));
  policyRoutes(app, policyAdminOf(house));
  secretRuleRoutes(app, secretRulesOf(house));
  const { sql } = house;
  if (sql) {
    budgetRoutes(app, budgetsOf(house, sql));
    providerKeyRoutes(app, house.providerKeys.deps(sql));
    secretRoutes(app, rotationOf(house, sql));
    usageRoutes(app, {
      usage: (tenant, from, to, groups) => usageOf(sql, tenant, from, to, groups),
      today: house.clock.day,
    });
  }
  const cancel: Cancel = async (caller, id) => {
    const ended = await house.admission.cancel(caller, id);
    house.callbacks?.wake();
    return ended;
  };
  const requests = requestRoutes(app, {
    ledger,
    bus,
    submit: house.admission.submit,
    cancel,
    rules: () => ({
      taskTypes: house.taskTypes,
      allowPrivateCallbacks: config.settings.allowPrivateCallbacks,
      latestStartDays: Math.max(1, config.settings.bodiesDays - 1),
    }),
    privateHost: isPrivateHost,
    shown,
  });
  const streams = streamRoutes(app, {
    ledger,
    bus,
    framesHours: config.settings.framesHours,
    now: house.clock.now,
    hearsAll: house.hearsAll,
    shown,
  });
  const pulse = createPulse();
  const deps: AnswerDoorDeps = {
    ledger,
    newId: house.newId,
    run: answering(house),
    replay: replayer(house),
    taskTypes: () => house.taskTypes,
    hop: (header) => readHop(header, house.hop),
    pulse,
    joins: createJoins(),
    log: house.recorder.log,
  };
  const chat = answerDoor(app, openaiAnswers(DIALECTS.openai), deps);
  const messages = answerDoor(app, anthropicAnswers(DIALECTS.anthropic), deps);
  countTokensRoute(app, DIALECTS.anthropic, countInput);
  const vectors = answerDoor(app, embeddings(DIALECTS.openai), deps);
  const background = {
    ledger,
    bus,
    pulse,
    record: createResponseRecord({
      ledger,
      masked,
      bus,
      recordBack: house.admission.recordBack,
      readContent: content.read,
    }),
    framesHours: config.settings.framesHours,
    now: house.clock.now,
    hearsAll: house.hearsAll,
  };
  const responses = answerDoor(
    app,
    responsesAnswers(DIALECTS.responses, { ...background, submit: house.admission.submit }),
    { ...deps, replay: replayer(house, partsOfStored) },
  );
  responseRoutes(app, {
    ...background,
    ledger: { ...ledger, erase: eraserOf(house) },
    cancel,
    readContent: content.read,
    shown,
    bodiesDays: config.settings.bodiesDays,
  });
  modelsRoute(app, async (caller) =>
    (await live.of(caller.tenant).models()).filter(({ id, provider }) =>
      allows(caller.models, provider, id.slice(provider.length + 1)),
    ),
  );
  fastLane.take = createFastLane({
    doors: new Map([
      ['/v1/chat/completions', chat],
      ['/v1/messages', messages],
      // As Anthropic's clients call it whenever they use a beta.
      ['/v1/messages?beta=true', messages],
      ['/v1/responses', responses],
      ['/v1/embeddings', vectors],
    ]),
    bodyLimit: config.settings.bodyBytes,
    hostAllowed,
    identify,
    held,
  });
  identity.routes(app);
  if (sql) contentRoute(app, { ledger, masked, content });
  if (sql) erasureRoutes(app, { ...erasingOf(house, sql, identity.userHash), mayErase: content.mayErase });
  if (sql) {
    const audit = auditDeps(sql, ledger, house);
    auditRoutes(app, audit);
    receiptRoute(app, audit);
  }
  rawRoute(app, { ledger, newId: house.newId, run: rawOf(house), hop: deps.hop, log: house.recorder.log });
  docsRoutes(app);
  await app.ready();
  return {
    server: app.server,
    access,
    listen: async (options) => await app.listen(options as Parameters<typeof app.listen>[0] & object),
    letGo: requests.close,
    async close() {
      streams.close();
      pulse.close();
      identity.close();
      await app.close();
    },
  };
}
