/** Every field is checked, with a message that names the path; what a caller sends never becomes a 5xx. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { call, isProblem, type Json, type Problem, post, result, submit } from '../support/api.ts';
import { type House, MODEL, startHouse } from '../support/vendors.ts';

const PATH = '/mcp/v1/request';
const future = new Date(Date.now() + 3_600_000).toISOString();

let house: House;
before(async () => {
  house = await startHouse();
});
after(() => house.close());

const send = (json: unknown) => post(house.server, PATH, json);
const raw = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
  call(house.server, PATH, { raw: body, headers });

async function refusedAt(body: Json, path: string): Promise<Problem> {
  const problem = isProblem(await send(body), 400, 'invalid_request');
  const paths = problem.errors?.map((error) => error.path) ?? [];
  assert.ok(paths.includes(path), `${JSON.stringify(body).slice(0, 200)} names ${paths.join(', ')}, not ${path}`);
  for (const error of problem.errors ?? []) assert.ok(error.message.length > 3);
  return problem;
}

test('unknown fields and parts that are not built are refused by name', async () => {
  await refusedAt({ prompt: 'x', promt: 'y' }, 'promt');
  await refusedAt({ prompt: 'x', tenant: 'acme' }, 'tenant');
  await refusedAt({ prompt: 'x', retrieval: { k: 3 } }, 'retrieval');
  await refusedAt({ prompt: 'x', task_type: 'cook' }, 'task_type');
  await refusedAt({ prompt: 'x', task_type: 'constructor' }, 'task_type');
  const many = await refusedAt({ prompt: 'x', nope: 1, nada: 2 }, 'nada');
  assert.ok(
    many.errors?.some((error) => error.path === 'nope'),
    'all of them at once',
  );
});

test('a wrong type or range names its path and what is accepted', async () => {
  const cases: [Json, string][] = [
    [{ prompt: 5 }, 'prompt'],
    [{ prompt: '' }, 'prompt'],
    [{ prompt: null }, 'prompt'],
    [{ prompt: 'x', system: 7 }, 'system'],
    [{ prompt: 'x', user_id: 7 }, 'user_id'],
    [{ prompt: 'x', user_id: '' }, 'user_id'],
    [{ prompt: 'x', user_id: 'u'.repeat(513) }, 'user_id'],
    [{ prompt: 'x', model: 7 }, 'model'],
    [{ prompt: 'x', model: '' }, 'model'],
    [{ prompt: 'x', model: 'a b' }, 'model'],
    [{ prompt: 'x', model: 'm'.repeat(301) }, 'model'],
    [{ prompt: 'x', provider_hint: 3 }, 'provider_hint'],
    [{ prompt: 'x', provider_hint: [1] }, 'provider_hint'],
    [{ prompt: 'x', provider_hint: ['nobody'] }, 'provider_hint'],
    [{ prompt: 'x', priority: 10 }, 'priority'],
    [{ prompt: 'x', priority: -1 }, 'priority'],
    [{ prompt: 'x', priority: 1.5 }, 'priority'],
    [{ prompt: 'x', priority: '5' }, 'priority'],
    [{ prompt: 'x', max_tokens: 0 }, 'max_tokens'],
    [{ prompt: 'x', max_tokens: 1e20 }, 'max_tokens'],
    [{ prompt: 'x', temperature: 3 }, 'temperature'],
    [{ prompt: 'x', temperature: 'hot' }, 'temperature'],
    [{ prompt: 'x', top_p: -0.1 }, 'top_p'],
    [{ prompt: 'x', stop: 5 }, 'stop'],
    [{ prompt: 'x', stop: [''] }, 'stop'],
    [{ prompt: 'x', seed: 1.5 }, 'seed'],
    [{ prompt: 'x', tools: {} }, 'tools'],
    [{ prompt: 'x', tools: [{ type: 'function', function: { name: 'a b' } }] }, 'tools.0.function.name'],
    [{ prompt: 'x', tool_choice: 'maybe' }, 'tool_choice'],
    [{ prompt: 'x', response_format: { type: 'xml' } }, 'response_format.type'],
    [{ prompt: 'x', reasoning_effort: 5 }, 'reasoning_effort'],
    [{ prompt: 'x', deadline_ms: 0 }, 'deadline_ms'],
    [{ prompt: 'x', deadline_ms: '100' }, 'deadline_ms'],
    [{ prompt: 'x', not_before: 'tomorrow' }, 'not_before'],
    [{ prompt: 'x', not_before: '2026-02-31T99:00:00Z' }, 'not_before'],
    [{ prompt: 'x', not_before: '2026-02-30T00:00:00Z' }, 'not_before'],
    [{ prompt: 'x', not_before: '9999-01-01T00:00:00Z' }, 'not_before'],
    [{ prompt: 'x', failover: 'retry' }, 'failover'],
    [{ prompt: 'x', callback_url: 'nope' }, 'callback_url'],
    [{ prompt: 'x', labels: [] }, 'labels'],
    [{ prompt: 'x', labels: { a: 1 } }, 'labels.a'],
    [{ prompt: 'x', metadata: 'text' }, 'metadata'],
    [{ prompt: 'x', metadata: { big: 'x'.repeat(20_000) } }, 'metadata'],
    [{ messages: [] }, 'messages'],
    [{ messages: 'hello' }, 'messages'],
    [{ messages: [{ role: 'king', content: 'x' }] }, 'messages.0.role'],
    [{ messages: [{ role: 'user' }] }, 'messages.0.content'],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }] }] },
      'messages.0.content.0.image_url.url',
    ],
    [{ prompt: 'x', messages: [{ role: 'user', content: 'x' }] }, 'messages'],
    [{}, 'prompt'],
    [{ model: MODEL }, 'prompt'],
  ];
  for (const [body, path] of cases) await refusedAt(body, path);
});

test('bodies that are no JSON object', async () => {
  for (const body of ['', '{', '{"prompt": "x"', '{"prompt": \'x\'}', '{"prompt":"x",}', 'prompt=x', 'NaN', '\u0000']) {
    const answer = await raw(body);
    isProblem(answer, 400, 'malformed_json');
  }
  for (const body of ['[]', 'null', '7', '"text"', 'true', '[{"prompt":"x"}]'])
    isProblem(await raw(body), 400, 'invalid_request');
  const invalid = Buffer.concat([Buffer.from('{"prompt":"'), Buffer.from([0xff, 0xc3, 0x28]), Buffer.from('"}')]);
  isProblem(await raw(invalid), 400, 'malformed_json');
  isProblem(await raw(Buffer.from('{"prompt":"x"}', 'utf16le')), 400, 'malformed_json');
});

test('depth, dangerous keys, size', async () => {
  const deep = `{"prompt":"x","metadata":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`;
  isProblem(await raw(deep), 400, 'invalid_request');
  isProblem(
    await raw(`{"prompt":"x","metadata":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`),
    400,
    'invalid_request',
  );
  isProblem(await raw('['.repeat(1_000_000)), 400, 'invalid_request');
  for (const body of [
    '{"prompt":"x","__proto__":{"admin":true}}',
    '{"prompt":"x","metadata":{"__proto__":{"admin":true}}}',
    '{"prompt":"x","metadata":{"a":[{"\\u005f_proto__":1}]}}',
    '{"prompt":"x","labels":{"__proto__":"y"}}',
    '{"prompt":"x","constructor":{"prototype":{}}}',
  ]) {
    isProblem(await raw(body), 400, 'invalid_request');
  }
  const big = await raw(`{"prompt":"${'x'.repeat(11 * 1024 * 1024)}"}`).catch((error: unknown) => error);
  // A client that still sends may see the connection close instead of the answer; ours answers first.
  if (!(big instanceof Error)) isProblem(big as Awaited<ReturnType<typeof raw>>, 413, 'body_too_large');
  isProblem(
    await raw('{"prompt":"x"}', { 'content-length': '14', 'content-type': 'text/plain' }),
    415,
    'unsupported_media_type',
  );
  for (const type of [
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'nonsense',
  ]) {
    isProblem(await raw('{"prompt":"x"}', { 'content-type': type }), 415, 'unsupported_media_type');
  }
  assert.equal(
    (await raw('{"prompt":"x","model":"openai/gpt-4o-mini"}', { 'content-type': 'application/json; charset=utf-8' }))
      .status,
    202,
  );
});

test('a packed body is refused by its header, at whatever address reads one', async () => {
  for (const coding of ['gzip', 'GZIP', 'br', 'deflate', 'zstd', 'identity, gzip', 'nonsense']) {
    const problem = isProblem(
      await raw(gzipSync('{"prompt":"x"}'), { 'content-type': 'application/json', 'content-encoding': coding }),
      415,
      'unsupported_media_type',
    );
    assert.match(problem.detail, /Content-Encoding.*send the body as it is/, coding);
  }
  for (const [method, path] of [
    ['POST', '/mcp/v1/auth/login'],
    ['POST', '/mcp/v1/keys'],
    ['PUT', '/mcp/v1/admin/policies'],
  ] as const) {
    const answer = await call(house.server, path, { method, json: {}, headers: { 'content-encoding': 'gzip' } });
    isProblem(answer, 415, 'unsupported_media_type');
  }
  const plain = { 'content-type': 'application/json', 'content-encoding': 'Identity' };
  assert.equal((await raw('{"prompt":"x","model":"openai/gpt-4o-mini"}', plain)).status, 202);
  const nowhere = await call(house.server, '/mcp/v1/no', { method: 'POST', headers: { 'content-encoding': 'gzip' } });
  isProblem(nowhere, 404, 'not_found');
});

test('numbers that JSON can write and nobody means', async () => {
  for (const field of ['temperature', 'top_p', 'seed', 'priority', 'max_tokens', 'deadline_ms']) {
    for (const number of ['1e400', '-1e400', '1e308', '-9999999999999999999']) {
      isProblem(await raw(`{"prompt":"x","${field}":${number}}`), 400, 'invalid_request');
    }
  }
  const answer = await raw(
    `{"prompt":"x","model":"${MODEL}","metadata":{"n":1e400,"m":123456789012345678901234567890}}`,
  );
  assert.ok(answer.status === 202 || answer.status === 400, answer.text);
});

test('lone surrogates and NUL anywhere: refused or mended, never a 5xx', async () => {
  const odd = ['\\ud800', '\\udc00x', '\\u0000', 'a\\u0000b', '\\ud83d\\ud83d'];
  for (const text of odd) {
    const bodies = [
      `{"prompt":"Odd ${text}","model":"${MODEL}"}`,
      `{"prompt":"x","system":"${text}","model":"${MODEL}"}`,
      `{"messages":[{"role":"user","content":"${text}"}],"model":"${MODEL}"}`,
      `{"prompt":"x","labels":{"a":"${text}"},"model":"${MODEL}"}`,
      `{"prompt":"x","labels":{"${text}":"a"},"model":"${MODEL}"}`,
      `{"prompt":"x","metadata":{"a":"${text}"},"model":"${MODEL}"}`,
      `{"prompt":"x","metadata":{"${text}":1},"model":"${MODEL}"}`,
      `{"prompt":"x","user_id":"${text}","model":"${MODEL}"}`,
      `{"prompt":"x","stop":"${text}","model":"${MODEL}"}`,
      `{"prompt":"x","task_type":"${text}","model":"${MODEL}"}`,
      `{"prompt":"x","model":"openai/${text}"}`,
      `{"prompt":"x","provider_hint":"${text}","model":"${MODEL}"}`,
      `{"prompt":"x","callback_url":"http://example.com/${text}","model":"${MODEL}"}`,
      `{"prompt":"x","${text}":1}`,
    ];
    for (const body of bodies) {
      const answer = await raw(body, { 'idempotency-key': `odd-${bodies.indexOf(body)}-${odd.indexOf(text)}` });
      assert.ok(answer.status === 202 || answer.status === 400, `${body}: ${answer.status} ${answer.text}`);
      if (answer.status === 202) {
        const id = String((answer.body as Json).request_id);
        const done = await result(house.server, id);
        assert.ok(done.text.isWellFormed());
      }
    }
  }
});

test('a prompt beyond the known window is refused before it is sent', async () => {
  const before = house.vendor.journal().length;
  const long = 'several ordinary words about nothing in particular '.repeat(2500);
  const problem = isProblem(await send({ prompt: long, model: 'openai/gpt-4' }), 400, 'context_too_long');
  assert.match(problem.detail, /8[,.]?192|token/);
  const door = await post<{ error: { code: string } }>(house.server, '/v1/chat/completions', {
    model: 'openai/gpt-4',
    messages: [{ role: 'user', content: long }],
  });
  assert.equal(door.status, 400);
  assert.equal(door.body.error.code, 'context_too_long');
  assert.equal(house.vendor.journal().length, before, 'nothing was sent');
  // The same fits a model with a larger window.
  await result(house.server, (await submit(house.server, { prompt: long, model: MODEL })).request_id);
});

test('names that nobody offers', async () => {
  isProblem(await send({ prompt: 'x', model: 'no-such-model' }), 404, 'unknown_model');
  isProblem(await send({ prompt: 'x', model: 'anthropic/claude-sonnet-4-5' }), 404, 'unknown_model');
  isProblem(await send({ prompt: 'x', model: 'openai/' }), 404, 'unknown_model');
  const { request_id: id } = await submit(house.server, {
    prompt: 'Never heard of. [[sim tokens=2]]',
    model: 'openai/gpt-99-new',
  });
  assert.equal((await result(house.server, id)).cost_usd, null, 'an unknown price is null, never zero');
});

test('a time that has passed means now; one to come waits', async () => {
  const past = await submit(house.server, {
    prompt: 'Past [[sim tokens=2]]',
    model: MODEL,
    not_before: '2020-01-01T00:00:00Z',
  });
  await result(house.server, past.request_id);
  const later = await submit(house.server, { prompt: 'Later', model: MODEL, not_before: future });
  const answer = await call(house.server, `${PATH}/${later.request_id}`);
  assert.equal(answer.body.status, 'queued');
});
