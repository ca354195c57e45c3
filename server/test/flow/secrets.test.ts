/** Secrets in prompts: neither the vendor nor the record has them, and the caller reads his own values. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { call, isProblem, post, result, submit } from '../support/api.ts';
import { eventually, type Server, startServer } from '../support/server.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
import { callsWith, type House, MODEL, startHouse } from '../support/vendors.ts';

// Made here, so that no file of the project holds what looks like a key.
const KEY = ['sk', 'proj', `${'aB3dE6gH9jK2mN5p'.repeat(3)}T3BlbkFJ${'Qr7sT0uV4wX8yZ1c'.repeat(3)}`].join('-');
const AWS = ['AKIA', 'Z7Q3M5N2P6R4T6V4'].join('');
const PEM = [
  '-----BEGIN',
  'PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END',
  'PRIVATE KEY-----',
].join(' ');

let house: House;
before(async () => {
  house = await startHouse();
});
after(() => house.close());

const said = (prompt: string) => `You wrote: "${prompt}`;

test('a detached request: placeholders for the vendor, the values for the caller, in the stream and the result', async () => {
  const prompt = `My key is ${AWS} and nobody may know ${KEY}.`;
  const { request_id: id } = await submit(house.server, { prompt, model: MODEL, metadata: { note: AWS } });
  const frames = await readAll(openSse(house.server, id));
  checkFrames(frames);
  const done = await result(house.server, id);
  assert.equal(textOf(frames), done.text);
  assert.ok(done.text.includes(said(prompt).slice(0, 40)), done.text);
  assert.ok(done.text.includes(AWS), 'his own value');
  const [sent] = callsWith(house.vendor, 'nobody may know');
  const wire = JSON.stringify(sent?.body);
  assert.ok(!wire.includes(AWS) && !wire.includes(KEY), wire);
  assert.match(wire, /\[\[secret:[a-z0-9_]+:[0-9a-f]{10,}\]\]/);
  const row = await call<{ metadata: { note: string } }>(house.server, `/mcp/v1/request/${id}`);
  assert.equal(row.body.metadata.note, AWS);
  // What was replaced stands in the trail of the request, and so in its receipt.
  const receipt = await call<{ events: { type: string; payload: { rule: string } }[] }>(
    house.server,
    `/mcp/v1/request/${id}/receipt`,
  );
  const rules = receipt.body.events.filter(({ type }) => type === 'guard.finding').map(({ payload }) => payload.rule);
  assert.ok(rules.includes('aws_access_key') && rules.includes('openai_key'), rules.join());
});

test('the doors: streamed and whole, the caller reads his own values', async () => {
  const client = new OpenAI({ baseURL: house.server.url('/v1'), apiKey: 'unused', maxRetries: 0 });
  for (const stream of [false, true]) {
    const content = `Door ${stream}: use ${AWS}, please.`;
    const ask = { model: MODEL, messages: [{ role: 'user' as const, content }] };
    let text = '';
    if (stream) {
      for await (const chunk of await client.chat.completions.create({ ...ask, stream: true }))
        text += chunk.choices[0]?.delta.content ?? '';
    } else text = (await client.chat.completions.create(ask)).choices[0]?.message.content ?? '';
    assert.ok(text.includes(AWS), text);
    const wire = JSON.stringify(callsWith(house.vendor, `Door ${stream}: use`)[0]?.body);
    assert.ok(!wire.includes(AWS) && wire.includes('[[secret:'), wire);
  }
});

test('an answer told again by its key has the values too, and the same value has the same placeholder', async () => {
  const body = { model: MODEL, messages: [{ role: 'user', content: `Again ${AWS}.` }] };
  const headers = { 'idempotency-key': 'secrets-1' };
  type Answer = { choices: { message: { content: string } }[] };
  const first = await post<Answer>(house.server, '/v1/chat/completions', body, headers);
  const again = await post<Answer>(house.server, '/v1/chat/completions', body, headers);
  assert.equal(again.headers.get('idempotent-replayed'), 'true');
  assert.equal(again.body.choices[0]?.message.content, first.body.choices[0]?.message.content);
  assert.ok(first.body.choices[0]?.message.content.includes(AWS));
  const placeholders = new Set(
    house.vendor.journal().flatMap(({ body: sent }) => JSON.stringify(sent).match(/\[\[secret:aws[^\]]*\]\]/g) ?? []),
  );
  assert.equal(placeholders.size, 1, [...placeholders].join());
});

test('a private key is refused with its place, and goes nowhere', async () => {
  const refused = await post(house.server, '/mcp/v1/request', { prompt: `Keep this:\n${PEM}`, model: MODEL });
  const problem = isProblem(refused, 400, 'secret_blocked');
  assert.equal(problem.errors?.[0]?.path, 'messages.0.content.0.text');
  assert.ok(!refused.text.includes('MIIEvQ'));
  assert.equal(callsWith(house.vendor, 'Keep this').length, 0);
});

test('findings are events with a fingerprint, and nothing on the disk holds a value', async () => {
  type Page = { items: { payload: { rule: string; action: string; place: string; fingerprint: string } }[] };
  const page = await eventually(async () => {
    const answer = await call<Page>(house.server, '/mcp/v1/admin/audit?type=guard.finding&limit=100');
    return answer.body.items.length >= 4 ? answer.body : null;
  }, 'events of findings');
  for (const { payload } of page.items) assert.match(payload.fingerprint, /^[0-9a-f]{16}$/);
  await house.server.stop();
  const files: string[] = [];
  const walk = (folder: string): void => {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) walk(path);
      else files.push(path);
    }
  };
  walk(house.server.dataDir);
  assert.ok(files.length > 10);
  for (const file of files) {
    const bytes = readFileSync(file);
    for (const value of [AWS, KEY, 'MIIEvQIBADANBgkq']) assert.ok(!bytes.includes(value), `${file} holds a secret`);
  }
  assert.ok(![AWS, KEY].some((value) => house.server.stderr().includes(value)));
});

test('what is allowed passes as it is, and a rule that nobody knows stops the start', async () => {
  const open: Server = await startServer({ settings: { secrets: { enabled: false } } });
  const { request_id: id } = await submit(open, { prompt: `As it is: ${AWS}` });
  assert.ok((await result(open, id)).text.includes(AWS));
  await open.stop();
  await assert.rejects(
    startServer({ settings: { secrets: { rules: { no_such_rule: 'block' } } } }),
    /no_such_rule is not a rule/,
  );
});
