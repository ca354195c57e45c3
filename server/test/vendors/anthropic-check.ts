/**
 * Checks a request as strictly as the Anthropic API does, in its words. Messages were taken from answers of the real
 * API that people quoted in public issues, and from the field lists of the official SDK.
 */
export type Body = Record<string, unknown>;

export class Invalid extends Error {}

function fail(message: string): never {
  throw new Invalid(message);
}

export function isBody(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const TOP_LEVEL = new Set(
  (
    'model messages max_tokens cache_control container inference_geo metadata output_config service_tier ' +
    'stop_sequences stream system temperature thinking tool_choice tools top_k top_p'
  ).split(' '),
);

/** Block type → fields beside `type`; a `!` marks those that must be there. */
const BLOCKS: Record<string, readonly string[]> = {
  text: ['text!', 'cache_control', 'citations'],
  image: ['source!', 'cache_control'],
  document: ['source!', 'cache_control', 'citations', 'context', 'title'],
  thinking: ['thinking!', 'signature!'],
  redacted_thinking: ['data!'],
  tool_use: ['id!', 'name!', 'input!', 'cache_control', 'caller'],
  tool_result: ['tool_use_id!', 'content', 'is_error', 'cache_control'],
};
const TOOL_FIELDS = (
  'name! description input_schema! cache_control strict type eager_input_streaming defer_loading allowed_callers ' +
  'input_examples'
).split(' ');
const BY_ROLE: Record<string, readonly string[]> = {
  user: ['text', 'image', 'document', 'tool_result'],
  assistant: ['text', 'thinking', 'redacted_thinking', 'tool_use'],
};

function fields(value: Body, known: readonly string[], path: string): void {
  for (const name of known) {
    if (name.endsWith('!') && value[name.slice(0, -1)] === undefined)
      fail(`${path}.${name.slice(0, -1)}: Field required`);
  }
  const names = known.map((name) => name.replace('!', ''));
  for (const name of Object.keys(value)) {
    if (name !== 'type' && !names.includes(name)) fail(`${path}.${name}: Extra inputs are not permitted`);
  }
}

function whole(value: unknown, path: string, least: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) fail(`${path}: Input should be a valid integer`);
  if (value < least) fail(`${path}: Input should be greater than or equal to ${least}`);
  return value;
}

function fraction(body: Body, name: string): void {
  const value = body[name];
  if (value === undefined) return;
  if (typeof value !== 'number') fail(`${name}: Input should be a valid number`);
  if (value < 0 || value > 1) fail(`${name}: range: 0..1`);
}

function checkText(text: unknown, path: string): void {
  if (typeof text !== 'string') fail(`${path}: Input should be a valid string`);
  if (text === '') fail('messages: text content blocks must be non-empty');
  if (text.trim() === '') fail('messages: text content blocks must contain non-whitespace text');
}

function checkImage(source: unknown, path: string): void {
  if (!isBody(source)) fail(`${path}: Input should be a valid dictionary`);
  if (source.type === 'url') {
    fields(source, ['url!'], `${path}.url`);
    return;
  }
  if (source.type !== 'base64') {
    fail(
      `${path}: Input tag '${String(source.type)}' found using 'type' does not match any of the expected tags: 'base64', 'url'`,
    );
  }
  fields(source, ['media_type!', 'data!'], `${path}.base64`);
  if (!['image/jpeg', 'image/png', 'image/gif', 'image/webp'].includes(String(source.media_type))) {
    fail(`${path}.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'`);
  }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(String(source.data))) fail(`${path}.base64: invalid base64 data`);
}

function checkBlock(block: unknown, role: string, path: string, signed: (thinking: string) => string): void {
  if (!isBody(block)) fail(`${path}: Input should be a valid dictionary`);
  const type = String(block.type);
  const known = BLOCKS[type];
  if (known === undefined || !(BY_ROLE[role] ?? []).includes(type)) {
    const tags = (BY_ROLE[role] ?? []).map((tag) => `'${tag}'`).join(', ');
    fail(`${path}: Input tag '${type}' found using 'type' does not match any of the expected tags: ${tags}`);
  }
  const at = `${path}.${type}`;
  fields(block, known, at);
  if (type === 'text') checkText(block.text, `${at}.text`);
  if (type === 'image') checkImage(block.source, `${at}.source`);
  if (type === 'tool_use') {
    if (!/^[a-zA-Z0-9_-]+$/.test(String(block.id))) fail(`${at}.id: String should match pattern '^[a-zA-Z0-9_-]+$'`);
    if (!isBody(block.input)) fail(`${at}.input: Input should be a valid dictionary`);
  }
  if (type === 'tool_result' && Array.isArray(block.content)) {
    block.content.forEach((part, i) => {
      checkBlock(part, 'user', `${at}.content.${i}`, signed);
    });
  }
  if (type === 'thinking' && block.signature !== signed(String(block.thinking))) {
    fail(`${path}: Invalid \`signature\` in \`thinking\` block`);
  }
}

function idsOf(message: unknown, type: string, field: string): string[] {
  if (!isBody(message) || !Array.isArray(message.content)) return [];
  return message.content.flatMap((block) => (isBody(block) && block.type === type ? [String(block[field])] : []));
}

function checkMessages(messages: unknown, signed: (thinking: string) => string): Body[] {
  if (messages === undefined) fail('messages: Field required');
  if (!Array.isArray(messages)) fail('messages: Input should be a valid list');
  if (messages.length === 0) fail('messages: at least one message is required');
  messages.forEach((message: unknown, i) => {
    const path = `messages.${i}`;
    if (!isBody(message)) fail(`${path}: Input should be a valid dictionary`);
    const { role, content } = message;
    if (role === 'system') {
      fail(
        'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.',
      );
    }
    if (role !== 'user' && role !== 'assistant') fail(`${path}.role: Input should be 'user' or 'assistant'`);
    fields(message, ['role!', 'content!'], path);
    if (i === 0 && role !== 'user') fail('messages: first message must use the "user" role');
    const last = i === messages.length - 1;
    if ((content === '' || (Array.isArray(content) && content.length === 0)) && !(last && role === 'assistant')) {
      fail(`${path}: all messages must have non-empty content except for the optional final assistant message`);
    }
    if (typeof content === 'string') {
      if (content !== '' && content.trim() === '')
        fail('messages: text content blocks must contain non-whitespace text');
      if (last && role === 'assistant' && /\s$/.test(content)) {
        fail('messages: final assistant content cannot end with trailing whitespace');
      }
    } else if (Array.isArray(content)) {
      content.forEach((block, j) => {
        checkBlock(block, role, `${path}.content.${j}`, signed);
      });
    } else {
      fail(`${path}.content: Input should be a valid string or list`);
    }
  });
  checkToolPairs(messages);
  return messages as Body[];
}

function checkToolPairs(messages: readonly unknown[]): void {
  messages.forEach((message, i) => {
    const uses = isBody(message) && message.role === 'assistant' ? idsOf(message, 'tool_use', 'id') : [];
    const answered = idsOf(messages[i + 1], 'tool_result', 'tool_use_id');
    const open = uses.filter((id) => !answered.includes(id));
    if (open.length > 0) {
      fail(
        `messages.${i}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${open.join(', ')}. ` +
          'Each `tool_use` block must have a corresponding `tool_result` block in the next message.',
      );
    }
    const results = idsOf(message, 'tool_result', 'tool_use_id');
    const used = idsOf(messages[i - 1], 'tool_use', 'id');
    const stray = results.findIndex((id) => !used.includes(id));
    if (stray >= 0) {
      fail(
        `messages.${i}.content.${stray}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${results[stray]}. ` +
          'Each `tool_result` block must have a corresponding `tool_use` block in the previous message.',
      );
    }
    if (new Set(results).size < results.length) {
      fail(
        `messages.${i}.content: each tool_use must have a single result. Found multiple \`tool_result\` blocks with id: ${results[0]}`,
      );
    }
  });
}

function checkTools(body: Body): void {
  const { tools, tool_choice: choice } = body;
  const names = new Set<string>();
  if (tools !== undefined && !Array.isArray(tools)) fail('tools: Input should be a valid list');
  (tools ?? []).forEach((tool: unknown, i: number) => {
    const path = `tools.${i}.custom`;
    if (!isBody(tool)) fail(`tools.${i}: Input should be a valid dictionary`);
    fields(tool, TOOL_FIELDS, path);
    if (!/^[a-zA-Z0-9_-]{1,128}$/.test(String(tool.name))) {
      fail(`${path}.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`);
    }
    if (!isBody(tool.input_schema)) fail(`${path}.input_schema: Input should be a valid dictionary`);
    if (tool.input_schema.type === undefined) fail(`${path}.input_schema.type: Field required`);
    if (tool.input_schema.type !== 'object') fail(`${path}.input_schema.type: Input should be 'object'`);
    if (names.has(String(tool.name))) fail('tools: Tool names must be unique.');
    names.add(String(tool.name));
  });
  if (choice === undefined) return;
  if (names.size === 0) fail('tool_choice: tool_choice may only be specified while providing tools');
  if (!isBody(choice)) fail('tool_choice: Input should be a valid dictionary');
  const type = String(choice.type);
  if (!['auto', 'any', 'tool', 'none'].includes(type)) {
    fail(
      `tool_choice: Input tag '${type}' found using 'type' does not match any of the expected tags: 'auto', 'any', 'tool', 'none'`,
    );
  }
  fields(
    choice,
    type === 'tool' ? ['name!', 'disable_parallel_tool_use'] : type === 'none' ? [] : ['disable_parallel_tool_use'],
    `tool_choice.${type}`,
  );
  if (type === 'tool' && !names.has(String(choice.name))) {
    fail(`tool_choice: tool '${String(choice.name)}' not found in provided tools`);
  }
}

function checkThinking(body: Body, messages: readonly Body[], maxTokens: number): void {
  const { thinking, tool_choice: choice } = body;
  if (thinking === undefined) return;
  if (!isBody(thinking)) fail('thinking: Input should be a valid dictionary');
  if (thinking.type === 'disabled') return;
  if (thinking.type === 'enabled') {
    fields(thinking, ['budget_tokens!', 'display'], 'thinking.enabled');
    const budget = whole(thinking.budget_tokens, 'thinking.enabled.budget_tokens', 1_024);
    if (maxTokens <= budget) fail('`max_tokens` must be greater than `thinking.budget_tokens`.');
  } else if (thinking.type !== 'adaptive') {
    fail(
      "thinking: Input tag found using 'type' does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'",
    );
  }
  if (body.temperature !== undefined && body.temperature !== 1) {
    fail('`temperature` may only be set to 1 when thinking is enabled.');
  }
  if (isBody(choice) && (choice.type === 'any' || choice.type === 'tool')) {
    fail('Thinking may not be enabled when tool_choice forces tool use.');
  }
  const at = messages.findLastIndex((message) => message.role === 'assistant');
  const content = messages[at]?.content;
  const first = Array.isArray(content) && isBody(content[0]) ? String(content[0].type) : 'thinking';
  if (idsOf(messages[at], 'tool_use', 'id').length > 0 && !first.endsWith('thinking')) {
    fail(
      `messages.${at}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${first}\`. When ` +
        '`thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost ' +
        'set of `tool_use` and `tool_result` blocks).',
    );
  }
}

/** Throws `Invalid`. `signed` gives the signature that this vendor issued for a thinking text. */
export function checkRequest(body: unknown, signed: (thinking: string) => string): { body: Body; messages: Body[] } {
  if (!isBody(body)) fail('Input should be a valid dictionary');
  for (const name of Object.keys(body)) if (!TOP_LEVEL.has(name)) fail(`${name}: Extra inputs are not permitted`);
  if (body.model === undefined) fail('model: Field required');
  if (typeof body.model !== 'string' || body.model === '') fail('model: String should have at least 1 character');
  if (body.max_tokens === undefined) fail('max_tokens: Field required');
  const maxTokens = whole(body.max_tokens, 'max_tokens', 1);
  const messages = checkMessages(body.messages, signed);
  if (body.system !== undefined && typeof body.system !== 'string') {
    if (!Array.isArray(body.system)) fail('system: Input should be a valid list');
    body.system.forEach((block: unknown, i: number) => {
      if (!isBody(block) || block.type !== 'text') fail(`system.${i}.type: Input should be 'text'`);
      fields(block, BLOCKS.text ?? [], `system.${i}`);
      if (block.text === '') fail('system: text content blocks must be non-empty');
    });
  }
  if (body.stream !== undefined && typeof body.stream !== 'boolean') fail('stream: Input should be a valid boolean');
  fraction(body, 'temperature');
  fraction(body, 'top_p');
  if (body.top_k !== undefined) whole(body.top_k, 'top_k', 0);
  const stops = body.stop_sequences;
  if (stops !== undefined && !Array.isArray(stops)) fail('stop_sequences: Input should be a valid list');
  if ((stops ?? []).some((stop: unknown) => typeof stop !== 'string' || stop.trim() === '')) {
    fail('stop_sequences: each stop sequence must contain non-whitespace');
  }
  if (body.metadata !== undefined) {
    if (!isBody(body.metadata)) fail('metadata: Input should be a valid dictionary');
    fields(body.metadata, ['user_id'], 'metadata');
  }
  checkTools(body);
  checkThinking(body, messages, maxTokens);
  return { body, messages };
}
