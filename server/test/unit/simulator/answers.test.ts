import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Simulator, startSimulator } from '../../../src/providers/simulator/index.ts';
import { ask, assemble, type Chunk, type Completion, choiceOf, parseSse, refusal, STREAM, send, whole } from './raw.ts';

const words = (text: string): number => text.split(/\s+/).filter((word) => word !== '').length;

describe('the simulator answers', () => {
  let sim: Simulator;
  let chat: string;
  before(async () => {
    sim = await startSimulator();
    chat = `${sim.url}/chat/completions`;
  });
  after(() => sim.close());

  const answer = (body: unknown): Promise<Completion> => whole(chat, body);
  const refused = (body: unknown): ReturnType<typeof refusal> => refusal(chat, body);

  it('with one JSON body in the documented shape', async () => {
    const got = await send(chat, ask('Hello goblin'));
    assert.equal(got.headers['content-type'], 'application/json');
    assert.match(String(got.headers['x-request-id']), /^req_/);
    const body = JSON.parse(got.text) as Completion;
    assert.deepEqual(Object.keys(body), [
      'id',
      'object',
      'created',
      'model',
      'choices',
      'usage',
      'service_tier',
      'system_fingerprint',
    ]);
    assert.match(body.id, /^chatcmpl-[0-9a-f]{29}$/);
    assert.equal(body.object, 'chat.completion');
    assert.equal(choiceOf(body).finish_reason, 'stop');
    assert.match(choiceOf(body).message.content ?? '', /^You wrote: "Hello goblin"\. /);
    assert.equal(words(choiceOf(body).message.content ?? ''), 30);
    assert.equal(body.usage.prompt_tokens, 3);
    assert.equal(body.usage.completion_tokens, 30);
    assert.equal(body.usage.total_tokens, 33);
  });

  it('with a stream in the documented shape, one chunk per token', async () => {
    const got = await send(chat, ask('Hello [[sim tokens=12]]', STREAM));
    assert.equal(got.headers['content-type'], 'text/event-stream; charset=utf-8');
    assert.ok(got.text.endsWith('data: [DONE]\n\n'));
    const told = assemble(got.text);
    assert.equal(told.chunks.length, 1 + 12 + 1 + 1);
    for (const chunk of told.chunks) assert.equal(chunk.id, told.chunks[0]?.id);
    assert.deepEqual(told.chunks[0]?.choices?.[0]?.delta, { role: 'assistant', content: '', refusal: null });
    assert.ok(told.chunks.slice(0, -1).every((chunk) => chunk.usage === null));
    assert.deepEqual(told.chunks.at(-1)?.choices, []);
    assert.equal(told.usage?.completion_tokens, 12);
    assert.equal(told.finish, 'stop');
  });

  it('without usage when nobody asked for it', async () => {
    const told = assemble((await send(chat, ask('Hello', { stream: true }))).text);
    assert.ok(told.chunks.every((chunk) => chunk.usage === undefined));
  });

  it('the same to the same, streamed or not, and something else to something else', async () => {
    const a = await send(chat, ask('Same', STREAM));
    const b = await send(chat, ask('Same', STREAM));
    assert.equal(a.text, b.text);
    assert.equal(assemble(a.text).text, choiceOf(await answer(ask('Same'))).message.content);
    assert.notEqual(assemble((await send(chat, ask('Other', STREAM))).text).text, assemble(a.text).text);
  });

  it('with orders from the model name and the prompt, the prompt being stronger', async () => {
    const body = { ...ask('Hi [[sim tokens=5]]'), model: 'goblin-sim?tokens=9&cached=1' };
    const got = await answer(body);
    assert.equal(got.usage.completion_tokens, 5);
    assert.equal(got.usage.prompt_tokens_details.cached_tokens, 1);
    assert.equal(got.model, 'goblin-sim');
    assert.match((await refused(ask('[[sim speed=9]]'))).message, /Unknown order 'speed'.*tokens, rate/);
    assert.match((await refused(ask('[[sim tokens=many]]'))).message, /takes a number/);
  });

  it('no longer than max_tokens', async () => {
    for (const name of ['max_tokens', 'max_completion_tokens']) {
      const got = await answer(ask('Hello', { [name]: 4 }));
      assert.equal(choiceOf(got).finish_reason, 'length');
      assert.equal(got.usage.completion_tokens, 4);
    }
    const told = assemble((await send(chat, ask('Hello', { max_tokens: 4, ...STREAM }))).text);
    assert.equal(told.finish, 'length');
  });

  it('up to a stop word', async () => {
    const text = choiceOf(await answer(ask('Hello'))).message.content ?? '';
    const stop = text.slice(40, 47);
    const cut = await answer(ask('Hello', { stop: ['never there', stop] }));
    assert.equal(choiceOf(cut).message.content, text.slice(0, text.indexOf(stop)));
    assert.equal(choiceOf(cut).finish_reason, 'stop');
  });

  it('with reasoning first', async () => {
    for (const body of [ask('Think', { reasoning_effort: 'low' }), { ...ask('Think'), model: 'goblin-sim-reasoner' }]) {
      const got = await answer(body);
      assert.equal(words(choiceOf(got).message.reasoning_content ?? ''), 8);
      assert.equal(got.usage.completion_tokens_details.reasoning_tokens, 8);
      assert.equal(got.usage.completion_tokens, 38);
      const told = assemble((await send(chat, { ...body, ...STREAM })).text);
      assert.equal(told.reasoning, choiceOf(got).message.reasoning_content);
      assert.equal(told.text, choiceOf(got).message.content);
    }
  });

  it('and acknowledges images', async () => {
    const content = [
      { type: 'text', text: 'What is this?' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
    ];
    const got = await answer({ model: 'goblin-sim', messages: [{ role: 'user', content }] });
    assert.match(choiceOf(got).message.content ?? '', /^I received 1 image\. You wrote: "What is this\?"/);
  });

  it('and goes on from an answer that was cut', async () => {
    const full = choiceOf(await answer(ask('Go on'))).message.content ?? '';
    const prefix = full.slice(0, 55);
    const messages = [
      { role: 'user', content: 'Go on' },
      { role: 'assistant', content: prefix },
    ];
    const rest = choiceOf(await answer({ model: 'goblin-sim', messages })).message.content;
    assert.equal(prefix + rest, full);
  });

  it('long prompts with cached tokens', async () => {
    const got = await answer(ask('x'.repeat(8_000)));
    assert.equal(got.usage.prompt_tokens, 2_000);
    assert.equal(got.usage.prompt_tokens_details.cached_tokens, 896);
  });

  it('at the wished speed', async () => {
    // 50 ms, then ten gaps of 10 ms. A machine that stands still makes one of three slower, and not all of them.
    for (const [more, pieces] of [
      [STREAM, 8],
      [{}, 1],
    ] as const) {
      const seen: string[] = [];
      let good = false;
      for (let n = 0; n < 3 && !good; n++) {
        const got = await send(chat, ask('[[sim tokens=11 rate=100 first=50]]', more));
        assert.ok(got.ms >= 145, `took ${got.ms} ms`);
        good = got.ms < 2_000 && got.pieces.length >= pieces;
        seen.push(`${got.ms} ms in ${got.pieces.length} pieces`);
      }
      assert.ok(good, seen.join(', '));
    }
  });

  it('with many slow streams at once on one timer', async () => {
    const started = performance.now();
    const body = ask('[[sim tokens=21 rate=100]]', STREAM);
    const all = await Promise.all(Array.from({ length: 200 }, () => send(chat, body)));
    assert.ok(all.every((got) => assemble(got.text).finish === 'stop'));
    assert.ok(performance.now() - started < 15_000);
  });

  it('with models, and refuses what is not there', async () => {
    const list = JSON.parse((await send(`${sim.url}/models`, '', { method: 'GET' })).text);
    assert.equal(list.object, 'list');
    assert.equal(list.data[0].id, 'goblin-sim');
    assert.equal((await send(`${sim.url}/models/goblin-sim`, '', { method: 'GET' })).status, 200);
    const lost = await send(`${sim.url}/nowhere`, '{}');
    assert.equal(lost.status, 404);
    assert.match(JSON.parse(lost.text).error.message, /Invalid URL \(POST \/v1\/nowhere\)/);
    assert.equal((await send(chat, '', { method: 'GET' })).status, 405);
  });

  it('400 to what OpenAI refuses', async () => {
    assert.match((await refused('{oops')).message, /could not parse the JSON body/);
    assert.equal((await refused({ messages: [] })).message, 'you must provide a model parameter');
    assert.equal((await refused({ model: 'm' })).code, 'missing_required_parameter');
    assert.equal((await refused({ model: 'm', messages: [] })).code, 'empty_array');
    assert.equal((await refused({ model: 'm', messages: 'hi' })).code, 'invalid_type');
    assert.equal((await refused({ model: 'm', messages: [{ role: 'boss', content: '' }] })).param, 'messages[0].role');
    assert.equal((await refused(ask('x', { max_tokens: 0 }))).code, 'integer_below_min_value');
    assert.equal((await refused(ask('x', { max_tokens: 1, max_completion_tokens: 1 }))).param, 'max_tokens');
    assert.equal((await refused(ask('x', { stream_options: { include_usage: true } }))).param, 'stream_options');
    assert.equal((await refused(ask('x', { stop: ['1', '2', '3', '4', '5'] }))).code, 'array_above_max_length');
    assert.equal((await refused(ask('x', { tool_choice: 'required' }))).param, 'tool_choice');
    assert.equal((await refused(ask('x', { stream: 'yes' }))).code, 'invalid_type');
    assert.equal((await refused(ask('x', { n: 2 }))).param, 'n');
    const deep = `{"model":"m","messages":[{"role":"user","content":${'['.repeat(50_000)}${']'.repeat(50_000)}}]}`;
    assert.ok((await send(chat, deep)).status >= 400);
    assert.equal((await send(chat, ask('still alive'))).status, 200);
  });
});

describe('the simulator', () => {
  it('says plainly what it is when it answers for want of a vendor', async () => {
    const sim = await startSimulator({ announce: true, tokens: 3 });
    const chat = `${sim.url}/chat/completions`;
    const told = assemble((await send(chat, ask('Hello', STREAM))).text);
    assert.equal(told.text, 'This is the Goblin simulator, not a model: no provider is configured.');
    const longer = assemble((await send(chat, ask('Hello [[sim tokens=20]]', STREAM))).text);
    assert.match(longer.text, /no provider is configured\. You wrote: "Hello"\. /);
    const json = await send(chat, ask('json', { response_format: { type: 'json_object' } }));
    assert.match(json.text, /Goblin simulator/);
    await sim.close();
  });

  it('checks the key in the vendor’s words', async () => {
    const sim = await startSimulator({ key: 'sk-goblin-1234' });
    const chat = `${sim.url}/chat/completions`;
    const none = await send(chat, ask('x'));
    assert.equal(none.status, 401);
    const wrong = await send(chat, ask('x'), { headers: { authorization: 'Bearer sk-wrong-secret-9999' } });
    assert.equal(wrong.status, 401);
    assert.equal(JSON.parse(wrong.text).error.code, 'invalid_api_key');
    assert.ok(!wrong.text.includes('secret'));
    const right = await send(chat, ask('x'), { headers: { authorization: 'Bearer sk-goblin-1234' } });
    assert.equal(right.status, 200);
    await sim.close();
  });

  it('refuses to start with a fault that it does not know, and on a taken port', async () => {
    await assert.rejects(startSimulator({ fault: 'gremlins' }), /Unknown fault 'gremlins'.*cut-after-N/);
    const sim = await startSimulator();
    await assert.rejects(startSimulator({ port: sim.port }), /EADDRINUSE/);
    await sim.close();
  });

  it('pads chunks as OpenAI does, unless told not to', async () => {
    const sim = await startSimulator();
    const chat = `${sim.url}/chat/completions`;
    const padded = parseSse((await send(chat, ask('x', { stream: true }))).text);
    assert.ok(padded.slice(0, -1).every(({ data }) => 'obfuscation' in JSON.parse(data)));
    const options = { stream: true, stream_options: { include_obfuscation: false } };
    const bare = assemble((await send(chat, ask('x', options))).text);
    assert.ok(bare.chunks.every((chunk: Chunk) => !('obfuscation' in chunk)));
    await sim.close();
  });
});
