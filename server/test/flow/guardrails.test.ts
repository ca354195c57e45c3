/** Guardrails: each sentence of docs/security.md about them, against a hook that says and does what it should not. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Simulator } from '../../src/providers/simulator/index.ts';
import { type Answer, call, events, type Json, outcome, post, submit, view } from '../support/api.ts';
import { allow, chat, type GuardedHouse, hook, type Says, startGuardedHouse, trail } from '../support/guardrails.ts';
import { eventually, makePlace, runGoblin, type Server, startServer } from '../support/server.ts';
import { callsWith, MODEL, openaiEnv, saidBy } from '../support/vendors.ts';

const SECRET = 'AKIAQ6ZK4VJ2N7WRT5XB';

let vendor: Simulator;
let closed: Server;
let open: Server;
let house: GuardedHouse;
before(async () => {
  house = await startGuardedHouse();
  ({ vendor, closed, open } = house);
});
after(() => house?.close());
beforeEach(() => {
  hook.heard = [];
  hook.says = allow;
});

const before_ =
  (said: unknown): Says =>
  ({ stage }) =>
    stage === 'before' ? said : { action: 'allow' };
const after_ =
  (said: unknown): Says =>
  ({ stage }) =>
    stage === 'after' ? said : { action: 'allow' };
const contentOf = (answer: Answer<Json>): string =>
  ((answer.body.choices as { message: { content: string } }[])[0] as { message: { content: string } }).message.content;

test('before: what is sent, with placeholders in place of secrets, and pictures only by name', async () => {
  const tools = [{ type: 'function', function: { name: 'look_up', parameters: { type: 'object', properties: {} } } }];
  const content = [
    { type: 'text', text: `before-sees the key ${SECRET}` },
    { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
  ];
  const answer = await post<Json>(
    closed,
    '/v1/chat/completions',
    {
      model: MODEL,
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content },
      ],
      tools,
    },
    { 'x-mcp-labels': 'team=search', 'x-mcp-task': 'code' },
  );
  assert.equal(answer.status, 200, answer.text);
  const [asked] = hook.heard;
  assert.equal(asked?.stage, 'before');
  assert.deepEqual(asked?.request, {
    ...{ tenant: 'local', key: null, team: null, roles: asked?.request.roles },
    ...{ kind: 'answer', model: MODEL, task_type: 'code', labels: { team: 'search' }, tools: ['look_up'] },
  });
  const text = JSON.stringify(asked);
  assert.doesNotMatch(text, new RegExp(SECRET));
  assert.match(text, /before-sees the key \[\[secret:aws_access_key/);
  assert.doesNotMatch(text, /iVBORw0KGgo/);
  assert.deepEqual(
    asked?.messages?.map(({ role, content: items }) => [role, items.map(({ type }) => type)]),
    [
      ['system', ['text']],
      ['user', ['text', 'image']],
    ],
  );
});

test('before: a block is 403 with its reason, and nothing is sent or stored', async () => {
  hook.says = before_({ action: 'block', reason: 'not in this house' });
  const attached = await chat(closed, 'before-blocked');
  assert.equal(attached.status, 403);
  assert.match(attached.text, /guardrail_blocked/);
  assert.match(attached.text, /not in this house/);
  const detached = await post<Json>(closed, '/mcp/v1/request', { prompt: 'before-blocked', model: MODEL });
  assert.equal(detached.status, 403);
  assert.equal(callsWith(vendor, 'before-blocked').length, 0);
  const noted = await eventually(async () => (await trail(closed, 'guardrail.blocked'))[0], 'the event');
  assert.deepEqual([noted.stage, noted.reason], ['before', 'not in this house']);
});

test('before: a replacement is what is sent and stored; one that is not the same messages is none', async () => {
  hook.says = before_({ action: 'replace', messages: [{ role: 'user', content: 'before-other words' }] });
  assert.equal((await chat(closed, 'before-own words')).status, 200);
  const { request_id: id } = await submit(closed, { prompt: 'before-own words', model: MODEL });
  await outcome(closed, id);
  assert.equal(callsWith(vendor, 'before-own words').length, 0);
  assert.equal(callsWith(vendor, 'before-other words').length, 2);
  const content = await call(closed, `/mcp/v1/request/${id}/content`);
  assert.match(content.text, /before-other words/);
  assert.doesNotMatch(content.text, /before-own words/);

  const wrong: unknown[] = [
    [],
    [{ role: 'assistant', content: 'x' }],
    [
      { role: 'user', content: 'x' },
      { role: 'user', content: 'y' },
    ],
    [{ role: 'user', content: [{ type: 'image' }] }],
    [{ role: 'user', content: 7 }],
    'text',
  ];
  for (const messages of wrong) {
    hook.says = before_({ action: 'replace', messages });
    assert.equal((await chat(closed, 'before-never sent')).status, 503, JSON.stringify(messages));
  }
  assert.equal(callsWith(vendor, 'before-never sent').length, 0);
  // What a guardrail wrote is not read again by the scanner.
  hook.says = before_({ action: 'replace', messages: [{ role: 'user', content: `before-wrote ${SECRET}` }] });
  assert.equal((await chat(closed, 'before-asked')).status, 200);
  assert.equal(callsWith(vendor, `before-wrote ${SECRET}`).length, 1);
});

test('after: what is sent, text and tool calls', async () => {
  const tools = [
    {
      type: 'function',
      function: { name: 'look_up', parameters: { type: 'object', properties: { q: { type: 'string' } } } },
    },
  ];
  const answer = await chat(closed, 'after-sees', { tools, tool_choice: 'required' });
  assert.equal(answer.status, 200, answer.text);
  const asked = hook.heard.find(({ stage }) => stage === 'after');
  const id = answer.headers.get('x-mcp-request-id');
  assert.deepEqual(asked?.request, {
    ...{ request: id, tenant: 'local', key: null, provider: 'openai', model: 'gpt-4o-mini' },
  });
  assert.equal(typeof asked?.text, 'string');
  const calls =
    (answer.body.choices as { message: { tool_calls?: { function: Json }[] } }[])[0]?.message.tool_calls ?? [];
  assert.ok(calls.length > 0);
  assert.deepEqual(
    asked?.tool_calls,
    calls.map((one) => one.function),
  );
});

test('after: a whole answer is held back, and an answer that is replaced is the one that is stored', async () => {
  for (const server of [closed, open]) {
    hook.says = after_({ action: 'block', reason: 'a bad answer' });
    const said = await saidBy(vendor, 'after-whole');
    const blocked = await chat(server, 'after-whole');
    assert.equal(blocked.status, 403, blocked.text);
    assert.ok(!blocked.text.includes(said.text.slice(0, 12)), blocked.text);
    const id = blocked.headers.get('x-mcp-request-id') ?? '';
    await eventually(async () => (await view(server, id)).status === 'blocked', 'its end');
    const stored = await call(server, `/mcp/v1/request/${id}/result`);
    assert.ok(!stored.text.includes(said.text.slice(0, 12)), stored.text);

    hook.says = after_({ action: 'replace', text: 'after-other words' });
    const replaced = await chat(server, 'after-whole');
    assert.equal(contentOf(replaced), 'after-other words');
    const other = replaced.headers.get('x-mcp-request-id') ?? '';
    const kept = await eventually(async () => {
      const found = await call<{ text: string }>(server, `/mcp/v1/request/${other}/result`);
      return found.status === 200 && found.body;
    }, 'the result');
    assert.equal(kept.text, 'after-other words');
  }
});

test('after, streamed and not held back: shown as it comes, and what was found is flagged', async () => {
  const said = await saidBy(vendor, 'after-stream [[sim tokens=30 rate=100]]');
  for (const [verdict, action] of [
    [{ action: 'block', reason: 'too late' }, 'block'],
    [{ action: 'replace', text: 'x', reason: 'too late' }, 'replace'],
  ] as const) {
    hook.says = after_(verdict);
    const streamed = await chat(open, 'after-stream [[sim tokens=30 rate=100]]', { stream: true });
    assert.ok(streamed.text.includes('[DONE]'));
    const text = [...streamed.text.matchAll(/"content":"((?:[^"\\]|\\.)*)"/g)]
      .map(([, part]) => JSON.parse(`"${part}"`))
      .join('');
    assert.equal(text, said.text);
    const id = streamed.headers.get('x-mcp-request-id') ?? '';
    const flag = await eventually(
      async () => (await trail(open, 'guardrail.flagged')).find((one) => one.request === id),
      'the flag',
    );
    assert.deepEqual([flag.action, flag.reason], [action, 'too late']);
    assert.equal((await view(open, id)).status, 'succeeded');
  }
  hook.says = (asked, response) => {
    if (asked.stage === 'before') return { action: 'allow' };
    response.writeHead(500).end();
    return undefined;
  };
  assert.ok((await chat(open, 'after-stream', { stream: true })).text.includes('[DONE]'));
});

test('after, held back: a stream comes in one piece when it was checked, and not before', async () => {
  const prompt = 'after-held [[sim tokens=30 rate=100]]';
  const said = await saidBy(vendor, prompt);
  let checked = 0;
  hook.says = ({ stage }) => {
    if (stage === 'after') checked = performance.now();
    return { action: 'allow' };
  };
  const answer = await fetch(closed.url('/v1/chat/completions'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: MODEL, stream: true, messages: [{ role: 'user', content: prompt }] }),
  });
  let shownAt = 0;
  let text = '';
  for await (const piece of answer.body as AsyncIterable<Uint8Array>) {
    const told = Buffer.from(piece).toString();
    if (shownAt === 0 && /"content":"[^"]/.test(told)) shownAt = performance.now();
    text += told;
  }
  assert.ok(text.includes('[DONE]'));
  assert.ok(checked > 0 && shownAt >= checked, `shown ${checked - shownAt} ms too early`);

  // A detached one: nothing of it is a frame before.
  hook.says = after_({ action: 'block', reason: 'no' });
  const { request_id: id } = await submit(closed, { prompt, model: MODEL });
  const end = await outcome(closed, id);
  assert.equal(end.body.status, 'blocked', end.text);
  const stream = await call(closed, `/mcp/v1/stream/${id}`);
  assert.ok(!stream.text.includes(said.text.slice(0, 12)), stream.text);
  assert.ok((await events(closed, id)).some(({ type }) => type === 'request.blocked'));
});

test('a detached request that is not held back is checked at its end', async () => {
  hook.says = after_({ action: 'block', reason: 'seen too late' });
  const { request_id: id } = await submit(open, { prompt: 'after-detached', model: MODEL });
  assert.equal((await outcome(open, id)).status, 200);
  const flag = await eventually(
    async () => (await trail(open, 'guardrail.flagged')).find((one) => one.request === id),
    'the flag',
  );
  assert.equal(flag.reason, 'seen too late');
});

test('embeddings are asked about before and not after; raw calls not at all', async () => {
  const vectors = await post(closed, '/v1/embeddings', { model: 'vectors/shared-embed', input: ['some text', 'more'] });
  assert.equal(vectors.status, 200, vectors.text);
  assert.deepEqual(
    hook.heard.map(({ stage, request }) => [stage, request.kind]),
    [['before', 'embed']],
  );
  hook.says = before_({ action: 'block' });
  assert.equal((await post(closed, '/v1/embeddings', { model: 'vectors/shared-embed', input: 'text' })).status, 403);
  hook.heard = [];
  const raw = await post(closed, '/mcp/v1/raw/openai/chat/completions', {
    model: 'gpt-4o-mini',
    messages: [{ role: 'user', content: 'raw' }],
  });
  assert.equal(raw.status, 200, raw.text);
  assert.equal(hook.heard.length, 0);
});

test('a metadata address is not called, and one with credentials stops the start', async () => {
  for (const [url, code] of [
    ['http://user:pass@127.0.0.1/check', 1],
    ['ftp://127.0.0.1/check', 1],
  ] as const) {
    const ran = await runGoblin(['start'], makePlace({ guardrails: { before: { url } } }), openaiEnv(vendor));
    assert.equal(ran.code, code);
    assert.match(ran.stderr, /guardrails\.before\.url takes an address with http or https and without credentials/);
  }
  const server = await startServer({
    env: openaiEnv(vendor),
    settings: { guardrails: { before: { url: 'http://169.254.169.254/latest', timeout_ms: 30_000 } } },
  });
  try {
    const began = performance.now();
    assert.equal((await chat(server, 'to the metadata')).status, 503);
    assert.ok(performance.now() - began < 15_000, 'it was not tried');
    const noted = await eventually(async () => (await trail(server, 'guardrail.failed'))[0], 'the event');
    assert.match(String(noted.why), /may not be called|address/);
  } finally {
    await server.stop();
  }
});
