/** Anthropic's own SDK at the messages door, with a vendor of every dialect behind it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
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
let client: Anthropic;
before(async () => {
  house = await startSdkHouse();
  client = new Anthropic({ baseURL: house.server.address, apiKey: 'unused', maxRetries: 0 });
});
after(() => house.close());

const ask = (model: string, content: Anthropic.MessageParam['content']) => ({
  model,
  max_tokens: 1000,
  system: 'Be brief.',
  messages: [{ role: 'user' as const, content }],
});
const SAID = 'I was told: "Be brief.". You wrote: "Hello there.".';
const tool: Anthropic.Tool = {
  name: 'get_weather',
  description: 'The weather of a city.',
  input_schema: { ...WEATHER },
};
const textIn = (message: Anthropic.Message): string =>
  message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
const thrownBy = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

for (const dialect of DIALECTS) {
  const model = modelIn(dialect);

  describe(`anthropic, in ${dialect}`, () => {
    it('answers whole and streamed', async () => {
      const whole = await client.messages.create(ask(model, 'Hello there.'));
      assert.equal(textIn(whole), SAID);
      assert.deepEqual([whole.stop_reason, whole.usage.input_tokens, whole.usage.output_tokens], ['end_turn', 9, 4]);
      const stream = client.messages.stream(ask(model, 'Hello there.'));
      const pieces: string[] = [];
      stream.on('text', (piece) => pieces.push(piece));
      const final = await stream.finalMessage();
      assert.ok(pieces.length > 5, 'word by word');
      assert.equal(pieces.join(''), SAID);
      assert.equal(textIn(final), SAID);
      assert.deepEqual([final.stop_reason, final.usage.output_tokens], ['end_turn', 4]);
    });

    it('calls tools and takes their results, also those that are images', async () => {
      const body = { ...ask(model, 'Please call get_weather now.'), tools: [tool] };
      const first = await client.messages.stream(body).finalMessage();
      assert.equal(first.stop_reason, 'tool_use');
      const use = first.content.find((block) => block.type === 'tool_use');
      assert.ok(use?.type === 'tool_use');
      assert.equal(typeof (use.input as { city?: unknown }).city, 'string');
      const whole = await client.messages.create(body);
      const again = whole.content.find((block) => block.type === 'tool_use');
      assert.deepEqual(again?.type === 'tool_use' && again.input, use.input);
      const last = await client.messages.create({
        ...body,
        messages: [
          ...body.messages,
          { role: 'assistant', content: first.content },
          {
            role: 'user',
            content: [
              {
                type: 'tool_result',
                tool_use_id: use.id,
                content: [
                  { type: 'text', text: 'sunny' },
                  { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } },
                ],
              },
            ],
          },
        ],
      });
      assert.match(textIn(last), /sunny/);
      assert.match(textIn(last), /I see 1 image\./, 'in the result, or after it');
    });

    it('shows images', async () => {
      const seen = await client.messages.create(
        ask(model, [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } },
          { type: 'text', text: 'What is it?' },
        ]),
      );
      assert.match(textIn(seen), /I see 1 image\./);
    });

    it('structures its answer', async () => {
      const answer = await client.messages.create({
        ...ask(model, 'Who is it?'),
        output_config: { format: { type: 'json_schema', schema: { ...PERSON } } },
      });
      assert.ok(isPerson(JSON.parse(textIn(answer))));
      const asked = house.world.calls(nameOf(dialect)).at(-1)?.hear().schema as { properties?: object } | null;
      assert.deepEqual(
        Object.keys(asked?.properties ?? {}),
        Object.keys(PERSON.properties),
        'the vendor has the schema',
      );
    });
  });
}

describe('anthropic, when something goes wrong', () => {
  it('throws its own classes', async () => {
    const cases = [
      ['rate', Anthropic.RateLimitError, 'rate_limit_error'],
      ['model', Anthropic.NotFoundError, 'not_found_error'],
      ['context', Anthropic.BadRequestError, 'invalid_request_error'],
      ['key', Anthropic.InternalServerError, 'api_error'],
      ['broken', Anthropic.InternalServerError, 'api_error'],
      ['filter', Anthropic.UnprocessableEntityError, 'invalid_request_error'],
    ] as const;
    for (const [kind, type, name] of cases) {
      for (const stream of [false, true]) {
        const error = await thrownBy(
          client.messages.create(
            { ...ask(refuser(kind), 'Hello.'), stream },
            { headers: { 'x-mcp-deadline-ms': '8000' } },
          ),
        );
        assert.ok(error instanceof type, `${kind}: ${error}`);
        assert.equal(error.type, name, kind);
      }
    }
  });

  it('throws in the middle of a stream that breaks off', async () => {
    for (const model of CUT) {
      const stream = client.messages.stream(ask(model, 'Hello.'), { headers: { 'x-mcp-failover': 'fail' } });
      let text = '';
      stream.on('text', (piece) => {
        text += piece;
      });
      const error = await thrownBy(stream.finalMessage());
      assert.ok(error instanceof Anthropic.APIError, `${model}: ${error}`);
      assert.equal(text, 'Half of an answer and');
    }
  });

  it('closes the call of whoever leaves', async () => {
    const stream = client.messages.stream(ask(ENDLESS, 'Go on.'));
    const gone = stream.done().catch(() => {});
    await new Promise<void>((resolve) => stream.once('text', () => resolve()));
    stream.abort();
    await gone;
    const left = performance.now();
    const call = await eventually(
      () => house.world.calls('endless').find(({ endedAt }) => endedAt !== null),
      'the end of the call',
      10_000,
    );
    assert.equal(call.how, 'closed');
    assert.ok((call.endedAt ?? 0) - left < 6000);
  });
});
