/** The official package is the judge of the wire. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import { type Simulator, startSimulator } from '../../../src/providers/simulator/index.ts';

describe('the official openai package with the simulator', () => {
  let sim: Simulator;
  let client: OpenAI;
  before(async () => {
    sim = await startSimulator({ key: 'sk-test-abcd', journal: true });
    client = new OpenAI({ baseURL: sim.url, apiKey: 'sk-test-abcd', maxRetries: 2 });
  });
  after(() => sim.close());

  const messages = (content: string): OpenAI.ChatCompletionMessageParam[] => [{ role: 'user', content }];
  const tool = {
    type: 'function',
    function: {
      name: 'add',
      parameters: { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] },
    },
  } as const;

  it('lists models', async () => {
    const ids: string[] = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.ok(ids.includes('goblin-sim'));
  });

  it('gets the same text whole and streamed', async () => {
    const body = { model: 'goblin-sim', messages: messages('Hello') };
    const whole = await client.chat.completions.create(body);
    assert.equal(whole.choices[0]?.finish_reason, 'stop');
    assert.match(whole._request_id ?? '', /^req_/);
    let text = '';
    let usage: OpenAI.CompletionUsage | null | undefined;
    const options = { stream: true, stream_options: { include_usage: true } } as const;
    for await (const chunk of await client.chat.completions.create({ ...body, ...options })) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage;
    }
    assert.equal(text, whole.choices[0]?.message.content);
    assert.deepEqual(usage, whole.usage);
  });

  it('puts streamed tool calls together', async () => {
    const runner = client.chat.completions.stream({
      model: 'goblin-sim',
      messages: messages('call add'),
      tools: [tool],
    });
    const done = await runner.finalChatCompletion();
    const call = done.choices[0]?.message.tool_calls?.[0];
    assert.ok(call?.type === 'function');
    assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ['add', { a: 7 }]);
  });

  it('sees errors as its own classes', async () => {
    const failing = (fault: string): Promise<unknown> =>
      client.chat.completions.create(
        { model: 'goblin-sim', messages: messages(`[[sim fault=${fault}]]`) },
        { maxRetries: 0 },
      );
    await assert.rejects(failing('status-401'), OpenAI.AuthenticationError);
    await assert.rejects(failing('status-404'), OpenAI.NotFoundError);
    await assert.rejects(failing('quota'), OpenAI.RateLimitError);
    await assert.rejects(failing('status-500'), OpenAI.InternalServerError);
    await assert.rejects(failing('gremlins'), OpenAI.BadRequestError);
    await assert.rejects(failing('reset'), OpenAI.APIConnectionError);
    const stranger = new OpenAI({ baseURL: sim.url, apiKey: 'sk-no' });
    await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  });

  it('succeeds on a retry when the fault is over', async () => {
    sim.clear();
    const body = { model: 'goblin-sim', messages: messages('[[sim fault=retry-after-ms-5 times=2]]') };
    assert.ok((await client.chat.completions.create(body)).choices[0]?.message.content);
    assert.deepEqual(
      sim.journal().map(({ status }) => status),
      [429, 429, 200],
    );
  });

  it('throws at an error in mid-stream', async () => {
    const stream = await client.chat.completions.create({
      model: 'goblin-sim',
      messages: messages('[[sim fault=error-after-3]]'),
      stream: true,
    });
    let seen = 0;
    await assert.rejects(async () => {
      for await (const chunk of stream) seen += chunk.choices[0]?.delta.content ? 1 : 0;
    }, OpenAI.APIError);
    assert.equal(seen, 3);
  });
});
