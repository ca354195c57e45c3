/** A client that hides nothing: what bytes came, in which pieces, and how it ended. */
import assert from 'node:assert/strict';
import { type IncomingHttpHeaders, request } from 'node:http';
import { pause } from '../../support/patience.ts';

export interface Got {
  status: number;
  headers: IncomingHttpHeaders;
  pieces: Buffer[];
  text: string;
  /** `end`: the body is whole. Else why it is not, e.g. `ECONNRESET`, or `left` when this client closed. */
  ended: string;
  ms: number;
}

export interface How {
  method?: string;
  headers?: Record<string, string>;
  /** Close the socket after so many milliseconds. */
  leaveAfterMs?: number;
  /** Close the socket once this text has come. */
  leaveAt?: string;
}

export function send(url: string, body: unknown, how: How = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const pieces: Buffer[] = [];
    let status = 0;
    let headers: IncomingHttpHeaders = {};
    let left = false;
    let over = false;
    const done = (ended: string): void => {
      if (over) return;
      over = true;
      const text = Buffer.concat(pieces).toString('utf8');
      resolve({ status, headers, pieces, text, ended: left ? 'left' : ended, ms: performance.now() - started });
    };
    const leave = (): void => {
      left = true;
      call.destroy();
      done('left');
    };
    const call = request(url, {
      method: how.method ?? 'POST',
      headers: { 'content-type': 'application/json', ...how.headers },
    });
    call.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    call.on('response', (response) => {
      status = response.statusCode ?? 0;
      headers = response.headers;
      let seen = '';
      response.on('data', (piece: Buffer) => {
        pieces.push(piece);
        if (how.leaveAt === undefined) return;
        seen += piece.toString('utf8');
        if (seen.includes(how.leaveAt)) leave();
      });
      response.on('end', () => done(response.complete ? 'end' : 'cut'));
      response.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    });
    if (how.leaveAfterMs !== undefined) void pause(how.leaveAfterMs, () => !over).then(() => over || leave());
    call.on('timeout', () => reject(new Error('timeout')));
    call.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

export interface SseEvent {
  name: string;
  data: string;
}

/** By the letter of the WHATWG rules, but for the tail: an event without its blank line counts at the end of input. */
export function parseSse(text: string): SseEvent[] {
  const events: SseEvent[] = [];
  let name = '';
  let data: string[] = [];
  for (const line of `${text.replace(/^\ufeff/, '')}\n\n`.split(/\r\n|\n|\r/)) {
    if (line === '') {
      if (data.length > 0) events.push({ name, data: data.join('\n') });
      name = '';
      data = [];
      continue;
    }
    if (line.startsWith(':')) continue;
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    if (field === 'event') name = value;
  }
  return events;
}

export interface Chunk {
  id?: string;
  model?: string;
  choices?: {
    delta: {
      content?: string | null;
      reasoning_content?: string;
      tool_calls?: { index: number; id?: string; function?: { name?: string; arguments?: string } }[];
    };
    finish_reason: string | null;
  }[];
  usage?: Record<string, unknown> | null;
  error?: { message: string; type: string; code: string | null };
}

export interface Told {
  chunks: Chunk[];
  text: string;
  reasoning: string;
  args: string;
  finish: string | null;
  done: boolean;
  usage: Chunk['usage'];
}

/** Puts the chunks of a stream together, up to the finish reason. Events that are no JSON are left out. */
export function assemble(text: string): Told {
  const told: Told = { chunks: [], text: '', reasoning: '', args: '', finish: null, done: false, usage: undefined };
  for (const { data } of parseSse(text)) {
    if (data === '[DONE]') {
      told.done = true;
      continue;
    }
    let chunk: Chunk;
    try {
      chunk = JSON.parse(data) as Chunk;
    } catch {
      continue;
    }
    told.chunks.push(chunk);
    if (chunk.usage !== undefined) told.usage = chunk.usage;
    const choice = chunk.choices?.[0];
    if (choice === undefined || told.finish !== null) continue;
    told.text += choice.delta.content ?? '';
    told.reasoning += choice.delta.reasoning_content ?? '';
    for (const call of choice.delta.tool_calls ?? []) told.args += call.function?.arguments ?? '';
    told.finish = choice.finish_reason;
  }
  return told;
}

export interface Completion {
  id: string;
  object: string;
  created: number;
  model: string;
  choices: {
    finish_reason: string;
    message: {
      content: string | null;
      reasoning_content?: string;
      refusal: null;
      tool_calls?: { id: string; type: string; function: { name: string; arguments: string } }[];
    };
  }[];
  usage: {
    prompt_tokens: number;
    completion_tokens: number;
    total_tokens: number;
    prompt_tokens_details: { cached_tokens: number };
    completion_tokens_details: { reasoning_tokens: number };
  };
}

export function ask(text: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { model: 'goblin-sim', messages: [{ role: 'user', content: text }], ...more };
}

export const STREAM = { stream: true, stream_options: { include_usage: true } };

/** An answer in one body; fails with what came instead. */
export async function whole(url: string, body: unknown): Promise<Completion> {
  const got = await send(url, body);
  assert.equal(got.status, 200, got.text);
  return JSON.parse(got.text) as Completion;
}

/** The error of a refusal, in OpenAI's shape. */
export async function refusal(
  url: string,
  body: unknown,
  status = 400,
): Promise<{ message: string; param: string; code: string }> {
  const got = await send(url, body);
  assert.equal(got.status, status, got.text);
  const { error } = JSON.parse(got.text);
  assert.deepEqual(Object.keys(error), ['message', 'type', 'param', 'code']);
  return error;
}

export function choiceOf(completion: Completion): Completion['choices'][0] {
  const first = completion.choices[0];
  assert.ok(first);
  return first;
}
