/** OpenAI's own SDK at the chat door, with a vendor of every dialect behind it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import {
  CUT,
  DIALECTS,
  ENDLESS,
  isPerson,
  modelIn,
  nameOf,
  PERSON,
  PIXEL,
  refuser,
  type SdkHouse,
  startSdkHouse,
  WEATHER,
} from '../support/sdk.ts';
import { eventually } from '../support/server.ts';

let house: SdkHouse;
let client: OpenAI;
before(async () => {
  house = await startSdkHouse();
  client = new OpenAI({ baseURL: house.server.url('/v1'), apiKey: 'unused', maxRetries: 0 });
});
after(() => house.close());

const user = (content: OpenAI.ChatCompletionUserMessageParam['content']): OpenAI.ChatCompletionMessageParam[] => [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content },
];
const SAID = 'I was told: "Be brief.". You wrote: "Hello there.".';
const tool: OpenAI.ChatCompletionFunctionTool = {
  type: 'function',
  function: { name: 'get_weather', description: 'The weather of a city.', parameters: { ...WEATHER } },
};

for (const dialect of DIALECTS) {
  const model = modelIn(dialect);

  describe(`openai, in ${dialect}`, () => {
    it('answers whole and streamed', async () => {
      const whole = await client.chat.completions.create({ model, messages: user('Hello there.') });
      assert.equal(whole.choices[0]?.message.content, SAID);
      assert.equal(whole.choices[0]?.finish_reason, 'stop');
      assert.deepEqual([whole.usage?.prompt_tokens, whole.usage?.completion_tokens], [9, 4]);
      const stream = client.chat.completions.stream({
        model,
        messages: user('Hello there.'),
        stream_options: { include_usage: true },
      });
      const pieces: string[] = [];
      stream.on('content', (piece) => pieces.push(piece));
      const final = await stream.finalChatCompletion();
      assert.ok(pieces.length > 5, 'word by word');
      assert.equal(pieces.join(''), SAID);
      assert.equal(final.choices[0]?.message.content, SAID);
      assert.deepEqual([final.usage?.prompt_tokens, final.usage?.completion_tokens], [9, 4]);
    });

    it('calls tools and takes their results', async () => {
      const messages = user('Please call get_weather now.');
      const first = await client.chat.completions.stream({ model, messages, tools: [tool] }).finalChatCompletion();
      assert.equal(first.choices[0]?.finish_reason, 'tool_calls');
      const [call] = first.choices[0]?.message.tool_calls ?? [];
      assert.ok(call?.type === 'function');
      assert.equal(call.function.name, 'get_weather');
      assert.equal(typeof JSON.parse(call.function.arguments).city, 'string');
      const whole = await client.chat.completions.create({ model, messages, tools: [tool] });
      const [again] = whole.choices[0]?.message.tool_calls ?? [];
      assert.equal(again?.type === 'function' && again.function.arguments, call.function.arguments);
      const last = await client.chat.completions.create({
        model,
        tools: [tool],
        messages: [
          ...messages,
          first.choices[0]?.message as OpenAI.ChatCompletionMessage,
          { role: 'tool', tool_call_id: call.id, content: 'sunny' },
        ],
      });
      assert.match(last.choices[0]?.message.content ?? '', /The tool answered: .*sunny/);
    });

    it('runs tools by itself', async () => {
      const asked: string[] = [];
      const runner = client.chat.completions.runTools({
        model,
        stream: true,
        messages: user('Please call get_weather now.'),
        tools: [
          {
            type: 'function',
            function: {
              name: 'get_weather',
              description: 'The weather of a city.',
              parameters: { ...WEATHER },
              parse: (text: string) => JSON.parse(text) as { city: string },
              function: ({ city }: { city: string }) => {
                asked.push(city);
                return 'rainy';
              },
            },
          },
        ],
      });
      assert.match((await runner.finalContent()) ?? '', /rainy/);
      assert.equal(asked.length, 1);
    });

    it('shows images', async () => {
      const seen = await client.chat.completions.create({
        model,
        messages: user([
          { type: 'text', text: 'What is it?' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } },
        ]),
      });
      assert.match(seen.choices[0]?.message.content ?? '', /I see 1 image\./);
    });

    it('structures its answer', async () => {
      const parsed = await client.chat.completions.parse({
        model,
        messages: user('Who is it?'),
        response_format: { type: 'json_schema', json_schema: { name: 'person', strict: true, schema: { ...PERSON } } },
      });
      assert.ok(isPerson(JSON.parse(parsed.choices[0]?.message.content ?? '')));
      const asked = house.world.calls(nameOf(dialect)).at(-1)?.hear().schema as { properties?: object } | null;
      assert.deepEqual(
        Object.keys(asked?.properties ?? {}),
        Object.keys(PERSON.properties),
        'the vendor has the schema',
      );
    });

    it('keeps to the limit', async () => {
      const short = await client.chat.completions.create({
        model,
        messages: user('Hello there, you who say a lot of words.'),
        max_completion_tokens: 3,
      });
      assert.equal(house.world.calls(nameOf(dialect)).at(-1)?.hear().maxTokens, 3);
      assert.equal(short.choices[0]?.finish_reason, 'length');
    });
  });
}

describe('openai, when something goes wrong', () => {
  it('throws its own classes', async () => {
    const cases = [
      ['rate', OpenAI.RateLimitError, 429],
      ['model', OpenAI.NotFoundError, 404],
      ['context', OpenAI.BadRequestError, 400],
      ['key', OpenAI.InternalServerError, 502],
      ['broken', OpenAI.InternalServerError, 502],
      ['filter', OpenAI.UnprocessableEntityError, 422],
    ] as const;
    for (const [kind, type, status] of cases) {
      for (const stream of [false, true]) {
        const error: unknown = await client.chat.completions
          .create(
            { model: refuser(kind), messages: user('Hello.'), stream },
            { headers: { 'x-mcp-deadline-ms': '8000' } },
          )
          .then(
            () => null,
            (thrown: unknown) => thrown,
          );
        assert.ok(error instanceof type, `${kind}: ${error}`);
        assert.equal(error.status, status);
        assert.ok(error.code, `${kind} has a code`);
      }
    }
  });

  it('throws in the middle of a stream that breaks off', async () => {
    for (const model of CUT) {
      const stream = await client.chat.completions.create(
        { model, messages: user('Hello.'), stream: true },
        { headers: { 'x-mcp-failover': 'fail' } },
      );
      let text = '';
      const error: unknown = await (async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      })().then(
        () => null,
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof OpenAI.APIError, `${model}: ${error}`);
      assert.equal(text, 'Half of an answer and');
    }
  });

  it('closes the call of whoever leaves', async () => {
    const stream = await client.chat.completions.create({ model: ENDLESS, messages: user('Go on.'), stream: true });
    for await (const _chunk of stream) break;
    const left = performance.now();
    const call = await eventually(
      () => house.world.calls('endless').find(({ endedAt }) => endedAt !== null),
      'the end of the call',
      10_000,
    );
    assert.equal(call.how, 'closed');
    assert.ok((call.endedAt ?? 0) - left < 6000);
  });

  it('refuses what is not there, with what is near', async () => {
    const error: unknown = await client.chat.completions
      .create({ model: 'in-gemini/gemini-2.5-flsh', messages: [] })
      .then(
        () => null,
        (thrown: unknown) => thrown,
      );
    assert.ok(error instanceof OpenAI.APIError);
  });
});
