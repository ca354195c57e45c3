/** A coding agent at the messages door: loops of tools, thinking that must come back, calls that are sent again. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { call } from '../support/api.ts';
import {
  ask,
  bodyOf,
  CLAUDE,
  errorOf,
  type MessagesHouse,
  startMessagesHouse,
  THINKER,
  textIn,
  WEATHER,
} from '../support/messages.ts';
import { eventually } from '../support/server.ts';
import { callsWith } from '../support/vendors.ts';

let house: MessagesHouse;
before(async () => {
  house = await startMessagesHouse();
});
after(() => house.close());

test('thinking survives a tool loop, and a change of vendors', async () => {
  const thinking = { type: 'enabled' as const, budget_tokens: 2000 };
  const loop = async (model: string, messages: Anthropic.MessageParam[]) =>
    await house.client.messages
      .stream({ model, max_tokens: 8000, messages, tools: [WEATHER], thinking })
      .finalMessage();
  const history: Anthropic.MessageParam[] = [
    { role: 'user', content: 'Think, then call get_weather [[sim reasoning=6]]' },
  ];
  for (const model of [CLAUDE, THINKER]) {
    const first = await loop(model, history);
    const [thought] = first.content;
    assert.ok(thought?.type === 'thinking' && thought.thinking.length > 0, model);
    assert.ok(thought.signature.length > 0, 'clients drop what is not signed');
    const made = first.content.find((block) => block.type === 'tool_use');
    assert.ok(made?.type === 'tool_use');
    history.push(
      { role: 'assistant', content: first.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: made.id, content: `rain says ${model}` }] },
    );
    const second = await loop(model, history);
    assert.match(textIn(second), new RegExp(`rain says ${model}`));
    history.push(
      { role: 'assistant', content: second.content },
      { role: 'user', content: 'Again: call get_weather [[sim reasoning=4]]' },
    );
  }
  // The vendor that thought gets its reasoning back; Claude's stays away from it.
  const [sent] = callsWith(house.gpt, 'rain says thinker').slice(-1);
  const said = (bodyOf(sent).messages as { role: string; reasoning_content?: string }[]).filter(
    ({ role }) => role === 'assistant',
  );
  assert.equal(said.filter(({ reasoning_content }) => reasoning_content).length, 1);
  // And Claude, whose wire checks signatures, is not shown the other's.
  const back = await loop(CLAUDE, history);
  assert.equal(back.stop_reason, 'tool_use');
  assert.match(JSON.stringify(bodyOf(callsWith(house.claude, 'rain says thinker').at(-1))), /"signature":"EqRk/);
});

for (const [index, model] of [CLAUDE, THINKER].entries()) {
  test(`an Idempotency-Key: told again, with its reasoning and its calls, by ${model}`, async () => {
    const body = {
      ...ask('Once: call get_weather [[sim reasoning=3]]', model),
      tools: [WEATHER],
      thinking: { type: 'enabled' as const, budget_tokens: 1024 },
      max_tokens: 4000,
    };
    const options = { headers: { 'idempotency-key': `messages-${index}` } };
    const first = await house.client.messages.create(body, options).withResponse();
    const second = await house.client.messages.create(body, options).withResponse();
    assert.equal(second.response.headers.get('idempotent-replayed'), 'true');
    assert.equal(second.request_id, first.request_id);
    assert.deepEqual(second.data.content, first.data.content);
    assert.equal(first.data.content[0]?.type, 'thinking');
    assert.equal(callsWith(model === CLAUDE ? house.claude : house.gpt, 'Once: call').length, 1);
    const other = await errorOf(house.client.messages.create(ask('Another body'), options));
    assert.deepEqual([other.status, other.errorCode], [422, 'idempotency_mismatch']);
  });
}

test('fifty turns of a coding agent through a vendor of the other dialect', { timeout: 120_000 }, async () => {
  const tools: Anthropic.Beta.BetaTool[] = ['Read', 'Edit', 'Bash', 'Grep'].map((name) => ({
    name,
    description: `${name} something.`,
    input_schema: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
    ...(name === 'Grep' ? { cache_control: { type: 'ephemeral' } } : {}),
  }));
  const system: Anthropic.Beta.BetaTextBlockParam[] = [
    { type: 'text', text: 'You are a coding agent.' },
    { type: 'text', text: 'Work in /repo.', cache_control: { type: 'ephemeral' } },
  ];
  const messages: Anthropic.Beta.BetaMessageParam[] = [
    {
      role: 'user',
      content: [{ type: 'text', text: 'Mend the tests. [[sim reasoning=5]]', cache_control: { type: 'ephemeral' } }],
    },
  ];
  const reasoned: string[] = [];
  for (let turn = 1; turn <= 50; turn++) {
    const last = turn === 50;
    const message = await house.client.beta.messages
      .stream({
        model: THINKER,
        max_tokens: 32_000,
        system,
        tools,
        messages,
        thinking: { type: 'adaptive' },
        tool_choice: last ? { type: 'auto' } : { type: 'any' },
        metadata: { user_id: 'agent' },
        context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
        betas: ['context-management-2025-06-27', 'interleaved-thinking-2025-05-14'],
      })
      .finalMessage();
    messages.push({ role: 'assistant', content: message.content });
    for (const block of message.content) if (block.type === 'thinking') reasoned.push(block.thinking);
    const uses = message.content.filter((block) => block.type === 'tool_use');
    assert.equal(message.stop_reason, last ? 'end_turn' : 'tool_use', `turn ${turn}`);
    assert.equal(uses.length > 0, !last);
    if (last) break;
    messages.push({
      role: 'user',
      content: uses.map((use) => ({
        type: 'tool_result' as const,
        tool_use_id: use.id,
        content: [{ type: 'text' as const, text: `line ${turn}` }],
        ...(turn % 7 === 0 ? { is_error: true } : {}),
      })),
    });
  }
  assert.equal(reasoned.length, 50);
  // The last call carries all that was said, in the vendor's own words: its ids, its arguments, its reasoning.
  const sent = bodyOf(callsWith(house.gpt, 'Mend the tests.').at(-1)).messages as {
    role: string;
    reasoning_content?: string;
    tool_calls?: { id: string }[];
    tool_call_id?: string;
  }[];
  const said = sent.filter(({ role }) => role === 'assistant');
  assert.equal(said.length, 49);
  assert.deepEqual(
    said.map(({ reasoning_content }) => reasoning_content),
    reasoned.slice(0, 49),
  );
  const ids = said.flatMap(({ tool_calls }) => (tool_calls ?? []).map(({ id }) => id));
  assert.deepEqual(
    sent.filter(({ role }) => role === 'tool').map(({ tool_call_id }) => tool_call_id),
    ids,
  );
  // The last end is written behind its answer.
  await eventually(async () => {
    const row = await call<{ items: { status: string }[] }>(house.server, '/mcp/v1/request?limit=50');
    return row.body.items.every(({ status }) => status === 'succeeded');
  }, 'all fifty to have succeeded');
});
