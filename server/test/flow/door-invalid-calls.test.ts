/** Arguments of tool calls that are not JSON: passed on as they are, never mended, and marked at every door, in streams too. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, type Json, post, submit } from '../support/api.ts';
import { eventually } from '../support/server.ts';
import { openSse, readAll } from '../support/streams.ts';
import { type House, startHouse } from '../support/vendors.ts';

const MODEL = 'openai/gpt-4o-mini';
const DOORS: Record<string, (text: string) => Json> = {
  '/v1/chat/completions': (content) => ({ messages: [{ role: 'user', content }] }),
  '/v1/messages': (content) => ({ max_tokens: 500, messages: [{ role: 'user', content }] }),
  '/v1/responses': (input) => ({ input }),
};

let house: House;
before(async () => {
  house = await startHouse();
});
after(() => house.close());

/** The last `x_mcp` of an answer, a stream or not; a whole answer that is passed on as it came has none. */
function truthIn(text: string): Json | null {
  const [, found] = [...text.matchAll(/"x_mcp":(\{[^}]*\})/g)].at(-1) ?? [];
  return found === undefined ? null : (JSON.parse(found) as Json);
}

for (const [path, bodyOf] of Object.entries(DOORS)) {
  test(`${path}: marked in the stream and in the whole answer, and in no good one`, async () => {
    for (const fault of ['tool-args-invalid', 'tool-args-cut', '']) {
      for (const stream of [true, false]) {
        const prompt = `Call it ${path}. [[sim tokens=3${fault === '' ? '' : ` fault=${fault}`}]]`;
        const answer = await post<Json>(house.server, path, { ...bodyOf(prompt), model: MODEL, stream });
        assert.equal(answer.status, 200, answer.text);
        const truth = truthIn(answer.text);
        if (fault !== '' || stream) assert.equal(truth?.provider, 'openai');
        assert.deepEqual(truth?.invalid_tool_calls, fault === '' ? undefined : [0], `${fault} ${answer.text}`);
      }
    }
  });
}

test('detached: a notice in the stream, and a mark in the result', async () => {
  const { request_id: id } = await submit(house.server, {
    prompt: 'Call. [[sim tokens=3 fault=tool-args-cut]]',
    model: MODEL,
  });
  const frames = await readAll(openSse(house.server, id));
  const notices = frames.filter((frame) => frame.type === 'notice');
  assert.deepEqual(
    notices.map((frame) => [(frame as unknown as Json).code, (frame as unknown as Json).detail]),
    [['invalid_arguments', 'The arguments of tool call 0 are not JSON.']],
  );
  const result = await eventually(async () => {
    const { status, body } = await call<Json>(house.server, `/mcp/v1/request/${id}/result`);
    return status === 200 ? body : null;
  }, 'the result');
  const [made] = (result.message as { tool_calls: Json[] }).tool_calls;
  assert.equal(made?.invalid_arguments, true);
});
