/** What an operator sets by hand: breakers, keys that rest, fire drills. Each leaves an event in the trail. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Caller, Permission } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import { checker, parseObject, refuse } from './body.ts';
import { iso } from './shapes.ts';

/** It concerns every tenant, so it is for who runs the installation. */
const NEEDED: Permission = 'settings:write';

const MINUTES = { accepts: 'a number of minutes, a week at most' };
const closed = { additionalProperties: false };
const text = (accepts: string) => Type.String({ minLength: 1, maxLength: 300, accepts });
const provider = text('the name of a provider, e.g. openai');

const BreakerBody = Type.Object(
  {
    provider,
    model: text('the name that the provider has for the model, e.g. gpt-4o-mini'),
    state: Type.Union([Type.Literal('open'), Type.Literal('closed'), Type.Literal('auto')], {
      accepts: 'open, closed or auto',
      description:
        '`open`: no calls go there. `closed`: they do, whatever happens. `auto`: as the breaker itself decides.',
    }),
    minutes: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 10_080,
        ...MINUTES,
        description: 'Then it is `auto` again. Left out: until somebody says so.',
      }),
    ),
  },
  closed,
);

const ResetBody = Type.Object(
  {
    provider: Type.Optional(provider),
    key: Type.Optional(text('the id of a key, as admin/metrics shows it')),
  },
  closed,
);

const DrillBody = Type.Object(
  {
    provider,
    fault: text('the name of a fault, e.g. cut-after-40'),
    key_id: Type.Optional(text('the id of an API key, as goblin key list shows it')),
    key: Type.Optional(Type.String({ minLength: 1, maxLength: 512, accepts: 'an API key' })),
    minutes: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 1440, accepts: 'a number of minutes, a day at most' }),
    ),
  },
  {
    ...closed,
    description: 'Of `key_id` and `key` one is needed. It ends by itself after `minutes`, 10 when left out.',
  },
);

const TargetOut = Type.Record(Type.String(), Type.Unknown());
const RestsOut = Type.Object({ reset: Type.Array(Type.Record(Type.String(), Type.Unknown())) });
const DrillOut = Type.Object({
  id: Type.String(),
  provider: Type.String(),
  fault: Type.String(),
  key_id: Type.String(),
  until: Type.String({ format: 'date-time' }),
  by: Type.String(),
});

export interface BreakerWish {
  provider: string;
  model: string;
  state: 'open' | 'closed' | 'auto';
  minutes?: number;
}

export interface DrillWish {
  provider: string;
  fault: string;
  keyId: string | null;
  key: string | null;
  minutes: number;
}

export interface DrillShown {
  id: string;
  provider: string;
  fault: string;
  key: string;
  until: number;
  by: string;
}

/** Each throws `not_found` or `invalid_request` for what there is not, with what there is. */
export interface AdminDeps {
  /** Answers the target as `GET /mcp/v1/admin/metrics` shows it. */
  setBreaker(by: Caller, wish: BreakerWish): Promise<Record<string, unknown>>;
  /** Answers the rests that were ended. */
  resetKeys(by: Caller, provider: string | null, key: string | null): Promise<Record<string, unknown>[]>;
  startDrill(by: Caller, wish: DrillWish): Promise<DrillShown>;
  /** Null: there is no such drill, or it is over. */
  endDrill(by: Caller, id: string): Promise<DrillShown | null>;
  drills(): DrillShown[];
}

const DRILL_MINUTES = 10;

const drillOut = ({ id, provider, fault, key, until, by }: DrillShown): Record<string, unknown> => ({
  id,
  provider,
  fault,
  key_id: key,
  until: iso(until),
  by,
});

export function adminRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const config = { permission: NEEDED };
  const tags = ['Operations'];
  const checkBreaker = checker(BreakerBody);
  const checkReset = checker(ResetBody);
  const checkDrill = checker(DrillBody);

  function read<T>(bytes: unknown, check: (value: unknown) => Parameters<typeof refuse>[0]): T {
    const body = parseObject(bytes);
    const errors = check(body);
    if (errors.length > 0) refuse(errors);
    return body as T;
  }

  app.post(
    '/mcp/v1/admin/breakers',
    {
      config,
      schema: {
        summary: 'Set the breaker of a target by hand',
        description: 'In all processes, within a second.',
        tags,
        body: BreakerBody,
        response: { 200: TargetOut },
      },
    },
    async (request) => {
      const wish = read<BreakerWish>(request.body, checkBreaker);
      if (wish.state === 'auto' && wish.minutes !== undefined) {
        refuse([{ path: 'minutes', message: 'has no meaning with auto; leave it out' }]);
      }
      return await deps.setBreaker(request.caller as Caller, wish);
    },
  );

  app.post(
    '/mcp/v1/admin/keys/reset',
    {
      config,
      schema: {
        summary: 'Try keys of providers again that rest',
        description:
          'After a key was renewed or a bill was paid. All of them, those of a provider, or one. In all processes, within a second.',
        tags,
        body: ResetBody,
        response: { 200: RestsOut },
      },
    },
    async (request) => {
      const wish = read<{ provider?: string; key?: string }>(request.body, checkReset);
      if (wish.key !== undefined && wish.provider === undefined) {
        refuse([{ path: 'provider', message: 'is required beside key: whose key it is' }]);
      }
      return { reset: await deps.resetKeys(request.caller as Caller, wish.provider ?? null, wish.key ?? null) };
    },
  );

  app.post(
    '/mcp/v1/admin/drills',
    {
      config,
      schema: {
        summary: 'Begin a fire drill',
        description: 'Calls of one API key to one provider meet a fault; nobody else notices. It ends by itself.',
        tags,
        body: DrillBody,
        response: { 201: DrillOut },
      },
    },
    async (request, reply) => {
      const body = read<{ provider: string; fault: string; key_id?: string; key?: string; minutes?: number }>(
        request.body,
        checkDrill,
      );
      if ((body.key_id === undefined) === (body.key === undefined)) {
        refuse([{ path: 'key_id', message: 'or key is required, one of the two: whose calls are to fail' }]);
      }
      const drill = await deps.startDrill(request.caller as Caller, {
        provider: body.provider,
        fault: body.fault,
        keyId: body.key_id ?? null,
        key: body.key ?? null,
        minutes: body.minutes ?? DRILL_MINUTES,
      });
      reply.code(201);
      return drillOut(drill);
    },
  );

  app.get(
    '/mcp/v1/admin/drills',
    {
      config,
      schema: {
        summary: 'Fire drills that run',
        tags,
        response: { 200: Type.Object({ items: Type.Array(DrillOut), next: Type.Null() }) },
      },
    },
    async () => ({ items: deps.drills().map(drillOut), next: null }),
  );

  app.delete(
    '/mcp/v1/admin/drills/:id',
    { config, schema: { summary: 'End a fire drill', tags, response: { 200: DrillOut } } },
    async (request) => {
      const { id } = request.params as { id: string };
      const ended = await deps.endDrill(request.caller as Caller, id);
      if (ended === null) throw new GoblinError('not_found', 'There is no such drill, or it is over.');
      return drillOut(ended);
    },
  );
}
