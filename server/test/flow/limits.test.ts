/** Rate limits at the doors and at submit: what is refused, what the caller is told, and what an end gives back. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import { type Answer, isProblem, type Json, post, result, submit, view } from '../support/api.ts';
import { eventually } from '../support/server.ts';
import { callsWith, type House, MODEL, startHouse } from '../support/vendors.ts';

let house: House;
before(async () => {
  house = await startHouse({
    settings: {
      limits: [
        { scope: 'user', match: 'few', requests_per_minute: 3 },
        { scope: 'user', match: 'short', tokens_per_minute: 1000 },
        { scope: 'user', match: ['two', 'queue'], concurrent: 2 },
        { scope: 'model', match: 'openai/gpt-4.1*', requests_per_minute: 1 },
      ],
    },
  });
});
after(() => house.close());

const chat = (user: string, text: string, more: Json = {}): Promise<Answer<Json>> =>
  post(house.server, '/v1/chat/completions', {
    model: MODEL,
    user,
    messages: [{ role: 'user', content: text }],
    ...more,
  });

describe('requests a minute', () => {
  it('the next one is refused, in the door’s shape, with the time after which it is worth a try', async () => {
    for (let n = 3; n > 0; n--) {
      const answer = await chat('few', `Few ${n}`);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers.get('ratelimit-policy'), '"user-requests";q=3;w=60');
      assert.match(answer.headers.get('ratelimit') ?? '', new RegExp(`^"user-requests";r=${n - 1};t=\\d+$`));
      assert.equal(answer.headers.get('x-ratelimit-remaining-requests'), String(n - 1));
    }
    const refused = await chat('few', 'Few too many');
    assert.equal(refused.status, 429, refused.text);
    const { error } = refused.body as { error: { code: string; type: string; message: string } };
    assert.equal(error.code, 'rate_limited');
    assert.equal(error.type, 'rate_limit_error');
    assert.match(error.message, /This user may send 3 requests a minute; try again in \d+ s/);
    const wait = Number(refused.headers.get('retry-after'));
    assert.ok(wait >= 1 && wait <= 62, `${wait}`);
    assert.equal(refused.headers.get('x-should-retry'), null);
    assert.equal(refused.headers.get('x-ratelimit-remaining-requests'), '0');
    assert.equal(callsWith(house.vendor, 'Few too many').length, 0);
  });

  it('the same count holds for submits, streams and the Anthropic door', async () => {
    const submitted = await post(house.server, '/mcp/v1/request', { user_id: 'few', prompt: 'Few more', model: MODEL });
    const problem = isProblem(submitted, 429, 'rate_limited');
    assert.match(problem.detail, /3 requests a minute/);
    assert.ok(submitted.headers.get('retry-after'));
    const stream = await chat('few', 'Few streamed', { stream: true });
    assert.equal(stream.status, 429);
    const messages = await post(house.server, '/v1/messages', {
      model: MODEL,
      max_tokens: 50,
      metadata: { user_id: 'few' },
      messages: [{ role: 'user', content: 'Few from Claude' }],
    });
    assert.equal(messages.status, 429);
    assert.equal((messages.body as { error: { type: string } }).error.type, 'rate_limit_error');
  });

  it('others are not concerned, and are told nothing', async () => {
    const answer = await chat('many', 'Many');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('ratelimit'), null);
  });

  it('a model has a limit of its own', async () => {
    const ask = (model: string) => chat('models', `Of ${model}`, { model });
    assert.equal((await ask('openai/gpt-4.1-mini')).status, 200);
    assert.equal((await ask('openai/gpt-4.1-nano')).status, 200);
    const refused = await ask('openai/gpt-4.1-mini');
    assert.equal(refused.status, 429);
    assert.match(refused.text, /The model openai\/gpt-4.1-mini may send 1 request a minute/);
  });

  it('OpenAI’s client sees a rate limit, and reads the headers', async () => {
    const client = new OpenAI({ baseURL: `${house.server.address}/v1`, apiKey: 'any', maxRetries: 0 });
    const ask = () =>
      client.chat.completions.create({
        model: MODEL,
        user: 'few',
        messages: [{ role: 'user', content: 'By the SDK' }],
      });
    await assert.rejects(ask, (error: unknown) => {
      assert.ok(error instanceof OpenAI.RateLimitError);
      assert.equal(error.code, 'rate_limited');
      assert.ok(Number(error.headers?.get('retry-after')) > 0);
      return true;
    });
  });
});

describe('tokens a minute', () => {
  it('are set aside for what may come, and given back when it did not', async () => {
    const first = await chat('short', 'Tokens [[sim tokens=20]]', { max_tokens: 900 });
    assert.equal(first.status, 200);
    assert.match(first.headers.get('ratelimit') ?? '', /^"user-tokens";r=\d+;t=\d+$/);
    const left = Number(first.headers.get('x-ratelimit-remaining-tokens'));
    assert.ok(left < 100, `${left}`);
    // Given back a moment after the answer; of its minute the limit would need most.
    const again = () => chat('short', 'Tokens again [[sim tokens=20]]', { max_tokens: 900 });
    await eventually(async () => (await again()).status === 200, 'the tokens are back', 8000);
    const third = await chat('short', `Much ${'more '.repeat(400)}`, { max_tokens: 900 });
    assert.equal(third.status, 429);
    assert.match(third.text, /1,000 tokens a minute; \d+ are left, and this request may need 1,000/);
  });
});

describe('how many at once', () => {
  const open = (text: string) =>
    fetch(`${house.server.address}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: MODEL,
        user: 'two',
        stream: true,
        messages: [{ role: 'user', content: `${text} [[sim tokens=500 rate=20]]` }],
      }),
    });

  it('two streams are open: a third is refused until one is closed', async () => {
    const streams = await Promise.all([open('Open one'), open('Open two')]);
    for (const stream of streams) assert.equal(stream.status, 200);
    const third = await open('Open three');
    assert.equal(third.status, 429);
    assert.equal(third.headers.get('retry-after'), '1');
    assert.match(await third.text(), /may have 2 requests running at once/);
    await streams[0]?.body?.cancel();
    const again = await eventually(async () => {
      const tried = await open('Open again');
      if (tried.status === 200) return tried;
      await tried.body?.cancel();
      return null;
    }, 'a free seat');
    await Promise.all([again.body?.cancel(), streams[1]?.body?.cancel()]);
  });

  /** Both seats are free: a call gives its own back a moment after its end. */
  const bothFree = () =>
    eventually(async () => {
      const both = await Promise.all([chat('two', 'Both'), chat('two', 'Both')]);
      return both.every(({ status }) => status === 200);
    }, 'two free seats');

  it('a refused call, a failed one and one that is refused later leave no seat taken', async () => {
    await bothFree();
    for (let n = 0; n < 4; n++) {
      await chat('two', 'No such', { model: 'openai/no-such-model-at-all', max_tokens: -1 });
      const bad = await chat('two', 'Bad [[sim status=400]]');
      assert.notEqual(bad.status, 429, bad.text);
      const unknown = await chat('two', 'Unknown', { model: 'nobody/nothing' });
      assert.equal(unknown.status, 404, unknown.text);
    }
    await bothFree();
  });

  it('detached requests wait for their turn instead', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      const prompt = `Turn ${n} [[sim tokens=30 rate=40]]`;
      ids.push((await submit(house.server, { user_id: 'queue', prompt, model: MODEL })).request_id);
    }
    await sleep(300);
    const running = callsWith(house.vendor, 'Turn ').filter(({ endedAt }) => endedAt === null);
    assert.ok(running.length <= 2, `${running.length} at once`);
    for (const id of ids) assert.equal((await result(house.server, id)).status, 'succeeded');
    for (const id of ids) assert.equal((await view(house.server, id)).attempts.length, 1);
  });
});
