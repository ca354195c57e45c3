/**
 * Secrets that models write, at every door and cut at every place: found alike, kept by nobody in the open, and read by
 * who asked as the model wrote them.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { DialectName } from '../../src/contract/call.ts';
import { outcome, post, result, submit, view } from '../support/api.ts';
import { filesIn, findings } from '../support/findings.ts';
import { eventually, type Server, startServer } from '../support/server.ts';
import { checkFrames, openSse, openWs, readAll, textOf } from '../support/streams.ts';
import { PATIENT } from '../support/vendors.ts';
import type { Answer } from '../vendors/speaker.ts';
import { scriptOf, startVendors, type World, type WorldCall } from '../vendors/world.ts';

// Made here, so that no file of the project holds what looks like a key.
const TOKEN = ['gh', 'p_', 'aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD3fG6'].join('');
const PEM = [
  '-----BEGIN',
  `PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj'}\n-----END`,
  'PRIVATE KEY-----',
].join(' ');
const WORDS = ['You may ', 'take ', '', ' for now. ', 'It is ', 'the only one.'] as const;
const TEXT = WORDS.join('').replace('take ', `take ${TOKEN}`);
const ARGS = JSON.stringify({ note: 'a "b" [c]', token: TOKEN, n: 1 });
const CUTS = Array.from({ length: TOKEN.length + 1 }, (_, cut) => cut);
const SOME = CUTS.filter((cut) => cut % 8 === 3);

/** The prompt says where the answer is cut: `cut 7 text`. Of a `slow` one the first words come in a read of their own. */
const say = (dialect: DialectName) => (asked: WorldCall) => {
  const said = answerTo(asked);
  if (!asked.hear().user.endsWith(' slow')) return said;
  const script = scriptOf(dialect, said, asked.stream);
  const third = script.steps.filter(({ tokens }) => tokens > 0)[2];
  return {
    ...script,
    steps: script.steps.map((one) => (asked.stream && one === third ? { ...one, waitMs: 700 } : one)),
  };
};

function answerTo(asked: WorldCall): Answer {
  const [, place = '0', kind = 'text'] = /cut (\d+) (\w+)/.exec(asked.hear().user) ?? [];
  const cut = Number(place);
  const [one, two] = [TOKEN.slice(0, cut), TOKEN.slice(cut)];
  if (kind === 'pem') return { words: ['Here: ', ...(PEM.match(/[\s\S]{1,9}/g) ?? []), ' done.'] };
  if (kind === 'call') {
    const at = ARGS.indexOf(TOKEN) + cut;
    const pieces = [ARGS.slice(0, 9), ARGS.slice(9, at), ARGS.slice(at)];
    return { words: ['I look. '], calls: [{ id: 'call_1', name: 'look', pieces }] };
  }
  const words = [WORDS[0], WORDS[1], one, two, ...WORDS.slice(3)].filter((word) => word !== '');
  return kind === 'thoughts' ? { thoughts: words, words: ['Done.'] } : { words };
}

let world: World;
let server: Server;
let blocking: Server;
let hiding: Server;
let openai: OpenAI;
let anthropic: Anthropic;
let asked = 0;

const settings = () => ({
  ...PATIENT,
  providers: Object.fromEntries(
    [
      ['oa', 'openai'],
      ['an', 'anthropic'],
      ['re', 'responses'],
      ['ge', 'gemini'],
    ].map(([name = '', dialect]) => [name, { base_url: world.url(name), dialect, models: ['m'], free: true }]),
  ),
});

before(async () => {
  const dialects = { oa: 'openai', an: 'anthropic', re: 'responses', ge: 'gemini' } as const;
  world = await startVendors(
    Object.fromEntries(Object.entries(dialects).map(([name, dialect]) => [name, { dialect, say: say(dialect) }])),
  );
  const open = (secrets: Record<string, unknown>) => startServer({ settings: { ...settings(), secrets } });
  server = await startServer({ settings: settings() });
  blocking = await open({ answers: { kinds: { credential: 'block' } } });
  hiding = await open({ answers: { reveal: false } });
  openai = new OpenAI({ baseURL: server.url('/v1'), apiKey: 'unused', maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: server.address, apiKey: 'unused', maxRetries: 0 });
});
after(async () => {
  await Promise.all([server, blocking, hiding].map((one) => one?.stop()));
  await world?.close();
});

const user = (cut: number, kind = 'text') => [{ role: 'user' as const, content: `cut ${cut} ${kind}` }];

test('the OpenAI door, streamed: from its own dialect and from others', async () => {
  for (const model of ['oa/m', 'an/m', 'ge/m']) {
    for (const cut of model === 'oa/m' ? CUTS : SOME) {
      asked++;
      let text = '';
      let finish: string | null = null;
      const stream = await openai.chat.completions.create({ model, messages: user(cut), stream: true });
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        finish = chunk.choices[0]?.finish_reason ?? finish;
      }
      assert.deepEqual([text, finish], [TEXT, 'stop'], `${model}, cut at ${cut}`);
    }
  }
});

test('the OpenAI door: whole answers, arguments of calls, thoughts', async () => {
  for (const cut of SOME) {
    asked += 3;
    const whole = await openai.chat.completions.create({ model: 'oa/m', messages: user(cut) });
    assert.equal(whole.choices[0]?.message.content, TEXT);
    const tools = [{ type: 'function' as const, function: { name: 'look', parameters: { type: 'object' } } }];
    const stream = openai.chat.completions.stream({ model: 'oa/m', messages: user(cut, 'call'), tools });
    const { choices } = await stream.finalChatCompletion();
    const [made] = choices[0]?.message.tool_calls ?? [];
    assert.ok(made?.type === 'function');
    assert.deepEqual([choices[0]?.message.content, made.function.arguments], ['I look. ', ARGS]);
    let thoughts = '';
    const thinking = await openai.chat.completions.create({
      model: 'oa/m',
      messages: user(cut, 'thoughts'),
      stream: true,
    });
    for await (const chunk of thinking) {
      thoughts += (chunk.choices[0]?.delta as { reasoning_content?: string } | undefined)?.reasoning_content ?? '';
    }
    assert.equal(thoughts, TEXT);
  }
});

test('the Anthropic door, streamed and whole, calls among it', async () => {
  const ask = (cut: number, kind = 'text', model = 'an/m') => ({ model, max_tokens: 500, messages: user(cut, kind) });
  const textIn = ({ content }: Anthropic.Message) =>
    content.map((one) => (one.type === 'text' ? one.text : '')).join('');
  for (const cut of CUTS) {
    asked++;
    const message = await anthropic.messages.stream(ask(cut)).finalMessage();
    assert.deepEqual([textIn(message), message.stop_reason], [TEXT, 'end_turn'], `cut at ${cut}`);
  }
  for (const cut of SOME) {
    asked += 3;
    assert.equal(textIn(await anthropic.messages.create(ask(cut))), TEXT);
    assert.equal(textIn(await anthropic.messages.stream(ask(cut, 'text', 'oa/m')).finalMessage()), TEXT);
    const tools = [{ name: 'look', input_schema: { type: 'object' as const } }];
    const { content } = await anthropic.messages.stream({ ...ask(cut, 'call'), tools }).finalMessage();
    const used = content.find((one) => one.type === 'tool_use');
    assert.deepEqual(used?.type === 'tool_use' && used.input, JSON.parse(ARGS));
  }
});

test('the Responses door, streamed and whole', async () => {
  for (const cut of SOME) {
    for (const model of ['re/m', 'oa/m']) {
      asked += 2;
      let text = '';
      let whole = '';
      const stream = await openai.responses.create({ model, input: `cut ${cut} text`, stream: true });
      for await (const event of stream) {
        if (event.type === 'response.output_text.delta') text += event.delta;
        if (event.type === 'response.completed') {
          const [item] = event.response.output.filter((one) => one.type === 'message');
          whole = item?.type === 'message' && item.content[0]?.type === 'output_text' ? item.content[0].text : '';
        }
      }
      assert.deepEqual([text, whole], [TEXT, TEXT], `${model}, cut at ${cut}`);
      assert.equal((await openai.responses.create({ model, input: `cut ${cut} text` })).output_text, TEXT);
    }
  }
});

test('a detached request: its stream in both forms, its result, and the stream told again', async () => {
  for (const cut of CUTS) {
    asked++;
    const { request_id: id } = await submit(server, { prompt: `cut ${cut} text`, model: cut % 2 ? 'oa/m' : 'an/m' });
    const [sse, ws] = await Promise.all([readAll(openSse(server, id)), readAll(openWs(server, id))]);
    for (const frames of [sse, ws]) {
      checkFrames(frames);
      assert.equal(textOf(frames), TEXT, `cut at ${cut}`);
      assert.ok(frames.every((frame) => !('sealed' in frame)));
    }
    const done = await result(server, id);
    assert.equal(done.text, TEXT);
    assert.deepEqual(done.message, { role: 'assistant', content: TEXT });
    assert.equal(textOf(await readAll(openSse(server, id))), TEXT);
  }
});

test('an answer that is told again by its key is the same', async () => {
  asked++;
  type Whole = { choices: { message: { content: string } }[] };
  const body = { model: 'oa/m', messages: user(7) };
  const headers = { 'idempotency-key': 'answers-1' };
  for (const replayed of [null, 'true']) {
    const answer = await post<Whole>(server, '/v1/chat/completions', body, headers);
    assert.equal(answer.headers.get('idempotent-replayed'), replayed);
    assert.equal(answer.body.choices[0]?.message.content, TEXT);
  }
});

test('where it is to be hidden the caller reads the placeholder, whichever way he asks', async () => {
  const place = /^You may take \[\[secret:github_token:[0-9a-f]{10}\]\] for now\. It is the only one\.$/;
  const client = new OpenAI({ baseURL: hiding.url('/v1'), apiKey: 'unused', maxRetries: 0 });
  for (const cut of SOME) {
    let text = '';
    for await (const chunk of await client.chat.completions.create({
      model: 'oa/m',
      messages: user(cut),
      stream: true,
    }))
      text += chunk.choices[0]?.delta.content ?? '';
    assert.match(text, place);
    const whole = await client.chat.completions.create({ model: 'oa/m', messages: user(cut) });
    assert.match(whole.choices[0]?.message.content ?? '', place);
  }
  const { request_id: id } = await submit(hiding, { prompt: 'cut 7 text', model: 'oa/m' });
  assert.match(textOf(await readAll(openSse(hiding, id))), place);
  assert.match((await result(hiding, id)).text, place);
});

test('where it blocks the answer ends in the words of its door, after what came before', async () => {
  for (const cut of SOME) {
    for (const [path, body, error] of [
      ['/v1/chat/completions', { model: 'oa/m', messages: user(cut, 'slow') }, /"code":"guardrail_blocked"/],
      ['/v1/messages', { model: 'an/m', max_tokens: 500, messages: user(cut, 'slow') }, /^event: error$/m],
      ['/v1/responses', { model: 're/m', input: `cut ${cut} slow` }, /"type":"(?:response\.failed|error)"/],
    ] as const) {
      const streamed = await post(blocking, path, { ...body, stream: true });
      assert.equal(streamed.status, 200, streamed.text);
      assert.match(streamed.text, error);
      assert.match(streamed.text, /The answer holds a secret that must not be shown \(github_token\)/);
      assert.ok(streamed.text.includes('You may ') && !streamed.text.includes('[DONE]'), streamed.text);
      for (const bad of [TOKEN.slice(0, 17), TOKEN.slice(-12), 'for now']) assert.ok(!streamed.text.includes(bad), bad);
      const whole = await post(blocking, path, body);
      assert.equal(whole.status, 403, whole.text);
      assert.ok(!whole.text.includes('You may') && whole.text.includes('github_token'), whole.text);
      const id = whole.headers.get('x-mcp-request-id') ?? '';
      const row = await eventually(async () => {
        const seen = await view(blocking, id);
        return seen.finished_at === null ? null : seen;
      }, 'the end');
      assert.deepEqual([row.status, row.error?.code], ['blocked', 'guardrail_blocked']);
    }
    const { request_id: id } = await submit(blocking, { prompt: `cut ${cut} text`, model: 'oa/m' });
    const frames = await readAll(openSse(blocking, id));
    const end = checkFrames(frames);
    assert.deepEqual([end.status, (end.error as { code: string }).code], ['blocked', 'guardrail_blocked']);
    assert.equal(textOf(frames), 'You may take ');
    const told = await outcome(blocking, id);
    assert.deepEqual([told.body.status, told.body.code], ['blocked', 'guardrail_blocked']);
    assert.ok(!told.text.includes(TOKEN.slice(0, 17)));
  }
});

test('a private key is kept by nobody, and its caller reads it', async () => {
  asked++;
  const { request_id: id } = await submit(server, { prompt: 'cut 0 pem', model: 'ge/m' });
  assert.equal(textOf(await readAll(openSse(server, id))), `Here: ${PEM} done.`);
});

test('each was found, the same at every cut, and nothing of them is on the disk', async () => {
  const found = await eventually(async () => {
    const all = await findings(server);
    return all.length >= asked ? all : null;
  }, 'events of findings');
  assert.equal(found.length, asked);
  assert.equal(new Set(found.map(({ request }) => request)).size, asked);
  const rules = new Map<string, Set<string>>();
  for (const { rule, action, fingerprint } of found) {
    assert.equal(action, 'redact');
    rules.set(rule, (rules.get(rule) ?? new Set()).add(fingerprint));
  }
  assert.deepEqual([...rules].map(([rule, prints]) => [rule, prints.size]).sort(), [
    ['github_token', 1],
    ['private_key', 1],
  ]);
  let placeholders = 0;
  for (const one of [server, blocking, hiding]) {
    await one.stop();
    for (const file of filesIn(one.dataDir)) {
      const bytes = readFileSync(file);
      if (bytes.includes('[[secret:')) placeholders++;
      for (const bad of [TOKEN, TOKEN.slice(0, 20), TOKEN.slice(-20), 'MIIEvQIBADANBgkq'])
        assert.ok(!bytes.includes(bad), `${file} holds a secret`);
    }
    assert.ok(!one.stderr().includes(TOKEN) && !one.stdout().includes(TOKEN));
  }
  assert.ok(placeholders > 0, 'the disk was looked at');
});
