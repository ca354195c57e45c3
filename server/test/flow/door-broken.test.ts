/** A vendor that breaks behind the door: the client sees an error or a whole answer, never a shorter success. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type OpenAI from 'openai';
import { outcome } from '../support/api.ts';
import { ask, collect, errorOf, newClient, textIn } from '../support/openai.ts';
import { callsWith, type House, saidBy, startHouse } from '../support/vendors.ts';

let house: House;
let client: OpenAI;
before(async () => {
  house = await startHouse({ settings: { clocks: { idle_ms: 4000 } } });
  client = newClient(house.server);
});
after(() => house.close());

test('a stream that breaks is an error to the client, never a shorter success', async () => {
  for (const fault of [
    'cut-after-8',
    'end-after-8',
    'error-after-8',
    'stall-after-8',
    'bad-json-after-8',
    'finish-error',
    'mega-line',
  ]) {
    const response = await client.chat.completions
      .create({ ...ask(`Door breaks ${fault}. [[sim tokens=40 rate=150 fault=${fault}]]`), stream: true })
      .withResponse();
    let text = '';
    let finished = false;
    const error = await errorOf(
      (async () => {
        for await (const chunk of response.data) {
          text += chunk.choices[0]?.delta.content ?? '';
          if (chunk.choices[0]?.finish_reason) finished = true;
        }
      })(),
    );
    assert.ok(text.length > 0, fault);
    assert.equal(finished, false, fault);
    assert.match(String(error.code ?? error.message), /upstream_/, fault);
    const id = response.response.headers.get('x-mcp-request-id') ?? '';
    const end = await outcome(house.server, id);
    assert.equal(end.status, 409, fault);
    assert.equal(end.body.status, 'failed');
    assert.equal(end.body.partial_text, text, 'the record holds what was shown');
    assert.equal(callsWith(house.vendor, `Door breaks ${fault}.`).length, 1, 'what was sent cannot be taken back');
  }
});

test('before the first visible part a broken answer is tried again, unseen', async () => {
  for (const fault of ['status-500', 'empty-200', 'html-200', 'reset', 'done-only']) {
    for (const stream of [true, false]) {
      const content = `Door again ${fault} ${stream}. [[sim tokens=12 fault=${fault} times=1]]`;
      const { data, response } = await client.chat.completions.create({ ...ask(content), stream }).withResponse();
      const text = stream
        ? textIn(await collect(data as AsyncIterable<OpenAI.ChatCompletionChunk>))
        : (data as OpenAI.ChatCompletion).choices[0]?.message.content;
      assert.equal(text, (await saidBy(house.vendor, `Door again ${fault} ${stream}. [[sim tokens=12]]`)).text);
      assert.equal(response.headers.get('x-mcp-attempts'), '2', `${fault} ${stream}`);
    }
  }
});

test('unstreamed, a broken answer is begun anew or refused', async () => {
  const text = (await client.chat.completions.create(ask('Door cut once. [[sim tokens=12 fault=cut-after-5 times=1]]')))
    .choices[0]?.message.content;
  assert.equal(text, (await saidBy(house.vendor, 'Door cut once. [[sim tokens=12]]')).text);
  const error = await errorOf(
    client.chat.completions.create(ask('Door cut always. [[sim tokens=12 fault=cut-after-5]]')),
  );
  assert.equal(error.status, 502);
});

test('what the vendor said when it broke stays with us', async () => {
  for (const fault of [
    'error-after-8',
    'event-error-after-8',
    'bad-json-after-8',
    'finish-error',
    'error-200',
    'html-200',
  ]) {
    const answer = await fetch(house.server.url('/v1/chat/completions'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...ask(`Door hush ${fault}. [[sim tokens=40 rate=150 fault=${fault}]]`), stream: true }),
    });
    const body = await answer.text();
    assert.doesNotMatch(body, /Sorry about that|oops|Bad Gateway|"finish_reason":"error"/, fault);
    assert.ok(!body.includes('[DONE]'), fault);
    if (answer.status !== 200) continue;
    const events = body.split('\n\n').filter((event) => event !== '');
    for (const event of events) {
      assert.match(event, /^data: \{/, fault);
      const data = JSON.parse(event.slice(6)) as { choices?: unknown; error?: { code?: string } };
      assert.ok(Array.isArray(data.choices) || typeof data.error?.code === 'string', event);
    }
    assert.equal(events.filter((event) => event.includes('"error":')).length, 1, 'one error, the last event');
    assert.ok(events.at(-1)?.includes('"error":'));
  }
});
