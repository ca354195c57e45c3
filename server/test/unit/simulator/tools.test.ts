import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Simulator, startSimulator } from '../../../src/providers/simulator/index.ts';
import { ask, assemble, type Completion, choiceOf, refusal, STREAM, send, whole } from './raw.ts';

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

  const tools = [
    {
      type: 'function',
      function: {
        name: 'get_weather',
        parameters: {
          type: 'object',
          properties: {
            city: { type: 'string' },
            days: { type: 'integer', minimum: 1, maximum: 5 },
            unit: { enum: ['C', 'F'] },
            extra: { type: 'string' },
          },
          required: ['city', 'days', 'unit'],
        },
      },
    },
    { type: 'function', function: { name: 'get_time', parameters: { type: 'object', properties: {} } } },
  ];

  it('with a tool call when it must, or when the prompt says so', async () => {
    for (const body of [
      ask('Weather?', { tools, tool_choice: 'required' }),
      ask('Weather?', { tools, tool_choice: { type: 'function', function: { name: 'get_weather' } } }),
      ask('Please call get_weather now', { tools }),
    ]) {
      const got = await answer(body);
      assert.equal(choiceOf(got).finish_reason, 'tool_calls');
      assert.equal(choiceOf(got).message.content, null);
      const call = choiceOf(got).message.tool_calls?.[0];
      assert.match(call?.id ?? '', /^call_[0-9a-f]{24}$/);
      const args = JSON.parse(call?.function.arguments ?? '');
      assert.deepEqual(Object.keys(args), ['city', 'days', 'unit']);
      assert.ok(args.days >= 1 && args.days <= 5 && args.unit === 'C' && typeof args.city === 'string');
      const told = assemble((await send(chat, { ...body, ...STREAM })).text);
      assert.equal(told.args, call?.function.arguments);
      assert.equal(told.finish, 'tool_calls');
      assert.ok(told.chunks.length > 6, 'the arguments come in several pieces');
    }
  });

  it('with several tool calls, or one, or none', async () => {
    const both = ask('call get_weather and call get_time', { tools });
    assert.equal(choiceOf(await answer(both)).message.tool_calls?.length, 2);
    assert.equal(choiceOf(await answer({ ...both, parallel_tool_calls: false })).message.tool_calls?.length, 1);
    assert.equal(choiceOf(await answer({ ...both, tool_choice: 'none' })).finish_reason, 'stop');
    assert.equal(choiceOf(await answer(ask('Weather?', { tools }))).finish_reason, 'stop');
  });

  it('in words to the result of a tool', async () => {
    const messages = [
      { role: 'user', content: 'call get_time' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_time', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: 'half past nine' },
    ];
    const got = await answer({ model: 'goblin-sim', messages, tools });
    assert.match(choiceOf(got).message.content ?? '', /The tool answered: "half past nine"/);
    assert.match(
      (await refused({ model: 'm', messages: messages.slice(0, 2) })).message,
      /did not have response messages: call_1/,
    );
    assert.match(
      (await refused({ model: 'm', messages: [messages[0], messages[2]] })).message,
      /must be a response to a preceeding/,
    );
  });

  it('with JSON when asked for it', async () => {
    const got = await answer(ask('As json please', { response_format: { type: 'json_object' } }));
    assert.equal(typeof JSON.parse(choiceOf(got).message.content ?? ''), 'object');
    assert.match((await refused(ask('Please', { response_format: { type: 'json_object' } }))).message, /word 'json'/);
    const schema = {
      type: 'object',
      properties: {
        name: { type: 'string' },
        when: { type: 'string', format: 'date' },
        tags: { type: 'array', items: { $ref: '#/$defs/tag' } },
        ok: { type: 'boolean' },
      },
      required: ['name', 'when', 'tags', 'ok'],
      $defs: { tag: { type: 'string', enum: ['x', 'y'] } },
    };
    const format = { type: 'json_schema', json_schema: { name: 'thing', schema } };
    const made = JSON.parse(choiceOf(await answer(ask('Hi', { response_format: format }))).message.content ?? '');
    assert.equal(typeof made.name, 'string');
    assert.deepEqual([made.when, made.tags, made.ok], ['2026-01-31', ['x'], true]);
  });
});
