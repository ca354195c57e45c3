/** The ways in which a caller meets a vendor's fault, and what he sees of it. */
import assert from 'node:assert/strict';
import type { DialectName } from '../../src/contract/call.ts';
import { type AttemptView, call, type Json, outcome, type RequestView, submit } from '../support/api.ts';
import { eventually, type Server } from '../support/server.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
import type { FaultRow, Wire } from './row.ts';
import { caseId } from './vendor.ts';

/**
 * - `streamed`: the OpenAI door, streamed; no other target, mode `fail`.
 * - `pair`: the same with another target, in the door's own mode (`continue`).
 * - `whole`: the OpenAI door, not streamed; no other target.
 * - `detached`: submitted, with another target, in its own mode (`restart`).
 */
export type Way = 'streamed' | 'pair' | 'whole' | 'detached';
export const WAYS: readonly Way[] = ['streamed', 'pair', 'whole', 'detached'];

export interface Seen {
  /** HTTP status; of a detached request that of its result. */
  status: number;
  /** Null: it ended as a success. */
  code: string | null;
  /** What the caller was shown, at the end of it. */
  text: string;
  reasoning: string;
  /** Arguments of the first tool call. */
  call: string | null;
  /** It is marked as one that nobody can execute; left out: there is no place for the mark. */
  invalid?: boolean;
  finish: string | null;
  usageSource: string | null;
  restarts: number;
  attempts: readonly AttemptView[];
  /** From the call to its end, milliseconds. */
  ms: number;
}

/** A name that the dialect takes for one of its own. */
const MODELS: Partial<Record<DialectName, string>> = {
  gemini: 'gemini-2.5-flash',
  bedrock: 'amazon.nova-lite-v1:0',
  anthropic: 'claude-sonnet-5',
  cohere: 'command-a-03-2025',
};
export const modelFor = (dialect: DialectName): string => MODELS[dialect] ?? 'm-1';

export const SECOND_MODEL = 'second-1';
export const providerFor = (row: FaultRow, { dialect }: Wire, way: Way): string =>
  row.gone ? `gone-${dialect}` : row.sticks ? `f-${dialect}-${row.name}-${way}` : `f-${dialect}`;
export const pairFor = (provider: string): string => `pair-${provider}`;

interface Chunk {
  choices?: {
    delta?: { content?: string; reasoning_content?: string; tool_calls?: { function?: { arguments?: string } }[] };
    message?: {
      content?: string | null;
      reasoning_content?: string;
      tool_calls?: { function: { arguments: string }; invalid_arguments?: true }[];
    };
    finish_reason?: string | null;
  }[];
  error?: { code: string; message: string };
  x_mcp?: { request_id: string };
}

/** Asks for one case. */
export async function ask(server: Server, row: FaultRow, wire: Wire, way: Way): Promise<Seen> {
  const id = caseId(row.name, wire.dialect, way);
  const provider = providerFor(row, wire, way);
  const pair = way === 'pair' || way === 'detached';
  const model = pair ? pairFor(provider) : `${provider}/${modelFor(wire.dialect)}`;
  const prompt = `Say something about case:${id}: please.`;
  const began = performance.now();
  return way === 'detached'
    ? await detached(server, { prompt, model, ...(row.deadlineMs ? { deadline_ms: row.deadlineMs } : {}) }, began)
    : await atDoor(server, model, prompt, way, row, began);
}

async function atDoor(
  server: Server,
  model: string,
  prompt: string,
  way: Way,
  row: FaultRow,
  began: number,
): Promise<Seen> {
  const stream = way !== 'whole';
  const answer = await call<Chunk>(server, '/v1/chat/completions', {
    json: { model, stream, messages: [{ role: 'user', content: prompt }] },
    headers: {
      ...(way === 'pair' ? {} : { 'x-mcp-failover': 'fail' }),
      ...(row.deadlineMs ? { 'x-mcp-deadline-ms': String(row.deadlineMs) } : {}),
    },
  });
  const ms = performance.now() - began;
  const { status, headers, body, text } = answer;
  const id = headers.get('x-mcp-request-id');
  const chunks = status === 200 && stream ? readEvents(text) : [body];
  const said = partsOf(chunks);
  const error = chunks.find((chunk) => chunk.error)?.error ?? null;
  if (status !== 200) assert.ok(error, `an error without words: ${text}`);
  if (status === 200 && stream) {
    assert.equal(text.endsWith('data: [DONE]\n\n'), error === null, 'either an error or [DONE]');
    if (error) assert.ok(chunks.at(-1)?.error, 'the error is last');
  }
  assert.doesNotMatch(text, /<html|Gateway Time-out|uptime/i, "a vendor's page");
  const view = id === null ? null : await ended(server, id);
  if (error === null) assert.equal(view?.status, 'succeeded', 'the record says the same');
  const [kept] = chunks[0]?.choices?.[0]?.message?.tool_calls ?? [];
  return {
    ...said,
    status,
    code: error?.code ?? null,
    usageSource: view?.attempts.at(-1)?.usage?.source ?? null,
    restarts: 0,
    attempts: view?.attempts ?? [],
    ms,
    ...(kept ? { invalid: kept.invalid_arguments === true } : {}),
  };
}

function readEvents(text: string): Chunk[] {
  const chunks: Chunk[] = [];
  for (const block of text.split('\n\n')) {
    if (block === '' || block.startsWith(':') || block === 'data: [DONE]') continue;
    assert.ok(block.startsWith('data: {'), `an odd event: ${block}`);
    const chunk = JSON.parse(block.slice('data: '.length)) as Chunk;
    assert.ok(chunk.error || chunk.choices, 'every chunk has choices');
    chunks.push(chunk);
  }
  return chunks;
}

function partsOf(chunks: readonly Chunk[]): Pick<Seen, 'text' | 'reasoning' | 'call' | 'finish'> {
  const choices = chunks.flatMap((chunk) => chunk.choices ?? []);
  const said = choices.map((choice) => choice.delta ?? choice.message ?? {});
  const calls = said.flatMap((one) => one.tool_calls ?? []);
  return {
    text: said.map((one) => one.content ?? '').join(''),
    reasoning: said.map((one) => one.reasoning_content ?? '').join(''),
    call: calls.length === 0 ? null : calls.map((one) => one.function?.arguments ?? '').join(''),
    finish: choices.map((choice) => choice.finish_reason).find(Boolean) ?? null,
  };
}

/** The record of a request, once nothing of it runs any more. */
async function ended(server: Server, id: string): Promise<RequestView> {
  return await eventually(
    async () => {
      const { status, body } = await call<RequestView>(server, `/mcp/v1/request/${id}`);
      const running =
        ['queued', 'running'].includes(body.status) || body.attempts.some((one) => one.status === 'running');
      return status === 200 && !running ? body : null;
    },
    `the record of ${id}`,
    30_000,
  );
}

async function detached(server: Server, body: Json, began: number): Promise<Seen> {
  const { request_id: id } = await submit(server, body);
  const frames = await readAll(openSse(server, id));
  const ms = performance.now() - began;
  const end = checkFrames(frames);
  const answer = await outcome(server, id);
  const view = await ended(server, id);
  const ok = end.status === 'succeeded';
  assert.equal(answer.status, ok ? 200 : 409);
  assert.equal(answer.body.status, view.status);
  const text = textOf(frames);
  const stored = ok ? answer.body.text : (answer.body.partial_text ?? '');
  assert.equal(text, stored, 'what readers saw is what is kept');
  const from = frames.findLastIndex((frame) => frame.type === 'restart') + 1;
  const shown = frames.slice(from);
  const calls = shown.filter((frame) => frame.type === 'tool_call');
  const [kept] = ok ? (answer.body.message.tool_calls ?? []) : [];
  return {
    status: answer.status,
    code: ok ? null : String(answer.body.code),
    text,
    reasoning: shown.map((frame) => (frame.type === 'reasoning' ? String(frame.text) : '')).join(''),
    call: calls.length === 0 ? null : calls.map((frame) => String(frame.arguments)).join(''),
    finish: ok ? answer.body.finish_reason : null,
    usageSource: ok ? answer.body.usage.source : null,
    restarts: frames.filter((frame) => frame.type === 'restart').length,
    attempts: view.attempts,
    ms,
    ...(kept ? { invalid: (kept as { invalid_arguments?: boolean }).invalid_arguments === true } : {}),
  };
}
