/** Calls to a server's own API, and what its answers look like to a caller. */
import assert from 'node:assert/strict';
import { eventually } from './server.ts';

/** Anything that has an address: a `Server`, or a note of one. */
export interface Addressed {
  address: string;
}

export type Json = Record<string, unknown>;

export interface Answer<T> {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON; `{}` when it is none. */
  body: T;
}

export interface Receipt {
  request_id: string;
  status: string;
  created_at: string;
  estimated_cost_usd: number | null;
  links: { self: string; result: string; stream: string; cancel: string };
}

export interface UsageView {
  input_tokens: number;
  output_tokens: number;
  cached_input_tokens: number;
  reasoning_tokens: number;
  source: 'reported' | 'estimated';
}

export interface AttemptView {
  attempt: number;
  provider: string;
  model: string;
  status: string;
  started_at: string;
  first_token_ms: number | null;
  latency_ms: number | null;
  usage: UsageView | null;
  cost_usd: number | null;
  error: { code: string; message: string; upstream_status?: number } | null;
  reason: string;
}

export interface RequestView {
  request_id: string;
  status: string;
  task_type: string;
  priority: number;
  model: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  estimated_cost_usd: number | null;
  cost_usd: number | null;
  attempts: AttemptView[];
  error: { code: string; message: string; upstream_status?: number } | null;
}

export interface ResultView {
  request_id: string;
  status: string;
  text: string;
  message: Json & { tool_calls?: { id: string; function: { name: string; arguments: string } }[] };
  finish_reason: string;
  provider: string;
  model: string;
  usage: UsageView;
  cost_usd: number | null;
  price_version: string | null;
  latency_ms: number;
  /** Of an end without success. */
  code: string;
  upstream_status: number | null;
  partial_text: string | null;
}

export interface EventView {
  id: number;
  at: string;
  type: string;
  payload: Json;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  request_id?: string;
  errors?: { path: string; message: string }[];
}

export interface CallOptions {
  method?: string;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  raw?: string | Uint8Array;
  headers?: Record<string, string>;
}

export async function call<T = Json>(server: Addressed, path: string, options: CallOptions = {}): Promise<Answer<T>> {
  const { json, raw, headers = {} } = options;
  const body = json === undefined ? raw : JSON.stringify(json);
  const answer = await fetch(server.address + path, {
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    redirect: 'manual',
    signal: AbortSignal.timeout(90_000),
    ...(body === undefined ? {} : { body: body as string | Uint8Array<ArrayBuffer> }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, body: parsed(text) as T };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

export const post = <T = Json>(
  server: Addressed,
  path: string,
  json: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<T>> => call<T>(server, path, { json, headers });

/** Submits and insists on the 202. */
export async function submit(server: Addressed, body: Json, headers: Record<string, string> = {}): Promise<Receipt> {
  const answer = await post<Receipt>(server, '/mcp/v1/request', body, headers);
  assert.equal(answer.status, 202, answer.text);
  return answer.body;
}

export async function view(server: Addressed, id: string, headers: Record<string, string> = {}): Promise<RequestView> {
  const answer = await call<RequestView>(server, `/mcp/v1/request/${id}`, { headers });
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

/** Waits until the request has ended, whichever way; 200 and 409 are both an answer. */
export async function outcome(
  server: Addressed,
  id: string,
  headers: Record<string, string> = {},
  limitMs = 60_000,
): Promise<Answer<ResultView>> {
  const wait = Math.min(20, Math.ceil(limitMs / 1000));
  return await eventually(
    async () => {
      const answer = await call<ResultView>(server, `/mcp/v1/request/${id}/result?wait=${wait}`, { headers });
      return answer.status === 202 ? null : answer;
    },
    `the end of ${id}`,
    limitMs,
  );
}

/** Waits for the end and insists on success. */
export async function result(server: Addressed, id: string, headers: Record<string, string> = {}): Promise<ResultView> {
  const answer = await outcome(server, id, headers);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

export async function events(server: Addressed, id: string): Promise<EventView[]> {
  const answer = await call<{ items: EventView[] }>(server, `/mcp/v1/request/${id}/events`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body.items;
}

export const cancel = (server: Addressed, id: string, headers: Record<string, string> = {}) =>
  call<{ request_id: string; status: string } & Partial<Problem>>(server, `/mcp/v1/cancel/${id}`, {
    method: 'POST',
    headers,
  });

/** An `application/problem+json` with a status and a code, and nothing of our insides. */
export function isProblem(answer: Answer<unknown>, status: number, code: string): Problem {
  assert.equal(answer.status, status, answer.text);
  const problem = answer.body as Problem;
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
  assert.equal(problem.status, status);
  assert.equal(problem.code, code, answer.text);
  assert.equal(typeof problem.title, 'string');
  assert.equal(typeof problem.type, 'string');
  assert.ok(problem.detail.length > 0, 'the problem says what to change');
  assert.doesNotMatch(answer.text, /node_modules|\.ts:\d+|at async|\bstack\b/i);
  return problem;
}
