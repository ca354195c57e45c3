/** Secrets that a vendor puts beside the words of an answer, in fields of its own: they reach nobody. */
import assert from 'node:assert/strict';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { call, type Json, post } from '../support/api.ts';
import { findings } from '../support/findings.ts';
import { eventually, type Server, startServer } from '../support/server.ts';

// Made here, so that no file of the project holds what looks like a key.
const TOKEN = ['gh', 'p_', 'aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD3fG6'].join('');
/** By the word in the prompt, where the vendor puts it. */
const PLACES: Readonly<Record<string, (chunk: Json, delta: Json) => void>> = {
  plain: () => {},
  annotation: (_chunk, delta) => {
    delta.annotations = [{ type: 'url_citation', url_citation: { url: `https://x.example/?t=${TOKEN}`, title: 'x' } }];
  },
  field: (_chunk, delta) => {
    delta.own_field = { deep: [TOKEN] };
  },
  name: (_chunk, delta) => {
    delta[TOKEN] = 1;
  },
  fingerprint: (chunk) => {
    chunk.system_fingerprint = TOKEN;
  },
  id: (chunk) => {
    chunk.id = TOKEN;
  },
};

let vendor: HttpServer;
let server: Server;
let hiding: Server;
let asked = 0;

before(async () => {
  vendor = createServer(async (request, response) => {
    let raw = '';
    for await (const chunk of request) raw += chunk;
    const { messages, stream } = JSON.parse(raw) as { messages: { content: string }[]; stream?: boolean };
    const [place = 'plain', where = 'each'] = (messages[0]?.content ?? '').split(' ');
    const put = PLACES[place] as (chunk: Json, delta: Json) => void;
    const usage = { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 };
    const common = { id: 'chatcmpl-1', created: 1, model: 'm', kept: 'this stays' };
    if (!stream) {
      const message: Json = { role: 'assistant', content: 'One two three.' };
      const choices = [{ index: 0, message, finish_reason: 'stop' }];
      const body: Json = { ...common, object: 'chat.completion', choices, usage };
      put(body, message);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const words = ['One ', 'two ', 'three.', null];
    for (const [n, word] of words.entries()) {
      const delta: Json = word === null ? {} : { content: word };
      const choices = [{ index: 0, delta, finish_reason: word === null ? 'stop' : null }];
      const chunk: Json = { ...common, object: 'chat.completion.chunk', choices };
      if (where === 'each' || (where === 'last') === (word === null)) put(chunk, delta);
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
      if (n === 1) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    response.end(`data: ${JSON.stringify({ ...common, choices: [], usage })}\n\ndata: [DONE]\n\n`);
  });
  await new Promise<void>((resolve) => vendor.listen(0, '127.0.0.1', resolve));
  const base_url = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/v1`;
  const providers = { own: { base_url, dialect: 'openai', models: ['m'], free: true } };
  const open = (answers: Json) => startServer({ settings: { local_servers: false, providers, secrets: { answers } } });
  [server, hiding] = await Promise.all([open({}), open({ kinds: { credential: 'block' } })]);
});
after(async () => {
  await Promise.all([server?.stop(), hiding?.stop()]);
  vendor.close();
});

const ask = (of: Server, content: string, stream: boolean) =>
  post<Json>(of, '/v1/chat/completions', { model: 'own/m', stream, messages: [{ role: 'user', content }] });
const wordsIn = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map(
      (line) => (JSON.parse(line.slice(6)) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content,
    )
    .join('');

test('a clean answer comes with all that the vendor says', async () => {
  const streamed = await ask(server, 'plain', true);
  assert.equal(streamed.text.match(/this stays/g)?.length, 4, streamed.text);
  assert.equal((await ask(server, 'plain', false)).body.kept, 'this stays');
});

test('a secret beside the words reaches nobody, and the words do', async () => {
  for (const house of [server, hiding]) {
    for (const place of Object.keys(PLACES).filter((one) => one !== 'plain')) {
      for (const where of ['each', 'last', 'first']) {
        const streamed = await ask(house, `${place} ${where}`, true);
        assert.ok(streamed.status === 200 && !streamed.text.includes(TOKEN), `${place} ${where}: ${streamed.text}`);
        assert.equal(wordsIn(streamed.text), 'One two three.', `${place} ${where}: ${streamed.text}`);
        assert.ok(streamed.text.includes('[DONE]'));
        if (house === server) asked++;
      }
      const whole = await ask(house, place, false);
      assert.ok(whole.status === 200 && !whole.text.includes(TOKEN), `${place}: ${whole.text}`);
      const [choice] = whole.body.choices as { message: { content: string } }[];
      assert.equal(choice?.message.content, 'One two three.');
      if (house === server) asked++;
    }
  }
  const seen = await eventually(async () => {
    const all = await findings(server);
    return all.length >= asked ? all : null;
  }, 'events of findings');
  assert.ok(seen.every(({ rule }) => rule === 'github_token'));
  const page = await call(server, '/mcp/v1/admin/audit');
  assert.ok(!page.text.includes(TOKEN));
});
