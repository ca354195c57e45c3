/** Errors at the OpenAI door as OpenAI's own client sees them: ours, and those of vendors that refuse. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { call, post } from '../support/api.ts';
import { ask, errorOf, newClient } from '../support/openai.ts';
import { type Server, startServer } from '../support/server.ts';
import { type House, OPENAI_KEY, PATIENT, startHouse, underNames } from '../support/vendors.ts';

/** Faults that end a call at once, and the status that its caller gets. */
const REFUSALS: readonly [string, number][] = [
  ['retry-after-60', 429],
  ['status-400', 400],
  ['context-too-long', 400],
  ['status-404', 404],
  ['status-401', 502],
  ['quota', 503],
];

let house: House;
let broken: Simulator;
let strict: Server;
let client: OpenAI;
before(async () => {
  house = await startHouse();
  broken = await startSimulator();
  strict = await startServer({
    env: { OPENAI_API_KEY: OPENAI_KEY },
    settings: {
      ...PATIENT,
      providers: underNames(
        broken,
        REFUSALS.map(([fault]) => fault),
      ),
    },
  });
  client = newClient(house.server);
});
after(async () => {
  await Promise.all([house.close(), strict.stop()]);
  await broken.close();
});

test("errors come in OpenAI's shape and class", async () => {
  const unknown = await errorOf(client.chat.completions.create({ ...ask('x'), model: 'no-such-model' }));
  assert.equal(unknown.status, 404);
  assert.ok(unknown instanceof OpenAI.NotFoundError);
  assert.equal(unknown.code, 'unknown_model');
  assert.equal(unknown.type, 'invalid_request_error');
  const invalid = await errorOf(client.chat.completions.create({ ...ask('x'), temperature: 9 }));
  assert.ok(invalid instanceof OpenAI.BadRequestError);
  assert.equal(invalid.param, 'temperature');
  const refused = newClient(strict);
  for (const [fault, status] of REFUSALS) {
    for (const stream of [false, true]) {
      const error = await errorOf(
        refused.chat.completions.create(
          { ...ask(`Door ${fault}. [[sim fault=${fault}]]`), model: `${fault}/gpt-4o-mini`, stream },
          { headers: { 'x-mcp-deadline-ms': '20000' } },
        ),
      );
      assert.equal(error.status, status, `${fault} stream=${stream}: ${error.message}`);
      assert.ok(typeof error.code === 'string' && error.code.length > 0);
      assert.ok((error.headers?.get('x-mcp-request-id') ?? '').length > 0, 'and it is on record');
      if (fault === 'retry-after-60')
        assert.ok(Number(error.headers?.get('retry-after')) > 30, 'an honest Retry-After');
      if (status === 400) assert.equal(error.headers?.get('x-should-retry'), 'false');
    }
  }
  const wrong = await post<{ error: { message: string; code: string } }>(house.server, '/v1/chat/completions', {
    messages: 'x',
  });
  assert.equal(wrong.status, 400);
  assert.equal(typeof wrong.body.error.message, 'string');
  const broken = await call<{ error: { code: string } }>(house.server, '/v1/chat/completions', { raw: '{' });
  assert.equal(broken.status, 400);
  assert.equal(broken.body.error.code, 'malformed_json');
  const type = await call<{ error: { code: string } }>(house.server, '/v1/chat/completions', {
    raw: '{}',
    headers: { 'content-type': 'text/plain' },
  });
  assert.equal(type.status, 415);
  assert.equal(type.body.error.code, 'unsupported_media_type');
});
