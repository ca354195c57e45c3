/** Responses in the background: polled, streamed, resumed at any event, cancelled, and what a broken provider does to them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type OpenAI from 'openai';
import { call, type Json, post, view } from '../support/api.ts';
import {
  ALL,
  CLAUDE,
  callIn,
  errorOf,
  factsOf,
  GPT,
  lasting,
  newClient,
  OWN,
  type ResponsesHouse,
  requestOf,
  startResponsesHouse,
  WEATHER,
} from '../support/responses.ts';
import { eventually } from '../support/server.ts';
import { callsOver, callsWith } from '../support/vendors.ts';

type Event = OpenAI.Responses.ResponseStreamEvent;
type Response = OpenAI.Responses.Response;

let house: ResponsesHouse;
let client: OpenAI;
before(async () => {
  house = await startResponsesHouse();
  ({ client } = house);
});
after(() => house.close());

const ended = (id: string): Promise<Response> =>
  eventually(async () => {
    const now = await client.responses.retrieve(id);
    return now.status === 'queued' || now.status === 'in_progress' ? null : now;
  }, `the end of ${id}`);

async function collect(stream: AsyncIterable<Event>, until: (event: Event) => boolean = () => false): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of stream) {
    events.push(event);
    if (until(event)) break;
  }
  return events;
}

const textOf = (events: readonly Event[]): string =>
  events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('');
const numbersOf = (events: readonly Event[]): number[] => events.map(({ sequence_number }) => sequence_number);

function lastOf(events: readonly Event[]): Response {
  const last = events.at(-1);
  assert.ok(last?.type === 'response.completed', JSON.stringify(last));
  return last.response;
}

test('accepted at once, polled to its end, and the same whoever asks', async () => {
  for (const model of ALL) {
    const body = { model, input: `In the background of ${model}.`, background: true, metadata: { a: 'b' } };
    const { data, response } = await client.responses.create(body).withResponse();
    assert.deepEqual([response.status, data.status, data.background, data.output], [200, 'queued', true, []]);
    assert.equal(response.headers.get('x-mcp-request-id'), requestOf(data));
    const done = await ended(data.id);
    assert.equal(done.status, 'completed');
    assert.match(done.output_text, /In the background/);
    assert.deepEqual([done.metadata, done.background, done.created_at], [{ a: 'b' }, true, data.created_at]);
    assert.deepEqual([factsOf(done).provider, factsOf(done).attempts], [model.split('/')[0], 1]);
    const row = (await view(house.server, requestOf(data))) as unknown as { mode: string };
    assert.equal(row.mode, 'detached');
    const next = await client.responses.create({ model, input: 'On from there.', previous_response_id: done.id });
    assert.equal(next.status, 'completed');
    assert.equal(
      (await client.responses.delete(done.id).then(() => errorOf(client.responses.retrieve(done.id)))).status,
      404,
    );
  }
});

test('a stream that is left and resumed: each event once, under its number', async () => {
  const body = { model: GPT, input: 'Slowly [[sim tokens=40 rate=60]]', background: true, stream: true } as const;
  const first = await collect(await client.responses.create(body), ({ sequence_number }) => sequence_number === 12);
  assert.deepEqual(
    first.slice(0, 3).map(({ type }) => type),
    ['response.created', 'response.queued', 'response.in_progress'],
  );
  const [created] = first;
  assert.ok(created?.type === 'response.created' && created.response.status === 'queued');
  const { id } = created.response;
  const rest = await collect(await client.responses.retrieve(id, { stream: true, starting_after: 12 }));
  const all = [...first, ...rest];
  assert.deepEqual(numbersOf(all), [...all.keys()]);
  const final = lastOf(all);
  assert.equal(final.output_text, undefined, 'the client adds it to whole responses alone');
  const found = await client.responses.retrieve(id);
  assert.equal(textOf(all), found.output_text);
  assert.deepEqual(lasting({ ...final, output_text: found.output_text }), lasting(found));
  assert.ok(final.completed_at);
  assert.equal(final.completed_at, found.completed_at);
  // Once more, from the record: the same events; and from behind the end: the end.
  assert.deepEqual(await collect(await client.responses.retrieve(id, { stream: true })), all);
  const beyond = await collect(await client.responses.retrieve(id, { stream: true, starting_after: 5000 }));
  assert.deepEqual(beyond, all.slice(-1));
  const helped = client.responses.stream({ response_id: id, starting_after: 20 });
  const heard = await collect(helped as AsyncIterable<Event>);
  assert.equal(heard[0]?.sequence_number, 21);
  assert.equal((await helped.finalResponse()).output_text, found.output_text);
  // The caller left, and the vendor was asked once.
  assert.equal((await callsOver(house.gpt, 'Slowly')).length, 1);
});

test('reasoning and marks of calls are in the stream as they are in the response', async () => {
  for (const model of [CLAUDE, OWN]) {
    const body = {
      model,
      input: 'Think, then call get_weather [[sim reasoning=6]]',
      tools: [WEATHER],
      reasoning: { effort: 'low' as const },
      background: true,
    };
    const events = await collect(await client.responses.create({ ...body, stream: true }));
    const final = lastOf(events);
    assert.deepEqual(lasting(await client.responses.retrieve(final.id)), lasting({ ...final, output_text: '' }));
    const done = events.flatMap((event) => (event.type === 'response.output_item.done' ? [event.item] : []));
    assert.deepEqual(done, final.output);
    // A client that keeps the history itself sends what it was streamed.
    const last = await client.responses.create({
      model,
      tools: [WEATHER],
      reasoning: { effort: 'low' },
      input: [
        { role: 'user', content: body.input },
        ...(done as OpenAI.Responses.ResponseInput),
        { type: 'function_call_output', call_id: callIn(final).call_id, output: 'clear' },
      ],
    });
    assert.match(last.output_text, /clear/);
  }
});

test('cancelled while it runs', async () => {
  const running = await client.responses.create({
    model: GPT,
    input: 'Cancel me [[sim tokens=400 rate=20]]',
    background: true,
  });
  const stream = await client.responses.retrieve(running.id, { stream: true });
  const error = await errorOf(
    (async () => {
      for await (const event of stream) {
        if (event.type !== 'response.output_text.delta') continue;
        assert.equal((await client.responses.cancel(running.id)).status, 'cancelled');
      }
    })(),
  );
  assert.equal(error.code, 'cancelled');
  const [sent] = await callsOver(house.gpt, 'Cancel me');
  assert.equal(sent?.outcome, 'aborted');
  const twice = await client.responses.cancel(running.id);
  assert.deepEqual([twice.status, twice.error], ['cancelled', null]);
  const after = await errorOf(client.responses.create({ model: GPT, input: 'On.', previous_response_id: running.id }));
  assert.deepEqual([after.status, after.param], [400, 'previous_response_id']);
  // What it had shown may still be written: erasing waits for that.
  await client.responses.delete(running.id);
  const result = await call(house.server, `/mcp/v1/request/${requestOf(running)}/result`);
  assert.equal(result.status, 410);

  const finished = await client.responses.create({ model: GPT, input: 'Finished.' });
  assert.equal((await client.responses.cancel(finished.id)).status, 'completed', 'it stays as it is');
});

test('an answer that begins anew: who had the first is told, who comes later sees the second', async () => {
  const body = { model: 'breaks-once', input: 'Once more [[sim tokens=30]]', background: true };
  const { id } = await client.responses.create(body);
  const seen: Event[] = [];
  const error = await errorOf(
    (async () => {
      for await (const event of await client.responses.retrieve(id, { stream: true })) seen.push(event);
    })(),
  );
  assert.equal(error.code, 'interrupted');
  assert.ok(textOf(seen).length > 0);
  assert.ok(!seen.some(({ type }) => type === 'response.completed' || type === 'response.failed'));
  const done = await ended(id);
  assert.deepEqual([done.status, factsOf(done).attempts], ['completed', 2]);
  const late = await collect(await client.responses.retrieve(id, { stream: true }));
  assert.equal(textOf(late), done.output_text);
  assert.equal(late[0]?.type, 'response.created');
  assert.ok((late[0]?.sequence_number ?? 0) > (seen.at(-1)?.sequence_number ?? 0), 'no number means two things');
  const from = seen.at(-1)?.sequence_number ?? 0;
  const resumed = await errorOf(
    (async () => await collect(await client.responses.retrieve(id, { stream: true, starting_after: from })))(),
  );
  assert.equal(resumed.code, 'interrupted');
});

test('the process dies in the middle: the response is answered all the same, and its stream is honest', {
  timeout: 90_000,
}, async () => {
  const own = await startResponsesHouse();
  try {
    const body = { model: GPT, input: 'Survive [[sim tokens=60 rate=10]]', background: true, stream: true } as const;
    const first = await collect(
      await own.client.responses.create(body),
      ({ sequence_number }) => sequence_number === 15,
    );
    const [created] = first;
    assert.ok(created?.type === 'response.created');
    const { id } = created.response;
    await own.server.kill();
    const again = await own.server.again();
    try {
      const survivor = newClient(again);
      const resumed = await errorOf(
        (async () => await collect(await survivor.responses.retrieve(id, { stream: true, starting_after: 15 })))(),
      );
      assert.equal(resumed.code, 'interrupted', 'what it had is void');
      const whole = await collect(await survivor.responses.retrieve(id, { stream: true }));
      assert.deepEqual([lastOf(whole).status, factsOf(lastOf(whole)).attempts], ['completed', 2]);
      assert.equal(textOf(whole), (await survivor.responses.retrieve(id)).output_text);
    } finally {
      await again.stop();
    }
  } finally {
    await own.close();
  }
});

test('created as a stream it goes on at another provider instead', async () => {
  const body = { model: 'breaks-then-claude', input: 'Go on there. [[sim tokens=30]]', background: true };
  const events = await collect(await client.responses.create({ ...body, stream: true }));
  const final = lastOf(events);
  assert.deepEqual([factsOf(final).provider, factsOf(final).attempts], ['anthropic', 2]);
  assert.equal(textOf(events), (await client.responses.create({ model: CLAUDE, input: body.input })).output_text);
});

test('a failure is told in the stream, and stays with the response', async () => {
  const input = 'Fail [[sim tokens=30 fault=cut-after-8]]';
  const headers = { 'x-mcp-failover': 'fail' };
  const { data } = await client.responses.create({ model: GPT, input, background: true }, { headers }).withResponse();
  const failed = await ended(data.id);
  assert.deepEqual([failed.status, failed.error?.code], ['failed', 'server_error']);
  assert.ok(failed.output_text.length > 0);
  const answer = await call(house.server, `/v1/responses/${data.id}?stream=true`);
  const types = [...answer.text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type);
  assert.deepEqual(types.slice(-2), ['error', 'response.failed']);
  const refused = await errorOf(client.responses.create({ model: 'nobody/none', input: 'x', background: true }));
  assert.deepEqual([refused.status, refused.code], [404, 'unknown_model']);
});

test('tools that only one dialect has stay with a request that waits', async () => {
  const search = { input: 'Search in the background.', tools: [{ type: 'web_search' as const }], background: true };
  const done = await ended((await client.responses.create({ ...search, model: OWN })).id);
  assert.equal(done.status, 'completed');
  const sent = house.own.heard.find((body) => JSON.stringify(body).includes('Search in the background.'));
  assert.deepEqual([sent?.tools, sent?.background], [search.tools, undefined]);
  const failed = await ended((await client.responses.create({ ...search, model: GPT })).id);
  assert.deepEqual([failed.status, failed.error?.code], ['failed', 'invalid_prompt']);
  assert.equal(callsWith(house.gpt, 'Search in the background.').length, 0);
});

test('sent again with its key it is the same response, run once', async () => {
  const body = { model: GPT, input: 'Keyed in the background', background: true };
  const options = { headers: { 'idempotency-key': 'background-1' } };
  const first = await client.responses.create(body, options);
  const done = await ended(first.id);
  const { data, response } = await client.responses.create(body, options).withResponse();
  assert.equal(response.headers.get('idempotent-replayed'), 'true');
  assert.deepEqual(lasting(data), lasting(done));
  assert.equal(callsWith(house.gpt, 'Keyed in the background').length, 1);
});

test('what cannot be streamed by its id, and numbers that are none', async () => {
  const attached = await client.responses.create({ model: GPT, input: 'Attached.' });
  const refused = async (path: string, status = 400) => {
    const answer = await call<{ error: Json }>(house.server, `/v1/responses/${path}`);
    assert.equal(answer.status, status, answer.text);
    return answer.body.error.param;
  };
  assert.equal(await refused(`${attached.id}?stream=true`), 'stream');
  assert.equal(await refused(`${attached.id}?starting_after=-1`), 'starting_after');
  assert.equal(await refused(`${attached.id}?stream=yes`), 'stream');
  assert.equal(await refused(`${attached.id}?limit=1`), 'limit');
  const included = await client.responses.retrieve(attached.id, { include: ['reasoning.encrypted_content'] });
  assert.equal(included.id, attached.id);
  const forged = await post<{ error: Json }>(house.server, '/v1/responses', {
    model: GPT,
    input: 'x',
    background: 'yes',
  });
  assert.deepEqual([forged.status, forged.body.error.param], [400, 'background']);
});
