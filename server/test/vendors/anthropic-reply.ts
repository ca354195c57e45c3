/** What the Anthropic test vendor says to a checked request. Deterministic, but for its prompt cache. */
import type { Orders } from '../../src/providers/simulator/directives.ts';
import { type Prompt, quote, readPrompt, textOf, tokensOf, wordSource } from '../../src/providers/simulator/prompt.ts';
import { sample } from '../../src/providers/simulator/schema.ts';
import { type Body, isBody } from './anthropic-check.ts';
import { type Block, outputTokens, type Reply } from './anthropic-wire.ts';

/** The conversation in the simulator's terms: tool results are messages of their own, the system prompt comes first. */
export function promptOf(body: Body, messages: readonly Body[]): Prompt {
  const flat: Body[] = body.system === undefined ? [] : [{ role: 'system', content: body.system }];
  for (const message of messages) {
    const blocks: unknown[] = Array.isArray(message.content) ? message.content : [];
    const results = blocks.filter((block): block is Body => isBody(block) && block.type === 'tool_result');
    for (const result of results) flat.push({ role: 'tool', content: result.content ?? '' });
    const rest = blocks.filter((block) => !results.includes(block as Body));
    if (results.length === 0) flat.push(message);
    else if (rest.length > 0) flat.push({ role: message.role, content: rest });
  }
  return readPrompt(flat);
}

export interface Cache {
  /** Whether this text was cached before; it is from now on. */
  seen(text: string): boolean;
}

export function createCache(): Cache {
  const texts = new Set<string>();
  return {
    seen(text) {
      const known = texts.has(text);
      texts.add(text);
      return known;
    },
  };
}

/** Who marks something with `cache_control` pays for writing the system prompt once, and less from then on. */
function inputUsage(body: Body, prompt: Prompt, cache: Cache): Reply['input'] {
  const total = Math.max(1, Math.ceil(prompt.textBytes / 4));
  const json = JSON.stringify(body);
  if (!json.includes('"cache_control"')) {
    return { input_tokens: total, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  }
  const kept = JSON.stringify([body.system ?? null, body.tools ?? null]);
  const size = Math.min(total - 1, Math.max(1, Math.ceil(Buffer.byteLength(textOf(body.system)) / 4)));
  const read = cache.seen(kept);
  return {
    input_tokens: total - size,
    cache_creation_input_tokens: read ? 0 : size,
    cache_read_input_tokens: read ? size : 0,
  };
}

function toolBlocks(body: Body, prompt: Prompt, words: () => string): Block[] {
  const tools = Array.isArray(body.tools) ? body.tools.filter(isBody) : [];
  const choice = isBody(body.tool_choice) ? body.tool_choice : { type: 'auto' };
  let called = prompt.toolResult === null ? tools.filter(({ name }) => prompt.lastUser.includes(`call ${name}`)) : [];
  if (choice.type === 'none') called = [];
  if (choice.type === 'any') called = tools.slice(0, 1);
  if (choice.type === 'tool') called = tools.filter(({ name }) => name === choice.name);
  if (choice.disable_parallel_tool_use === true) called = called.slice(0, 1);
  return called.map((tool, i) => ({
    type: 'tool_use',
    id: `toolu_01${prompt.digest.slice(i, i + 22)}`,
    name: String(tool.name),
    tokens: JSON.stringify(sample(tool.input_schema, words)).match(/[\s\S]{1,5}/gu) ?? [],
  }));
}

function textTokens(prompt: Prompt, wished: number, words: () => string): string[] {
  const said: string[] = [];
  if (prompt.images > 0) said.push(`I received ${prompt.images} ${prompt.images === 1 ? 'image' : 'images'}.`);
  if (prompt.toolResult !== null) said.push(`The tool answered: "${quote(prompt.toolResult)}".`);
  if (prompt.lastUser !== '') said.push(`You wrote: "${quote(prompt.lastUser)}".`);
  const tokens = tokensOf(said.join(' '));
  while (tokens.length < wished) tokens.push(tokens.length === 0 ? words().trimStart() : words());
  tokens.length = wished;
  const text = tokens.join('');
  return prompt.prefix !== '' && text.startsWith(prompt.prefix) ? tokensOf(text.slice(prompt.prefix.length)) : tokens;
}

export function replyTo(
  body: Body,
  prompt: Prompt,
  orders: Orders,
  cache: Cache,
  sign: (thinking: string) => string,
): Reply {
  const words = wordSource(prompt.digest);
  const blocks: Block[] = [];
  const thinking = isBody(body.thinking) && body.thinking.type !== 'disabled';
  const thoughts = orders.reasoning ?? (thinking ? 8 : 0);
  if (thinking && thoughts > 0) {
    const tokens = Array.from({ length: thoughts }, (_none, i) => (i === 0 ? words().trimStart() : words()));
    blocks.push({ type: 'thinking', tokens, signature: sign(tokens.join('')) });
  }
  const called = toolBlocks(body, prompt, words);
  if (called.length > 0) blocks.push(...called);
  else blocks.push({ type: 'text', tokens: textTokens(prompt, orders.tokens ?? 30, words) });
  const input = inputUsage(body, prompt, cache);
  const reply: Reply = {
    id: `msg_01${prompt.digest.slice(0, 22)}`,
    model: String(body.model).split('?', 1)[0] ?? '',
    blocks,
    stopReason: called.length > 0 ? 'tool_use' : 'end_turn',
    stopSequence: null,
    usage: undefined,
    input,
  };
  applyStops(reply, Array.isArray(body.stop_sequences) ? body.stop_sequences.map(String) : []);
  applyLimit(reply, Number(body.max_tokens), sign);
  if (orders.cached !== undefined) input.cache_read_input_tokens = orders.cached;
  reply.usage = { ...input, output_tokens: outputTokens(reply.blocks) };
  return reply;
}

function applyStops(reply: Reply, stops: readonly string[]): void {
  const block = reply.blocks.at(-1);
  if (block?.type !== 'text') return;
  const text = block.tokens.join('');
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at < 0) continue;
    block.tokens = tokensOf(text.slice(0, at));
    reply.stopReason = 'stop_sequence';
    reply.stopSequence = stop;
    return;
  }
}

function applyLimit(reply: Reply, limit: number, sign: (thinking: string) => string): void {
  if (outputTokens(reply.blocks) <= limit) return;
  let left = limit;
  reply.stopReason = 'max_tokens';
  reply.stopSequence = null;
  reply.blocks = reply.blocks.filter((block) => {
    block.tokens = block.tokens.slice(0, left);
    left -= block.tokens.length;
    if (block.type === 'thinking') block.signature = sign(block.tokens.join(''));
    return block.tokens.length > 0;
  });
}
