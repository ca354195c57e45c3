/** What all loopback vendors have in common: the answer that they say, and how they frame it. */
import type { Step } from '../../src/providers/simulator/script.ts';

export interface Said {
  type: string;
  body: string | Buffer;
}

export interface SaidCall {
  id: string;
  name: string;
  /** The JSON text of the arguments, in the pieces in which it is streamed. */
  pieces: readonly string[];
}

export type Finish = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'error';

/** Numbers of tokens, as the vendor reports them: also those that cannot be true. */
export interface Counts {
  input: unknown;
  output: unknown;
}

/** An answer in no vendor's words. */
export interface Answer {
  thoughts?: readonly string[];
  words?: readonly string[];
  calls?: readonly SaidCall[];
  /** Left out: `tool_calls` when there are calls, else `stop`. */
  finish?: Finish;
  /** Left out: `IN` and `OUT`; null: the field is null; `none`: there is no such field. */
  usage?: Counts | null | 'none';
  /** Usage also stands in every event that could hold it. */
  usageEverywhere?: boolean;
  model?: string;
}

export type RefusalKind =
  | 'key'
  | 'rate'
  | 'quota'
  | 'context'
  | 'filter'
  | 'model'
  | 'forbidden'
  | 'invalid'
  | 'broken';

/** The kinds of steps are those of the simulator: `finish` is the vendor's terminal signal. */
export interface Speaker {
  /** What the request asks for, by its path under the base URL and its body; null when it is not one of this dialect. */
  asks(path: string, body: Record<string, unknown>): { model: string; stream: boolean } | null;
  /** Content type of a stream. */
  type: string;
  events(answer: Answer): Step[];
  whole(answer: Answer): Record<string, unknown>;
  /** With which status a refusal comes; left out: this vendor has none of that kind. */
  statuses: Readonly<Partial<Record<RefusalKind, number>>>;
  /** The document of a refusal, in the vendor's words. */
  error(kind: RefusalKind, message?: string): unknown;
}

/** What most have. */
export const STATUSES = {
  key: 401,
  rate: 429,
  quota: 429,
  context: 400,
  filter: 400,
  model: 404,
  forbidden: 403,
  invalid: 400,
  broken: 500,
} as const satisfies Record<RefusalKind, number>;

export const SSE_TYPE = 'text/event-stream';
export const JSON_TYPE = 'application/json';
export const IN = 9;
export const OUT = 4;

export const step = (kind: Step['kind'], bytes: string | Buffer): Step => ({
  kind,
  bytes,
  tokens: kind === 'token' ? 1 : 0,
});

export const dataEvent = (event: unknown): string => `data: ${JSON.stringify(event)}\n\n`;
/** An event whose name is its type. */
export const typedEvent = (event: { type: string; [field: string]: unknown }): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

export const finishOf = (answer: Answer): Finish =>
  answer.finish ?? ((answer.calls ?? []).length > 0 ? 'tool_calls' : 'stop');

/** The field with the usage, ready to be spread into an object. */
export function usageField(answer: Answer, name: string, counts: (usage: Counts) => unknown): Record<string, unknown> {
  if (answer.usage === 'none') return {};
  return { [name]: answer.usage === null ? null : counts(answer.usage ?? { input: IN, output: OUT }) };
}

/** What cannot be added stays as odd as it is. */
export const sum = ({ input, output }: Counts): unknown =>
  typeof input === 'number' && typeof output === 'number' ? input + output : output;

export const textOf = (pieces: readonly string[] | undefined): string => (pieces ?? []).join('');
export const fields = (body: Record<string, unknown>) => ({ model: String(body.model), stream: body.stream === true });

export const streamed = (speaker: Speaker, answer: Answer): Said => ({
  type: speaker.type,
  body: Buffer.concat(speaker.events(answer).map(({ bytes }) => Buffer.from(bytes))),
});
export const unstreamed = (speaker: Speaker, answer: Answer): Said => ({
  type: JSON_TYPE,
  body: JSON.stringify(speaker.whole(answer)),
});
