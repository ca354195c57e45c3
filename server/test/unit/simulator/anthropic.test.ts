import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { until } from '../../support/patience.ts';
import { type AnthropicVendor, startAnthropicVendor } from '../../vendors/anthropic.ts';
import { type Got, type How, parseSse, send } from './raw.ts';

interface Message {
  id: string;
  type: string;
  role: string;
  model: string;
  content: Record<string, unknown>[];
  stop_reason: string;
  stop_sequence: string | null;
  usage: Record<string, number>;
}

type Event = { type: string } & Record<string, never>;

describe('the Anthropic test vendor', () => {
  let vendor: AnthropicVendor;
  before(async () => {
    vendor = await startAnthropicVendor({ tokens: 10 });
  });
  beforeEach(() => vendor.clear());
  after(() => vendor.close());

  const user = (content: unknown): unknown[] => [{ role: 'user', content }];
  const body = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
    model: 'claude-test-1',
    max_tokens: 1_000,
    messages: user('Hello'),
    ...more,
  });
  const post = (given: unknown, how: How = {}): Promise<Got> =>
    send(`${vendor.url}/messages`, given, {
      ...how,
      headers: { 'x-api-key': vendor.key, 'anthropic-version': '2023-06-01', ...how.headers },
    });
  const whole = async (given: unknown): Promise<Message> => {
    const got = await post(given);
    assert.equal(got.status, 200, got.text);
    return JSON.parse(got.text) as Message;
  };
  const refused = async (given: unknown, pattern: RegExp, how: How = {}, status = 400): Promise<void> => {
    const got = await post(given, how);
    assert.equal(got.status, status, got.text);
    const answer = JSON.parse(got.text);
    assert.deepEqual([answer.type, answer.request_id], ['error', got.headers['request-id']]);
    assert.match(answer.error.message, pattern);
  };
  const events = (got: Got): Event[] =>
    parseSse(got.text).map(({ name, data }) => {
      const event = JSON.parse(data) as Event;
      assert.equal(name, event.type);
      return event;
    });
  /** The message that a client assembles from the events. */
  const assemble = (got: Got): Message => {
    let message = {} as Message;
    const json: string[] = [];
    for (const event of events(got) as unknown as Record<string, Record<string, unknown>>[]) {
      const index = Number(event.index);
      const block = message.content?.[index] ?? {};
      if (event.message) message = event.message as unknown as Message;
      if (event.content_block) message.content[index] = event.content_block;
      const delta = event.delta ?? {};
      if (typeof delta.text === 'string') block.text = `${block.text}${delta.text}`;
      if (typeof delta.thinking === 'string') block.thinking = `${block.thinking}${delta.thinking}`;
      if (typeof delta.signature === 'string') block.signature = delta.signature;
      if (typeof delta.partial_json === 'string') json[index] = `${json[index] ?? ''}${delta.partial_json}`;
      if (typeof delta.stop_reason === 'string') Object.assign(message, delta);
      if (event.usage) Object.assign(message.usage, event.usage);
    }
    json.forEach((text, index) => {
      Object.assign(message.content[index] ?? {}, { input: JSON.parse(text) });
    });
    return message;
  };

  it('answers whole and streamed alike', async () => {
    const message = await whole(body());
    assert.match(message.id, /^msg_01/);
    assert.deepEqual([message.type, message.role, message.stop_reason], ['message', 'assistant', 'end_turn']);
    assert.equal(message.usage.output_tokens, 10);
    const got = await post(body({ stream: true }));
    assert.equal(got.headers['content-type'], 'text/event-stream; charset=utf-8');
    const told = assemble(got);
    assert.deepEqual(told.content, message.content);
    assert.equal(told.usage.output_tokens, 10);
    const types = events(got).map(({ type }) => type);
    assert.deepEqual(types.slice(0, 4), ['message_start', 'content_block_start', 'ping', 'content_block_delta']);
    assert.deepEqual(types.slice(-3), ['content_block_stop', 'message_delta', 'message_stop']);
    assert.equal((await post(body({ stream: true }))).text, got.text);
  });

  it('lists models', async () => {
    const headers = { 'x-api-key': vendor.key, 'anthropic-version': '2023-06-01' };
    const list = JSON.parse((await send(`${vendor.url}/models`, '', { method: 'GET', headers })).text);
    assert.deepEqual([list.data[0].id, list.data[0].type, list.has_more], ['claude-test-1', 'model', false]);
  });

  it('thinks, signs, and wants the signature back as it was', async () => {
    const thinking = { type: 'enabled', budget_tokens: 1_024 };
    const more = { thinking, max_tokens: 2_000 };
    const message = await whole(body(more));
    const [thought, text] = message.content;
    assert.equal(thought?.type, 'thinking');
    assert.equal(thought?.signature, vendor.sign(String(thought?.thinking)));
    assert.deepEqual(assemble(await post(body({ ...more, stream: true }))).content, [thought, text]);
    const next = (block: unknown): unknown =>
      body({
        ...more,
        messages: [...user('Hello'), { role: 'assistant', content: [block, text] }, ...user('Go on')],
      });
    assert.equal((await whole(next(thought))).stop_reason, 'end_turn');
    const wrong = /messages\.1\.content\.0: Invalid `signature` in `thinking` block/;
    await refused(next({ ...thought, signature: `${thought?.signature}x` }), wrong);
    await refused(next({ ...thought, thinking: `${thought?.thinking} ` }), wrong);
    await refused(next({ type: 'thinking', thinking: 'x' }), /signature: Field required/);
  });

  const tools = [
    {
      name: 'add',
      description: 'Adds',
      input_schema: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] },
    },
  ];

  it('calls tools and takes their results', async () => {
    const asked = body({ tools, messages: user('Please call add') });
    const message = await whole(asked);
    const use = message.content[0];
    assert.deepEqual(
      [message.stop_reason, use?.type, use?.name, use?.input],
      ['tool_use', 'tool_use', 'add', { a: 7 }],
    );
    const got = await post({ ...asked, stream: true });
    assert.deepEqual(assemble(got).content, message.content);
    assert.ok(events(got).filter((event) => JSON.stringify(event).includes('input_json_delta')).length >= 2);
    const result = { type: 'tool_result', tool_use_id: use?.id, content: 'seven' };
    const turns = [...user('Please call add'), { role: 'assistant', content: [use] }];
    const answer = await whole(body({ tools, messages: [...turns, { role: 'user', content: [result] }] }));
    assert.match(String(answer.content[0]?.text), /^The tool answered: "seven"/);
    const forced = await whole(body({ tools, tool_choice: { type: 'tool', name: 'add' } }));
    assert.equal(forced.stop_reason, 'tool_use');
    await refused(
      body({ tools, messages: [...turns, ...user('so?')] }),
      /`tool_use` ids were found without `tool_result`/,
    );
    await refused(body({ tools, messages: user([result]) }), /unexpected `tool_use_id` found in `tool_result` blocks/);
  });

  it('counts what is cached', async () => {
    const system = [{ type: 'text', text: 'x'.repeat(400), cache_control: { type: 'ephemeral' } }];
    const first = (await whole(body({ system }))).usage;
    assert.deepEqual(
      [first.input_tokens, first.cache_creation_input_tokens, first.cache_read_input_tokens],
      [2, 100, 0],
    );
    const told = assemble(await post(body({ system, stream: true }))).usage;
    assert.deepEqual([told.input_tokens, told.cache_creation_input_tokens, told.cache_read_input_tokens], [2, 0, 100]);
  });

  it('stops where it should', async () => {
    const full = String((await whole(body())).content[0]?.text);
    const limited = await whole(body({ max_tokens: 3 }));
    assert.deepEqual([limited.stop_reason, limited.usage.output_tokens], ['max_tokens', 3]);
    const word = full.slice(20, 25);
    const stopped = await whole(body({ stop_sequences: [word] }));
    assert.deepEqual([stopped.stop_reason, stopped.stop_sequence], ['stop_sequence', word]);
    assert.equal(stopped.content[0]?.text, full.slice(0, full.indexOf(word)));
    const prefix = full.slice(0, 21).trimEnd();
    const on = await whole(body({ messages: [...user('Hello'), { role: 'assistant', content: prefix }] }));
    assert.equal(prefix + on.content[0]?.text, full);
  });

  it('refuses strangers', async () => {
    const bare = await send(`${vendor.url}/messages`, body());
    assert.deepEqual([bare.status, JSON.parse(bare.text).error.type], [401, 'authentication_error']);
    await refused(body(), /invalid x-api-key/, { headers: { 'x-api-key': 'sk-other' } }, 401);
    await refused(body(), /is not a valid version/, { headers: { 'anthropic-version': '2023-06-01, 2023-06-01' } });
    const headers = { 'x-api-key': vendor.key };
    const old = await send(`${vendor.url}/messages`, body(), { headers });
    assert.match(old.text, /anthropic-version: header is required/);
  });

  it('refuses what Anthropic refuses', async () => {
    await refused('{', /not valid JSON/);
    await refused(body({ response_format: {} }), /^response_format: Extra inputs are not permitted$/);
    await refused(body({ max_tokens: undefined }), /^max_tokens: Field required$/);
    await refused(body({ max_tokens: 0 }), /max_tokens: Input should be greater than or equal to 1/);
    await refused(body({ model: undefined }), /^model: Field required$/);
    await refused(body({ messages: [] }), /at least one message is required/);
    await refused(body({ messages: [{ role: 'system', content: 'x' }] }), /Unexpected role "system"/);
    await refused(body({ messages: [{ role: 'tool', content: 'x' }] }), /messages\.0\.role: Input should be/);
    await refused(body({ messages: [{ role: 'assistant', content: 'x' }] }), /first message must use the "user" role/);
    await refused(body({ messages: user('') }), /messages\.0: all messages must have non-empty content/);
    await refused(body({ messages: user([{ type: 'text', text: '' }]) }), /text content blocks must be non-empty/);
    await refused(body({ messages: user('  ') }), /must contain non-whitespace text/);
    await refused(
      body({ messages: user([{ type: 'text', text: 'a', id: 1 }]) }),
      /messages\.0\.content\.0\.text\.id: Extra inputs/,
    );
    await refused(body({ messages: user([{ type: 'image_url', image_url: {} }]) }), /Input tag 'image_url'/);
    await refused(body({ messages: [...user('a'), { role: 'assistant', content: 'b ' }] }), /trailing whitespace/);
    await refused(body({ temperature: 1.5 }), /temperature: range: 0\.\.1/);
    await refused(body({ tool_choice: { type: 'auto' } }), /may only be specified while providing tools/);
    await refused(body({ tools: [{ name: 'x' }] }), /tools\.0\.custom\.input_schema: Field required/);
    await refused(body({ tools, tool_choice: 'auto' }), /tool_choice/);
    await refused(body({ stop_sequences: [' '] }), /must contain non-whitespace/);
    await refused(
      body({ thinking: { type: 'enabled', budget_tokens: 1_024 } }),
      /must be greater than `thinking\.budget_tokens`/,
    );
    await refused(body({ metadata: { user: 'x' } }), /metadata\.user: Extra inputs/);
    await refused(body({ messages: user('[[sim fault=gremlins]]') }), /Unknown fault/);
    assert.equal((await post(body({ messages: [...user('a'), ...user('b')] }))).status, 200);
  });

  it('breaks on command', async () => {
    const broken = (fault: string, how: How = {}): Promise<Got> =>
      post(body({ stream: true, messages: user(`[[sim fault=${fault}]]`) }), how);
    const failed = parseSse((await broken('event-error-after-4')).text).at(-1);
    assert.equal(failed?.name, 'error');
    assert.equal(JSON.parse(failed?.data ?? '').error.type, 'overloaded_error');
    const cut = await broken('cut-after-4');
    assert.equal(cut.ended, 'ECONNRESET');
    assert.equal(cut.text.match(/text_delta/g)?.length, 4);
    assert.equal((await broken('end-after-4')).ended, 'end');
    assert.ok(!(await broken('no-done')).text.includes('message_stop'));
    for (const fault of ['crlf', 'bom', 'comments-between', 'multiline-data', 'slice-bytes']) {
      assert.equal(
        assemble(await broken(fault)).content[0]?.text,
        assemble(await broken('none')).content[0]?.text,
        fault,
      );
    }
    assert.equal(JSON.parse((await broken('status-529')).text).error.type, 'overloaded_error');
    assert.equal((await broken('retry-after-3')).headers['retry-after'], '3');
    assert.equal(JSON.parse((await broken('whole-json')).text).stop_reason, 'end_turn');
    assert.equal((await broken('stall-after-2', { leaveAfterMs: 60 })).ended, 'left');
    await until(() => vendor.journal().at(-1)?.endedAt !== null);
    const { outcome, tokensSent, fault, key } = vendor.journal().at(-1) ?? {};
    assert.deepEqual([outcome, tokensSent, fault, key], ['aborted', 2, 'stall-after-2', '-key']);
  });

  it('keeps a journal with the usage that it reported', async () => {
    const told = assemble(await post(body({ stream: true })));
    await until(() => vendor.journal().at(-1)?.outcome === 'completed');
    const usage = vendor.journal().at(-1)?.usage as Record<string, number>;
    assert.deepEqual([usage.output_tokens, usage.input_tokens], [10, told.usage.input_tokens]);
    assert.deepEqual(vendor.journal().at(-1)?.body, body({ stream: true }));
  });
});
