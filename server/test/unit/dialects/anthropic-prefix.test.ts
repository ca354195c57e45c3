/** Claude goes on from the beginning of an answer that another target has given. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall } from '../../../src/contract/call.ts';
import { anthropic } from '../../../src/dialects/anthropic/index.ts';
import { STOCKS, SUN } from './fixtures/anthropic-requests.ts';
import { CLAUDE, decode, refusal, send } from './sent.ts';

test('going on from a prefix: the older Claudes can, the newer and those of other makers cannot', () => {
  const goesOn = (model: string) => anthropic.vendor.goesOn?.({ provider: 'p', model, quirks: {} });
  assert.deepEqual(
    [
      'claude-3-5-haiku-latest',
      'claude-sonnet-4-5',
      'claude-opus-4-6',
      'claude-opus-5-5',
      'glm-4.6',
      'claude-next',
    ].map(goesOn),
    [true, true, false, false, false, false],
  );
  const call = decode(STOCKS);
  for (const model of ['claude-opus-5-5', 'glm-4.6']) {
    assert.match(refusal(call, 'anthropic', model, { prefix: 'It is' }), /go on/);
    assert.match(
      refusal({ ...call, native: undefined } as unknown as AnswerCall, 'anthropic', model, { prefix: 'It is' }),
      /go on/,
    );
  }
});

test('a prefix: the last turn, without white space at its end, without thinking', () => {
  const asked = decode({
    ...STOCKS,
    max_tokens: 9000,
    thinking: { type: 'enabled', budget_tokens: 2000 },
    output_config: { effort: 'high' },
  });
  const { native: _, ...plain } = asked;
  for (const call of [asked, plain]) {
    const { json, notices } = send(call, 'anthropic', CLAUDE, { prefix: 'It is 259.75\n\n' });
    const last = json.messages.at(-1);
    assert.equal(last?.role, 'assistant');
    assert.match(JSON.stringify(last?.content), /"It is 259.75"/);
    assert.equal(json.messages.length, 4);
    assert.equal('thinking' in json, false);
    assert.ok(
      notices.some((notice) => notice.includes('goes on from a given text')),
      notices.join(),
    );
    assert.equal(send(call, 'anthropic', CLAUDE, { prefix: ' \n' }).json.messages.length, 3);
    const prefixOf = (prefix: string) =>
      anthropic.vendor.encode(call, { provider: 'p', model: CLAUDE, quirks: {}, prefix }, true).prefix;
    assert.deepEqual([prefixOf('It is'), prefixOf('It is\n\n'), prefixOf(' ')], [undefined, 'It is', '']);
  }
  for (const call of [decode(SUN), { ...decode(SUN), native: undefined } as unknown as AnswerCall]) {
    const { json } = send(call, 'anthropic', CLAUDE, { prefix: 'B) He' });
    assert.equal(json.messages.length, 2);
    assert.match(JSON.stringify(json.messages[1]), /"The best answer is \(B\) He"/);
  }
});

test('a prefix excludes a forced tool and a schema, which the API begins itself', () => {
  const forced = decode({ ...STOCKS, tool_choice: { type: 'any' } });
  const format = { type: 'json_schema', schema: { type: 'object' } };
  const formed = decode({ ...STOCKS, output_config: { format } });
  const beta = decode({ ...STOCKS, output_format: format });
  for (const call of [forced, formed, { ...forced, native: undefined }, { ...formed, native: undefined }, beta]) {
    assert.match(refusal(call as unknown as AnswerCall, 'anthropic', CLAUDE, { prefix: 'x' }), /given text/);
  }
});
