/**
 * The simulator's faults on the bytes of a real vendor. Those that come in place of an answer, and those before it, make
 * no call at all; those in its midst make one, and count the events that say something.
 */

import type { Dialect, FrameParser, Framing } from '../contract/dialect.ts';
import { isVisible, type ProviderFailure } from '../contract/part.ts';
import type { Quirks } from '../contract/quirks.ts';
import { createFrameParser } from '../dialects/frames.ts';
import type { Upstream, UpstreamHandler } from '../providers/exchange.ts';
import { OPENAI_VOICE } from '../providers/simulator/errors.ts';
import type { Fault, FaultName } from '../providers/simulator/faults.ts';
import { statusScript } from '../providers/simulator/twist-status.ts';

/** `instead`: another response. `silent`: none that is of use. `amid`: the vendor's own, broken. `text`: only where events are text. */
const DRILLED: Partial<Record<FaultName, 'instead' | 'silent' | 'amid' | 'text'>> = {
  'html-200': 'instead',
  'error-200': 'instead',
  'status-N': 'instead',
  quota: 'instead',
  'retry-after-N': 'instead',
  'retry-after-ms-N': 'instead',
  'retry-after-date': 'instead',
  'ratelimit-reset': 'instead',
  'context-too-long': 'instead',
  'content-filter': 'instead',
  'redirect-302': 'instead',
  'empty-200': 'silent',
  'no-headers': 'silent',
  'no-first-token': 'silent',
  reset: 'silent',
  'cut-after-N': 'amid',
  'end-after-N': 'amid',
  'stall-after-N': 'amid',
  'cut-in-json': 'amid',
  'error-after-N': 'text',
  'event-error-after-N': 'text',
  'bad-json-after-N': 'text',
};

/** Names of faults that a drill can commit on a vendor of this framing. */
export const drillFaults = (framing: Framing): string[] =>
  Object.entries(DRILLED).flatMap(([name, kind]) => (kind === 'text' && framing === 'aws-eventstream' ? [] : [name]));

export const canDrill = (fault: Fault, framing: Framing): boolean => drillFaults(framing).includes(fault.name);

/** Whether the vendor is called. */
export const callsVendor = (fault: Fault): boolean => {
  const kind = DRILLED[fault.name];
  return kind === 'amid' || kind === 'text';
};

const RESET: ProviderFailure = { code: 'upstream_unreachable', detail: 'connection reset (fire drill)' };
const CUT: ProviderFailure = { code: 'upstream_unreachable', detail: 'connection closed (fire drill)' };
/** After how much an answer breaks inside its JSON. Events, of which each usually is a token. */
const SOME = 3;
/** Bytes of a whole body that stand for a token. */
const TOKEN_BYTES = 4;

/** A response that no vendor sent. */
export function sham(fault: Fault, framing: Framing, handler: UpstreamHandler): Upstream {
  let over = false;
  setImmediate(() => {
    if (over) return;
    over = true;
    if (fault.name === 'reset') handler.error(RESET, true);
    else if (fault.name === 'empty-200') {
      handler.head(200, {});
      handler.end();
    } else if (fault.name === 'no-first-token') handler.head(200, {});
    else if (fault.name !== 'no-headers') respond(fault, framing, handler);
  });
  const abort = (): void => {
    over = true;
  };
  return { begun: false, pause() {}, resume() {}, abort };
}

function respond(fault: Fault, framing: Framing, handler: UpstreamHandler): void {
  const script = statusScript(fault, OPENAI_VOICE, '/drill');
  const body = script?.steps.map(({ bytes }) => bytes.toString()).join('') ?? '';
  handler.head(script?.status ?? 500, Object.fromEntries(script?.headers ?? []));
  handler.data(Buffer.from(inShape(body, framing)));
  handler.end();
}

/** A line is an event to some dialects; Bedrock has its message on the outside. */
function inShape(body: string, framing: Framing): string {
  try {
    const document = JSON.parse(body) as { error?: { message?: string } };
    const bare = framing === 'aws-eventstream' && document.error !== undefined;
    return JSON.stringify(bare ? { message: document.error?.message } : document);
  } catch {
    return body;
  }
}

export interface Victim {
  dialect: Dialect;
  quirks: Quirks;
  /** Whether the vendor was asked for a stream. */
  stream: boolean;
}

/** Stands between the vendor and who reads it. `stop` closes the vendor's socket. */
export function breaking(fault: Fault, victim: Victim, handler: UpstreamHandler, stop: () => void): UpstreamHandler {
  return victim.stream ? breakStream(fault, victim, handler, stop) : breakWhole(fault, victim, handler);
}

function breakStream(fault: Fault, victim: Victim, handler: UpstreamHandler, stop: () => void): UpstreamHandler {
  const { dialect } = victim;
  const after = fault.name === 'cut-in-json' ? SOME : fault.n;
  const decoder = dialect.vendor.decoder(victim.quirks);
  let good = false;
  let over = false;
  /** Not a stream of events: it passes as it is. */
  let strange = false;
  let said = 0;
  let speaks = false;
  let ends = false;
  let whole = false;
  let held: Buffer[] = [];
  const parser: FrameParser = createFrameParser(dialect.framing, (event) => {
    whole = true;
    for (const part of decoder.push(event)) {
      if (isVisible(part)) speaks = true;
      else if (part.type === 'finish') ends = true;
    }
  });

  function event(bytes: Buffer): void {
    // Never behind the terminal signal, whatever was wished: a fault that nobody notices is none.
    if (ends || (speaks && said >= after)) {
      over = true;
      commit(fault, dialect.framing, bytes, handler);
      stop();
      return;
    }
    if (speaks) said++;
    speaks = false;
    handler.data(bytes);
  }

  function push(slice: Buffer): void {
    held.push(slice);
    whole = false;
    try {
      parser.push(slice);
    } catch {
      strange = true;
    }
    if (!whole && !strange) return;
    const bytes = Buffer.concat(held);
    held = [];
    if (strange) handler.data(bytes);
    else event(bytes);
  }

  return {
    head(status, headers) {
      good = status >= 200 && status < 300;
      handler.head(status, headers);
    },
    data(chunk) {
      if (!good) handler.data(chunk);
      else for (const slice of slices(chunk, dialect.framing)) if (!over) push(slice);
    },
    end() {
      if (over) return;
      if (held.length > 0) handler.data(Buffer.concat(held));
      handler.end();
    },
    error(failure, sent) {
      if (!over) handler.error(failure, sent);
    },
  };
}

/** So that an event ends where a slice ends. */
function* slices(chunk: Buffer, framing: Framing): Generator<Buffer> {
  if (framing === 'aws-eventstream') {
    for (let at = 0; at < chunk.length; at++) yield chunk.subarray(at, at + 1);
    return;
  }
  for (let at = 0; at < chunk.length; ) {
    const eol = chunk.indexOf(0x0a, at);
    const end = eol === -1 ? chunk.length : eol + 1;
    yield chunk.subarray(at, end);
    at = end;
  }
}

/** `bytes`: the event that the reader will not get. */
function commit({ name }: Fault, framing: Framing, bytes: Buffer, handler: UpstreamHandler): void {
  switch (name) {
    case 'cut-after-N':
      handler.error(CUT, true);
      return;
    case 'stall-after-N':
      return;
    case 'error-after-N':
    case 'event-error-after-N':
      handler.data(Buffer.from(errorEvent(framing, name === 'event-error-after-N')));
      break;
    case 'bad-json-after-N':
      handler.data(Buffer.from(framing === 'sse' ? 'data: {"broken":oops}\n\n' : '{"broken":oops}\n'));
      break;
    case 'cut-in-json':
      handler.data(bytes.subarray(0, bytes.length >> 1));
      break;
    default:
  }
  handler.end();
}

function errorEvent(framing: Framing, named: boolean): string {
  const said = JSON.stringify({ type: 'error', error: { type: 'server_error', message: 'fire drill' } });
  return framing === 'sse' ? `${named ? 'event: error\n' : ''}data: ${said}\n\n` : `${said}\n`;
}

/** A body that comes in one piece is known whole before it is broken. */
function breakWhole(fault: Fault, { dialect }: Victim, handler: UpstreamHandler): UpstreamHandler {
  let head: Parameters<UpstreamHandler['head']> | null = null;
  const chunks: Buffer[] = [];
  return {
    head(status, headers) {
      head = [status, headers];
      if (status < 200 || status >= 300) handler.head(status, headers);
    },
    data(chunk) {
      if (head && (head[0] < 200 || head[0] >= 300)) handler.data(chunk);
      else chunks.push(chunk);
    },
    end() {
      if (!head || head[0] < 200 || head[0] >= 300) handler.end();
      else breakBody(fault, dialect.framing, head, Buffer.concat(chunks), handler);
    },
    error: handler.error,
  };
}

function breakBody(
  fault: Fault,
  framing: Framing,
  [status, headers]: Parameters<UpstreamHandler['head']>,
  body: Buffer,
  handler: UpstreamHandler,
): void {
  const { name, n } = fault;
  // Before a body has begun, a vendor answers with an error status.
  if (name === 'error-after-N' || name === 'event-error-after-N') {
    respond({ ...fault, name: 'status-N', n: 500 }, framing, handler);
    return;
  }
  const some = name === 'cut-in-json' ? body.length >> 1 : n * TOKEN_BYTES;
  const kept = body.subarray(0, Math.max(0, Math.min(some, body.length - 1)));
  handler.head(status, headers);
  if (name === 'bad-json-after-N') {
    // Behind its first bracket: in the middle of a text it would be words.
    handler.data(Buffer.concat([body.subarray(0, 1), Buffer.from(' oops '), body.subarray(1)]));
  } else if (kept.length > 0) handler.data(kept);
  if (name === 'cut-after-N') handler.error(CUT, true);
  else if (name !== 'stall-after-N') handler.end();
}
