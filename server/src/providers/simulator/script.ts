/**
 * What the simulator is about to send, as data: faults rewrite it, the player sends it. Knows no dialect, so the
 * test vendors of other wires use it too.
 */
export interface Step {
  /** `open` comes before the first token, `finish` is the vendor's terminal signal, `done` what follows it. */
  kind: 'open' | 'token' | 'finish' | 'usage' | 'done' | 'other';
  bytes: string | Buffer;
  /** Tokens that the client has once these bytes are out. */
  tokens: number;
  /** Pause before this step, on top of the speed. Milliseconds. */
  waitMs?: number;
  /** Usage that these bytes report, for the journal. */
  usage?: unknown;
}

export interface Script {
  status: number;
  /** Null: not even headers are sent. */
  headers: [string, string][] | null;
  /** Headers go out at once, before the first token is due. */
  early: boolean;
  /** The body is a stream of events, not one JSON text. */
  stream: boolean;
  steps: Step[];
  /** How it ends: properly, by a closed socket, by a reset, or not at all. */
  ending: 'end' | 'cut' | 'reset' | 'hang';
  /** Each step is a write of its own. */
  apart: boolean;
  /** Sent again and again until the client leaves. */
  repeat?: { bytes: string; everyMs: number };
  /** Announced length of the body in bytes. */
  length?: number;
}

/** What only the dialect can word. */
export interface Voice {
  /** Error events in mid-stream: recognisable by their content, or only by their name. */
  streamError: string;
  namedError: string;
  /** A complete event that is not JSON. */
  badEvent: string;
  /** Text where no text may come any more. */
  lateText: string;
  /** A field before which the JSON of an event can be broken into two lines. */
  breakBefore: string;
  refusal(status: number, kind: Refusal): { headers: [string, string][]; body: string };
}

export type Refusal = 'plain' | 'quota' | 'context' | 'filter' | 'rate';

export function bytesOf(steps: readonly Step[]): number {
  let total = 0;
  for (const step of steps) total += Buffer.byteLength(step.bytes);
  return total;
}

/** A body of one piece. */
export function plainScript(status: number, type: string | null, body: string, headers: [string, string][]): Script {
  const all: [string, string][] = [...headers];
  if (type !== null) all.push(['content-type', type]);
  return {
    status,
    headers: all,
    early: false,
    stream: false,
    steps: [{ kind: 'finish', bytes: body, tokens: 0 }],
    ending: 'end',
    apart: false,
    length: Buffer.byteLength(body),
  };
}

/** Cuts a JSON body into as many pieces as it has tokens, so that faults can count in it. */
export function piecesOf(body: string, tokens: number, usage: unknown): Step[] {
  const pieces = tokens + 2;
  const size = Math.max(1, Math.ceil(body.length / pieces));
  const steps: Step[] = [];
  for (let at = 0, i = 0; at < body.length; at += size, i++) {
    const last = at + size >= body.length;
    const kind = i === 0 && !last ? 'open' : last ? 'finish' : 'token';
    steps.push({ kind, bytes: body.slice(at, at + size), tokens: kind === 'token' ? 1 : 0 });
  }
  const end = steps.at(-1);
  if (end !== undefined) end.usage = usage;
  return steps;
}
