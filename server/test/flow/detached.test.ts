/** A detached request from its submission to its record, as its caller sees it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, events, outcome, type Receipt, result, submit, view } from '../support/api.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
import { callsOver, type House, MODEL, saidBy, startHouse } from '../support/vendors.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
/** USD per token of gpt-4o-mini, as OpenAI publishes them. */
const IN = 0.15e-6;
const OUT = 0.6e-6;

let house: House;
before(async () => {
  house = await startHouse();
});
after(() => house.close());

test('submit answers 202 with exactly the documented fields', async () => {
  const { server } = house;
  const answer = await call<Receipt>(server, '/mcp/v1/request', {
    json: { user_id: 'test', prompt: 'Hello MCP!', task_type: 'chat', model: MODEL },
  });
  assert.equal(answer.status, 202);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
  assert.equal(answer.headers.get('idempotent-replayed'), null);
  const { body } = answer;
  assert.deepEqual(Object.keys(body).sort(), ['created_at', 'estimated_cost_usd', 'links', 'request_id', 'status']);
  assert.match(body.request_id, UUID);
  assert.equal(body.status, 'queued');
  assert.match(body.created_at, TIME);
  assert.ok(Math.abs(Date.parse(body.created_at) - Date.now()) < 60_000);
  assert.ok((body.estimated_cost_usd ?? 0) > 0, 'a keyed model with a known price has an estimate');
  const id = body.request_id;
  assert.deepEqual(body.links, {
    self: `/mcp/v1/request/${id}`,
    result: `/mcp/v1/request/${id}/result`,
    stream: `/mcp/v1/stream/${id}`,
    cancel: `/mcp/v1/cancel/${id}`,
  });
  await result(server, id);
});

test('stream, result, request and trail tell the same story, and the money is exact', async () => {
  const { server, vendor } = house;
  const prompt = 'One whole story. [[sim tokens=25 rate=20]]';
  const expected = (await saidBy(vendor, prompt)).text;
  vendor.clear();
  const receipt = await submit(server, { prompt, model: MODEL, task_type: 'summarize', priority: 7 });
  const id = receipt.request_id;
  const stream = await openSse(server, id);
  assert.match(String(stream.headers['content-type']), /^text\/event-stream/);
  const frames = await readAll(Promise.resolve(stream));
  const end = checkFrames(frames);
  assert.deepEqual({ ...end, seq: 0 }, { seq: 0, type: 'end', status: 'succeeded', finish_reason: 'stop' });
  assert.deepEqual(
    frames
      .filter((frame) => frame.type === 'attempt')
      .map(({ attempt, provider, model }) => ({ attempt, provider, model })),
    [{ attempt: 1, provider: 'openai', model: 'gpt-4o-mini' }],
  );
  assert.ok(
    frames.some((frame) => frame.type === 'attempt' && typeof frame.reason === 'string' && frame.reason !== ''),
  );
  assert.equal(frames.filter((frame) => frame.type === 'restart').length, 0);
  assert.ok(frames.filter((frame) => frame.type === 'text').length > 1, 'the text came in several frames');

  const done = await result(server, id);
  assert.equal(done.text, expected);
  assert.equal(textOf(frames), done.text);
  assert.deepEqual(Object.keys(done).sort(), [
    'cost_usd',
    'finish_reason',
    'latency_ms',
    'message',
    'model',
    'price_version',
    'provider',
    'request_id',
    'status',
    'text',
    'usage',
  ]);
  assert.equal(done.request_id, id);
  assert.equal(done.status, 'succeeded');
  assert.equal(done.message.role, 'assistant');
  assert.equal(done.message.content, expected);
  assert.equal(done.finish_reason, 'stop');
  assert.equal(done.provider, 'openai');
  assert.equal(done.model, 'gpt-4o-mini');
  assert.equal(done.usage.source, 'reported');
  assert.ok(done.latency_ms > 0);
  assert.equal(typeof done.price_version, 'string');
  const usageFrame = frames.find((frame) => frame.type === 'usage');
  assert.deepEqual(usageFrame?.usage, done.usage);

  const [journal] = await callsOver(vendor, 'One whole story.');
  const wire = journal?.usage as { prompt_tokens: number; completion_tokens: number };
  assert.equal(done.usage.input_tokens, wire.prompt_tokens);
  assert.equal(done.usage.output_tokens, wire.completion_tokens);
  const cost = wire.prompt_tokens * IN + wire.completion_tokens * OUT;
  assert.ok(Math.abs((done.cost_usd ?? 0) - cost) < 1e-11, `${done.cost_usd} is not ${cost}`);

  const row = await view(server, id);
  for (const field of [
    'request_id',
    'status',
    'task_type',
    'priority',
    'model',
    'created_at',
    'started_at',
    'finished_at',
    'estimated_cost_usd',
    'cost_usd',
    'attempts',
    'error',
  ]) {
    assert.ok(field in row, field);
  }
  assert.equal(row.status, 'succeeded');
  assert.equal(row.task_type, 'summarize');
  assert.equal(row.priority, 7);
  assert.equal(row.model, MODEL);
  assert.equal(row.error, null);
  assert.equal(row.cost_usd, done.cost_usd);
  assert.equal(row.created_at, receipt.created_at);
  assert.equal(row.estimated_cost_usd, receipt.estimated_cost_usd);
  assert.ok(Date.parse(row.created_at) <= Date.parse(row.started_at ?? ''));
  assert.ok(Date.parse(row.started_at ?? '') <= Date.parse(row.finished_at ?? ''));
  assert.equal(row.attempts.length, 1);
  const [attempt] = row.attempts;
  assert.deepEqual(Object.keys(attempt ?? {}).sort(), [
    'attempt',
    'cost_usd',
    'error',
    'first_token_ms',
    'latency_ms',
    'model',
    'provider',
    'reason',
    'started_at',
    'status',
    'usage',
  ]);
  assert.equal(attempt?.status, 'succeeded');
  assert.deepEqual(attempt?.usage, done.usage);
  assert.equal(attempt?.cost_usd, done.cost_usd);
  assert.equal(attempt?.error, null);
  assert.ok((attempt?.first_token_ms ?? -1) >= 0 && (attempt?.first_token_ms ?? 0) <= (attempt?.latency_ms ?? 0));

  const trail = await events(server, id);
  assert.deepEqual(
    trail.map((event) => event.type),
    ['request.queued', 'request.running', 'request.succeeded'],
  );
  for (const event of trail) assert.match(event.at, TIME);
  assert.ok(!JSON.stringify(trail).includes('One whole story'), 'the trail holds no content');
});

test('the result is 202 with Retry-After while it runs, and wait= holds the line until the end', async () => {
  const { server } = house;
  const { request_id: id } = await submit(server, { prompt: 'Wait for me. [[sim tokens=30 rate=4]]', model: MODEL });
  const early = await call(server, `/mcp/v1/request/${id}/result`);
  assert.equal(early.status, 202);
  assert.match(early.headers.get('retry-after') ?? '', /^\d+$/);
  assert.equal(early.body.request_id, id);
  assert.ok(['queued', 'running'].includes(String(early.body.status)));
  const asked = performance.now();
  const short = await call(server, `/mcp/v1/request/${id}/result?wait=1`);
  const waited = performance.now() - asked;
  assert.equal(short.status, 202, 'one second is not enough for an answer of 7.5 s');
  assert.ok(waited > 800 && waited < 6000, `waited ${waited} ms`);
  const whole = await call(server, `/mcp/v1/request/${id}/result?wait=60`);
  assert.equal(whole.status, 200, 'the wait ends with the request, not with the minute');
  assert.ok(performance.now() - asked < 20_000);
});

test('an end without success is 409 with status, code, upstream_status, partial_text', async () => {
  const { server, vendor } = house;
  const prompt = 'This breaks. [[sim tokens=30 fault=cut-after-12]]';
  const { request_id: id } = await submit(server, { prompt, model: MODEL, failover: 'fail' });
  const answer = await outcome(server, id);
  assert.equal(answer.status, 409);
  assert.equal(answer.headers.get('x-should-retry'), 'false');
  const { body } = answer;
  assert.equal(body.status, 'failed');
  assert.equal(body.code, 'upstream_truncated');
  assert.ok('upstream_status' in body);
  const whole = (await saidBy(vendor, 'This breaks. [[sim tokens=30]]')).text;
  assert.ok(
    (body.partial_text ?? '').length > 0 && whole.startsWith(body.partial_text ?? '-'),
    body.partial_text ?? 'null',
  );
  const frames = await readAll(openSse(server, id));
  const end = checkFrames(frames);
  assert.equal(end.status, 'failed');
  assert.equal((end.error as { code: string }).code, 'upstream_truncated');
  assert.equal(textOf(frames), body.partial_text, 'what was shown is what is kept');

  const refused = await submit(server, { prompt: 'No. [[sim fault=status-400]]', model: MODEL });
  const other = await outcome(server, refused.request_id);
  assert.equal(other.status, 409);
  assert.equal(other.body.code, 'upstream_rejected');
  assert.equal(other.body.upstream_status, 400);
  assert.equal(other.body.partial_text, null);
  assert.deepEqual(
    (await events(server, refused.request_id)).map((event) => event.type),
    ['request.queued', 'request.running', 'request.failed'],
  );
});
