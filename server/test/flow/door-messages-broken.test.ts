/** The messages door when something goes wrong: refusals, broken streams, odd bytes, callers who leave. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { call } from '../support/api.ts';
import {
  ask,
  BOTH,
  errorOf,
  GPT,
  type MessagesHouse,
  REFUSALS,
  refuser,
  startMessagesHouse,
  textIn,
} from '../support/messages.ts';
import { callsOver } from '../support/vendors.ts';

/** A second is promised; a busy machine stands still for longer, and left alone these calls go on for much longer still. */
const CLOSED_MS = 6000;

let house: MessagesHouse;
before(async () => {
  house = await startMessagesHouse();
});
after(() => house.close());

test("errors come in Anthropic's shape and class", async () => {
  const unknown = await errorOf(house.client.messages.create(ask('x', 'no-such-model')));
  assert.ok(unknown instanceof Anthropic.NotFoundError);
  assert.deepEqual([unknown.type, unknown.errorCode], ['not_found_error', 'unknown_model']);
  assert.ok(unknown.requestID, 'under the name that the SDK looks for');
  const invalid = await errorOf(house.client.messages.create({ ...ask('x'), temperature: 9 } as never));
  assert.ok(invalid instanceof Anthropic.BadRequestError);
  assert.match(invalid.message, /temperature/);
  for (const [index, [fault, status, type]] of REFUSALS.entries()) {
    for (const stream of [false, true]) {
      const error = await errorOf(
        house.client.messages.create(
          { ...ask(`Fail ${fault} ${stream}. [[sim fault=${fault}]]`, refuser(index, stream)), stream },
          { headers: { 'x-mcp-deadline-ms': '10000', 'x-mcp-failover': 'fail' } },
        ),
      );
      const what = `${fault} stream=${stream}: ${error.message}`;
      if (fault === 'status-529' && error.status === 504) continue;
      assert.deepEqual([error.status, error.type], [status, type], what);
      assert.ok(error.requestID);
    }
  }
  const raw = async (path: string, options: Parameters<typeof call>[2]) =>
    await call<{ type: string; error: { type: string; details: { error_code: string } }; request_id: unknown }>(
      house.server,
      path,
      options,
    );
  for (const [path, options, status, type, code] of [
    ['/v1/messages', { raw: '{' }, 400, 'invalid_request_error', 'malformed_json'],
    [
      '/v1/messages',
      { raw: '{}', headers: { 'content-type': 'text/plain' } },
      415,
      'invalid_request_error',
      'unsupported_media_type',
    ],
    ['/v1/messages/count_tokens', { json: { messages: 7 } }, 400, 'invalid_request_error', 'invalid_request'],
    ['/v1/messages/batches', { json: {} }, 404, 'not_found_error', 'not_found'],
    [
      '/v1/models?limit=0',
      { headers: { 'anthropic-version': 'any' } },
      400,
      'invalid_request_error',
      'invalid_request',
    ],
  ] as const) {
    const { body, status: got } = await raw(path, options);
    assert.deepEqual([got, body.type, body.error.type, body.error.details.error_code], [status, 'error', type, code]);
    assert.ok('request_id' in body);
  }
});

test('broken streams end in an error, never in a shorter success', async () => {
  const faults = ['cut-after-6', 'end-after-6', 'error-after-6', 'event-error-after-6', 'bad-json-after-6'];
  for (const model of BOTH) {
    for (const fault of faults) {
      const stream = house.client.messages.stream(
        ask(`Break ${fault}. [[sim tokens=30 rate=200 fault=${fault}]]`, model),
        {
          headers: { 'x-mcp-failover': 'fail' },
        },
      );
      let text = '';
      const types: string[] = [];
      stream.on('text', (delta) => {
        text += delta;
      });
      stream.on('streamEvent', (event) => types.push(event.type));
      const error = await errorOf(stream.finalMessage());
      assert.match(error.type ?? '', /^(api|overloaded)_error$/, `${model} ${fault}: ${error.message}`);
      assert.ok(text.length > 0);
      assert.ok(!types.includes('message_stop') && !types.includes('message_delta'), `${model} ${fault}: ${types}`);
    }
  }
});

for (const model of ['broken-gpt', 'broken-claude']) {
  test(`${model}: Claude goes on in mid-stream, in the same message`, async () => {
    const content = `Go on, ${model}. [[sim tokens=30 rate=300]]`;
    const expected = textIn(await house.client.messages.create(ask(content)));
    const stream = house.client.messages.stream(ask(content, model));
    const types: string[] = [];
    let truth: { attempts?: number; provider?: string } = {};
    stream.on('streamEvent', (event) => {
      types.push(event.type);
      if (event.type === 'message_delta') truth = (event as unknown as { x_mcp: typeof truth }).x_mcp;
    });
    const message = await stream.finalMessage();
    assert.equal(textIn(message), expected);
    assert.equal(message.stop_reason, 'end_turn');
    assert.deepEqual([truth.attempts, truth.provider], [2, 'anthropic']);
    assert.equal(types.filter((type) => type === 'message_start').length, 1);
    assert.equal(types.filter((type) => type === 'content_block_start').length, 1, 'the join is inside of one block');
  });
}

test('odd bytes are no fault: the same message', async () => {
  const faults = ['slice-bytes', 'crlf', 'bom', 'comments-between', 'unknown-events', 'multiline-data', 'whole-json'];
  for (const model of BOTH) {
    const plain = textIn(await house.client.messages.create(ask('Odd bytes. [[sim tokens=15]]', model)));
    for (const fault of [...faults, 'after-terminal', 'no-blank-line']) {
      const stream = house.client.messages.stream(ask(`Odd bytes. [[sim tokens=15 fault=${fault}]]`, model));
      assert.equal(textIn(await stream.finalMessage()), plain, `${model} ${fault}`);
    }
  }
});

test('an abort closes the upstream call within a second', async () => {
  for (const model of BOTH) {
    const content = `Leave ${model}. [[sim tokens=400 rate=20]]`;
    const stream = house.client.messages.stream(ask(content, model));
    const gone = stream.done().catch(() => {});
    await new Promise<void>((resolve) => stream.once('text', () => resolve()));
    const at = Date.now();
    stream.abort();
    await gone;
    const [entry] = await callsOver(model === GPT ? house.gpt : house.claude, `Leave ${model}.`);
    assert.equal(entry?.outcome, 'aborted');
    assert.ok((entry?.endedAt ?? 0) - at <= CLOSED_MS);
  }
});
