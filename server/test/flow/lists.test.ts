/** Lists, and what a detached request may say: messages, knobs, tools. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, type RequestView, result, submit } from '../support/api.ts';
import { checkFrames, openSse, readAll } from '../support/streams.ts';
import { callsWith, type House, MODEL, startHouse } from '../support/vendors.ts';

let house: House;
before(async () => {
  house = await startHouse();
});
after(() => house.close());

test('lists page by key, newest first, and filter', async () => {
  const { server } = house;
  const ids: string[] = [];
  for (let i = 0; i < 7; i++) {
    const receipt = await submit(server, { prompt: `List ${i} [[sim tokens=3]]`, model: MODEL, task_type: 'classify' });
    ids.unshift(receipt.request_id);
  }
  await Promise.all(ids.map((id) => result(server, id)));
  type Page = { items: RequestView[]; next: string | null };
  const page = async (query: string) => {
    const answer = await call<Page>(server, `/mcp/v1/request?${query}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
  };
  const first = await page('task_type=classify&limit=3');
  assert.deepEqual(Object.keys(first).sort(), ['items', 'next']);
  // A newer one that comes between the pages moves nothing.
  const late = await submit(server, { prompt: 'Late [[sim tokens=3]]', model: MODEL, task_type: 'classify' });
  await result(server, late.request_id);
  const second = await page(`task_type=classify&limit=3&after=${first.next}`);
  const third = await page(`task_type=classify&limit=3&after=${second.next}`);
  assert.deepEqual(
    [first, second, third].flatMap(({ items }) => items.map((item) => item.request_id)),
    ids,
  );
  assert.equal(third.next, null);
  assert.equal(
    (await page(`task_type=classify&limit=7&after=${late.request_id}`)).next,
    null,
    'a full last page has no next',
  );

  const bad = await submit(server, { prompt: 'Refused [[sim fault=status-400]]', model: MODEL });
  await call(server, `/mcp/v1/request/${bad.request_id}/result?wait=20`);
  const failed = await page('status=failed&limit=200');
  assert.ok(failed.items.length > 0 && failed.items.every((item) => item.status === 'failed'));
  const done = await page('status=succeeded&task_type=classify&limit=200');
  assert.equal(done.items.length, 8);
  assert.equal((await page('status=expired')).items.length, 0);
  for (const query of ['status=done', 'limit=0', 'limit=1000', 'limit=x', 'after=7', 'limit=1&limit=2', 'sort=asc']) {
    const answer = await call(server, `/mcp/v1/request?${query}`);
    assert.equal(answer.status, 400, query);
  }
});

test('messages, system and the knobs reach the vendor as they were written', async () => {
  const { server, vendor } = house;
  const { request_id: id } = await submit(server, {
    model: MODEL,
    system: 'Be brief.',
    messages: [
      { role: 'user', content: 'First knob question' },
      { role: 'assistant', content: 'An answer' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Second knob question' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
        ],
      },
    ],
    temperature: 0.5,
    top_p: 0.9,
    stop: ['###'],
    seed: 42,
    max_tokens: 12,
    labels: { team: 'search' },
    metadata: { any: ['thing', { nested: true }] },
  });
  const done = await result(server, id);
  assert.equal(done.finish_reason, 'length');
  assert.equal(done.usage.output_tokens, 12);
  const [entry] = callsWith(vendor, 'Second knob question');
  const body = entry?.body as Record<string, unknown>;
  assert.equal(body.model, 'gpt-4o-mini');
  assert.equal(body.temperature, 0.5);
  assert.equal(body.top_p, 0.9);
  assert.equal(body.seed, 42);
  assert.equal(body.max_completion_tokens, 12);
  assert.deepEqual([body.stop].flat(), ['###']);
  const messages = body.messages as { role: string }[];
  assert.deepEqual(
    messages.map((message) => message.role),
    ['system', 'user', 'assistant', 'user'],
  );
  assert.ok(JSON.stringify(messages[3]).includes('data:image/png;base64,iVBORw0KGgo='));
  assert.ok(!JSON.stringify(body).includes('search'), 'labels stay here');
});

test('tool calls stream as they arrive and stand in the result', async () => {
  const { server } = house;
  const { request_id: id } = await submit(server, {
    model: MODEL,
    prompt: 'Please call get_weather for me',
    tools: [
      {
        type: 'function',
        function: {
          name: 'get_weather',
          parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
        },
      },
    ],
  });
  const frames = await readAll(openSse(server, id));
  checkFrames(frames);
  const calls = frames.filter((frame) => frame.type === 'tool_call');
  assert.ok(calls.length > 0);
  assert.equal(calls[0]?.name, 'get_weather');
  assert.equal(typeof calls[0]?.id, 'string');
  assert.ok(calls.every((frame) => frame.index === 0));
  const args = calls.map((frame) => String(frame.arguments)).join('');
  const done = await result(server, id);
  assert.equal(done.finish_reason, 'tool_calls');
  const [made] = done.message.tool_calls ?? [];
  assert.equal(made?.function.name, 'get_weather');
  assert.equal(made?.function.arguments, args);
  assert.equal(typeof JSON.parse(args).city, 'string');
  assert.equal(made?.id, calls[0]?.id);
});
