/** What all loopback vendors have in common: their shape, and how they frame what they say. */
export interface Said {
  type: string;
  body: string | Buffer;
}

export interface Speaker {
  /** What the request asks for, by its path under the base URL and its body; null when it is not one of this dialect. */
  asks(path: string, body: Record<string, unknown>): { model: string; stream: boolean } | null;
  stream(words: readonly string[]): Said;
  whole(words: readonly string[]): Said;
  refusal(message: string): string;
}

const SSE = 'text/event-stream';
export const JSON_TYPE = 'application/json';
export const IN = 9;
export const OUT = 4;

export const data = (events: readonly unknown[]): string =>
  events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
export const named = (events: readonly (readonly [string, unknown])[]): string =>
  events.map(([name, event]) => `event: ${name}\ndata: ${JSON.stringify(event)}\n\n`).join('');
export const sse = (body: string): Said => ({ type: SSE, body });
export const json = (value: unknown): Said => ({ type: JSON_TYPE, body: JSON.stringify(value) });
export const fields = (body: Record<string, unknown>) => ({ model: String(body.model), stream: body.stream === true });
