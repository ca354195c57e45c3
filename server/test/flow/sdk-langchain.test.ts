/** LangChain at both doors: `ChatOpenAI` and `ChatAnthropic`, with a vendor of every dialect behind them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ChatAnthropic } from '@langchain/anthropic';
import { AIMessageChunk, type BaseMessage, HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { concat } from '@langchain/core/utils/stream';
import { ChatOpenAI } from '@langchain/openai';
import {
  CUT,
  DIALECTS,
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

let house: SdkHouse;
before(async () => {
  house = await startSdkHouse();
});
after(() => house.close());

type Chat = ChatOpenAI | ChatAnthropic;
const DOORS: Readonly<Record<string, (model: string, headers?: Record<string, string>) => Chat>> = {
  ChatOpenAI: (model, headers = {}) =>
    new ChatOpenAI({
      model,
      apiKey: 'unused',
      maxRetries: 0,
      configuration: { baseURL: house.server.url('/v1'), defaultHeaders: headers },
    }),
  ChatAnthropic: (model, headers = {}) =>
    new ChatAnthropic({
      model,
      apiKey: 'unused',
      maxRetries: 0,
      maxTokens: 1000,
      anthropicApiUrl: house.server.address,
      clientOptions: { defaultHeaders: headers },
    }),
};

const SAID = 'I was told: "Be brief.". You wrote: "Hello there.".';
const hello = (): BaseMessage[] => [new SystemMessage('Be brief.'), new HumanMessage('Hello there.')];
const tool = {
  type: 'function' as const,
  function: { name: 'get_weather', description: 'The weather of a city.', parameters: WEATHER },
};
const thrownBy = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

for (const [door, through] of Object.entries(DOORS)) {
  for (const dialect of DIALECTS) {
    const model = () => through(modelIn(dialect));

    describe(`langchain, ${door}, in ${dialect}`, () => {
      it('answers whole and streamed', async () => {
        const whole = await model().invoke(hello());
        assert.equal(whole.text, SAID);
        assert.equal(whole.usage_metadata?.output_tokens, 4);
        const pieces: string[] = [];
        for await (const piece of await model().stream(hello())) if (piece.text !== '') pieces.push(piece.text);
        assert.ok(pieces.length > 5, 'word by word');
        assert.equal(pieces.join(''), SAID);
      });

      it('calls tools and takes their results', async () => {
        const bound = model().bindTools([tool]);
        const messages: BaseMessage[] = [new HumanMessage('Please call get_weather now.')];
        let first: AIMessageChunk | null = null;
        for await (const piece of await bound.stream(messages)) {
          assert.ok(piece instanceof AIMessageChunk);
          first = first === null ? piece : concat(first, piece);
        }
        const [call] = first?.tool_calls ?? [];
        assert.equal(call?.name, 'get_weather');
        assert.equal(typeof call.args.city, 'string');
        const whole = await bound.invoke(messages);
        assert.deepEqual(whole.tool_calls?.[0]?.args, call.args);
        const last = await bound.invoke([
          ...messages,
          first as AIMessageChunk,
          new ToolMessage({ content: 'snowy', tool_call_id: call.id ?? '' }),
        ]);
        assert.match(last.text, /snowy/);
      });

      it('shows images', async () => {
        const seen = await model().invoke([
          new HumanMessage({
            content: [
              { type: 'text', text: 'What is it?' },
              { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } },
            ],
          }),
        ]);
        assert.match(seen.text, /I see 1 image\./);
      });

      it('structures its answer', async () => {
        const structured = model().withStructuredOutput(PERSON, { name: 'person', method: 'jsonSchema' });
        const made: unknown = await structured.invoke('Who is it?');
        assert.ok(isPerson(made), JSON.stringify(made));
      });
    });
  }

  describe(`langchain, ${door}, when something goes wrong`, () => {
    it('throws what the SDK below it throws', async () => {
      for (const [kind, status] of [
        ['rate', 429],
        ['model', 404],
        ['context', 400],
        ['filter', 422],
      ] as const) {
        const error = await thrownBy(through(refuser(kind), { 'x-mcp-deadline-ms': '8000' }).invoke(hello()));
        assert.ok(error instanceof Error, kind);
        assert.equal((error as Error & { status?: number }).status, status, `${kind}: ${error}`);
      }
    });

    it('throws in the middle of a stream that breaks off', async () => {
      for (const name of CUT) {
        let text = '';
        const error = await thrownBy(
          (async () => {
            const stream = await through(name, { 'x-mcp-failover': 'fail' }).stream(hello());
            for await (const piece of stream) text += piece.text;
          })(),
        );
        assert.ok(error instanceof Error, `${name}: no error was told`);
        assert.equal(text, 'Half of an answer and', name);
      }
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
