/** Vercel's AI SDK at both doors: `@ai-sdk/openai-compatible` and `@ai-sdk/anthropic`, with a vendor of every dialect behind them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, generateText, jsonSchema, type LanguageModel, Output, stepCountIs, streamText, tool } from 'ai';
import {
  CUT,
  DIALECTS,
  ENDLESS,
  isPerson,
  modelIn,
  nameOf,
  PERSON,
  type Person,
  PIXEL,
  refuser,
  type SdkHouse,
  startSdkHouse,
  WEATHER,
} from '../support/sdk.ts';
import { eventually } from '../support/server.ts';

let house: SdkHouse;
before(async () => {
  house = await startSdkHouse();
});
after(() => house.close());

/** No retries of its own: every call is one of ours. */
const once = { maxRetries: 0 };
const DOORS: Readonly<Record<string, (model: string, headers?: Record<string, string>) => LanguageModel>> = {
  'openai-compatible': (model, headers = {}) =>
    createOpenAICompatible({
      name: 'goblin',
      baseURL: house.server.url('/v1'),
      apiKey: 'unused',
      includeUsage: true,
      supportsStructuredOutputs: true,
      headers,
    }).chatModel(model),
  anthropic: (model, headers = {}) =>
    createAnthropic({ baseURL: house.server.url('/v1'), apiKey: 'unused', headers })(model),
};

const SAID = 'I was told: "Be brief.". You wrote: "Hello there.".';
const weather = (asked: string[]) =>
  tool({
    description: 'The weather of a city.',
    inputSchema: jsonSchema<{ city: string }>(WEATHER),
    execute: ({ city }) => {
      asked.push(city);
      return { sky: 'foggy' };
    },
  });
const thrownBy = (work: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(work).then(
    () => null,
    (error: unknown) => error,
  );

for (const [door, through] of Object.entries(DOORS)) {
  for (const dialect of DIALECTS) {
    const model = () => through(modelIn(dialect));

    describe(`ai, ${door}, in ${dialect}`, () => {
      it('answers whole and streamed', async () => {
        const whole = await generateText({ ...once, model: model(), system: 'Be brief.', prompt: 'Hello there.' });
        assert.equal(whole.text, SAID);
        assert.equal(whole.finishReason, 'stop');
        assert.deepEqual([whole.usage.inputTokens, whole.usage.outputTokens], [9, 4]);
        const stream = streamText({ ...once, model: model(), system: 'Be brief.', prompt: 'Hello there.' });
        const pieces: string[] = [];
        for await (const piece of stream.textStream) pieces.push(piece);
        assert.ok(pieces.length > 5, 'word by word');
        assert.equal(pieces.join(''), SAID);
        assert.equal(await stream.finishReason, 'stop');
        assert.equal((await stream.usage).outputTokens, 4);
      });

      it('runs tools in steps', async () => {
        const asked: string[] = [];
        const common = {
          ...once,
          model: model(),
          prompt: 'Please call get_weather now.',
          tools: { get_weather: weather(asked) },
          stopWhen: stepCountIs(4),
        };
        const whole = await generateText(common);
        assert.match(whole.text, /foggy/);
        assert.equal(whole.steps.length, 2);
        const stream = streamText(common);
        assert.match(await stream.text, /foggy/);
        assert.equal((await stream.steps)[0]?.finishReason, 'tool-calls');
        assert.equal(asked.length, 2);
        assert.ok(asked.every((city) => typeof city === 'string' && city !== ''));
      });

      it('shows images', async () => {
        const seen = await generateText({
          ...once,
          model: model(),
          messages: [
            {
              role: 'user',
              content: [
                { type: 'text', text: 'What is it?' },
                { type: 'image', image: Buffer.from(PIXEL, 'base64'), mediaType: 'image/png' },
              ],
            },
          ],
        });
        assert.match(seen.text, /I see 1 image\./);
      });

      it('structures its answer', async () => {
        const making = generateText({
          ...once,
          model: model(),
          prompt: 'Who is it?',
          output: Output.object({ schema: jsonSchema<Person>(PERSON), name: 'person' }),
        });
        if (door === 'anthropic' && dialect === 'ollama') {
          // To a model that it does not know by name the SDK gives a tool that it must call, which Ollama cannot be told.
          const error = await thrownBy(making);
          assert.ok(APICallError.isInstance(error) && error.statusCode === 400, String(error));
          assert.match(error.responseBody ?? '', /unsupported_by_target/);
          return;
        }
        const made = await making;
        assert.ok(isPerson(made.output), JSON.stringify(made.output));
      });
    });
  }

  describe(`ai, ${door}, when something goes wrong`, () => {
    it('throws its own class, and knows what may be tried again', async () => {
      const cases = [
        ['rate', 429, true],
        ['model', 404, false],
        ['context', 400, false],
        ['filter', 422, false],
      ] as const;
      for (const [kind, status, retryable] of cases) {
        const model = through(refuser(kind), { 'x-mcp-deadline-ms': '8000' });
        const error = await thrownBy(generateText({ ...once, model, prompt: 'Hello.' }));
        assert.ok(APICallError.isInstance(error), `${kind}: ${error}`);
        assert.deepEqual([error.statusCode, error.isRetryable], [status, retryable], kind);
        assert.ok(error.message.length > 10, 'it says what is wrong');
      }
    });

    it('says so in the middle of a stream that breaks off', async () => {
      for (const name of CUT) {
        const errors: unknown[] = [];
        const stream = streamText({
          ...once,
          model: through(name, { 'x-mcp-failover': 'fail' }),
          prompt: 'Hello.',
          onError: ({ error }) => {
            errors.push(error);
          },
        });
        let text = '';
        let finished: string | null = null;
        for await (const part of stream.fullStream) {
          if (part.type === 'text-delta') text += part.text;
          if (part.type === 'finish') finished = part.finishReason;
        }
        assert.equal(text, 'Half of an answer and', name);
        assert.ok(errors.length > 0, `${name}: no error was told`);
        assert.ok(finished !== 'stop' && finished !== 'length', `${name} ended as ${finished}`);
      }
    });

    it('closes the call of whoever leaves', async () => {
      const abort = new AbortController();
      const before = house.world.calls('endless').length;
      const stream = streamText({
        ...once,
        model: through(ENDLESS),
        prompt: 'Go on.',
        abortSignal: abort.signal,
        onError: () => {},
      });
      for await (const _piece of stream.textStream) {
        abort.abort();
        break;
      }
      const left = performance.now();
      const call = await eventually(
        () =>
          house.world
            .calls('endless')
            .slice(before)
            .find(({ endedAt }) => endedAt !== null),
        'the end of the call',
        10_000,
      );
      assert.equal(call.how, 'closed');
      assert.ok((call.endedAt ?? 0) - left < 6000);
    });
  });
}

it('every vendor was asked, and none was given what it does not know', () => {
  for (const dialect of DIALECTS) {
    const calls = house.world.calls(nameOf(dialect));
    assert.ok(calls.length >= 10, dialect);
    assert.ok(
      calls.every(({ status }) => status === 200),
      dialect,
    );
  }
});
