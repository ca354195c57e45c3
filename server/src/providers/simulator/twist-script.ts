/** Faults in how an answer is sent: they rewrite the script. Each works on streams and on JSON bodies alike. */
import type { Fault, FaultName } from './faults.ts';
import { bytesOf, plainScript, type Script, type Step, type Voice } from './script.ts';

type Twist = (script: Script, n: number, voice: Voice) => void;

/** Comments come faster than any sane idle clock, so that only data may wind it up. */
const COMMENT_EVERY_MS = 50;
const COMMENT = ': keep-alive\n\n';

const other = (bytes: string): Step => ({ kind: 'other', bytes, tokens: 0 });

/** How many steps hold the first `n` tokens, and all that comes before the next one. */
function stepsOfTokens(steps: readonly Step[], n: number): number {
  let tokens = 0;
  for (const [i, step] of steps.entries()) {
    // More tokens wished than there are: everything but the terminal signal.
    if (step.kind === 'finish' || (step.tokens > 0 && tokens >= n)) return i;
    tokens += step.tokens;
  }
  return steps.length;
}

function stopAfter(script: Script, n: number, ending: Script['ending'], last?: string): void {
  script.steps.length = stepsOfTokens(script.steps, n);
  if (last !== undefined) script.steps.push(other(last));
  script.ending = ending;
}

/** Changes the text of each event of a stream; JSON bodies have none and stay. */
function eachEvent(script: Script, change: (text: string, i: number) => string): void {
  if (!script.stream) return;
  script.steps.forEach((step, i) => {
    if (typeof step.bytes === 'string') step.bytes = change(step.bytes, i);
  });
}

function tokensIn(script: Script): number {
  return script.steps.reduce((sum, step) => sum + step.tokens, 0);
}

function retype(script: Script, type: string | null): void {
  const rest = (script.headers ?? []).filter(([name]) => name !== 'content-type');
  script.headers = type === null ? rest : [...rest, ['content-type', type]];
}

/** All bytes in pieces; where the pieces end is up to `ends`. */
function slice(script: Script, ends: (bytes: Buffer, at: number) => number): void {
  script.apart = true;
  script.steps = script.steps.flatMap((step) => {
    const bytes = Buffer.from(step.bytes);
    const pieces: Step[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = Math.max(at + 1, Math.min(bytes.length, ends(bytes, at)));
      pieces.push({ kind: 'other', bytes: bytes.subarray(at, end), tokens: 0 });
      at = end;
    }
    // A token is sent when its last byte is.
    const last = pieces.at(-1);
    if (last !== undefined) pieces[pieces.length - 1] = { ...step, bytes: last.bytes };
    return pieces;
  });
}

/** The whole body in pieces of the same size, whatever the events are. */
function trickle(script: Script, size: number, waitMs: number): void {
  const pieces: Step[] = [];
  let held: Buffer = Buffer.alloc(0);
  let tokens = 0;
  let usage: unknown;
  const cut = (length: number): void => {
    const piece: Step = { kind: 'other', bytes: held.subarray(0, length), tokens };
    if (pieces.length > 0) piece.waitMs = waitMs;
    if (usage !== undefined) piece.usage = usage;
    pieces.push(piece);
    held = held.subarray(length);
    tokens = 0;
    usage = undefined;
  };
  for (const step of script.steps) {
    held = Buffer.concat([held, Buffer.from(step.bytes)]);
    while (held.length > size) cut(size);
    tokens += step.tokens;
    usage = step.usage ?? usage;
  }
  if (held.length > 0) cut(held.length);
  script.apart = true;
  script.steps = pieces;
}

export const SCRIPT_TWISTS: Partial<Record<FaultName, Twist>> = {
  'cut-after-N': (script, n) => stopAfter(script, n, 'cut'),
  'end-after-N': (script, n) => stopAfter(script, n, 'end'),
  'stall-after-N': (script, n) => stopAfter(script, n, 'hang'),
  'error-after-N': (script, n, voice) => failAfter(script, n, voice, voice.streamError),
  'event-error-after-N': (script, n, voice) => failAfter(script, n, voice, voice.namedError),
  'bad-json-after-N': (script, n, voice) => {
    const at = stepsOfTokens(script.steps, n);
    script.steps.splice(at, 0, other(script.stream ? voice.badEvent : ' oops '));
  },
  'cut-in-json': (script) => {
    const at = stepsOfTokens(script.steps, Math.floor(tokensIn(script) / 2));
    const next = script.steps[at]?.bytes.toString() ?? '';
    stopAfter(script, Math.floor(tokensIn(script) / 2), 'end', next.slice(0, next.length >> 1));
  },
  'done-only': (script) => {
    const done = script.steps.filter((step) => step.kind === 'done');
    script.steps = done.length > 0 ? done : [other('{}')];
  },
  'empty-200': (script) => {
    script.steps = [];
    script.length = 0;
  },
  'no-blank-line': (script) => {
    script.steps = script.steps.filter((step) => step.kind !== 'usage' && step.kind !== 'done');
    const last = script.steps.at(-1);
    if (last !== undefined) last.bytes = last.bytes.toString().trimEnd();
  },
  'no-done': (script) => {
    script.steps = script.steps.filter((step) => step.kind !== 'done');
  },
  'mega-line': (script, n, voice) => {
    const filler = 'x'.repeat(65_536);
    const count = 16 * Math.min(n, 1_024);
    const line = Array.from({ length: count }, () => other(script.stream ? filler : ' '.repeat(65_536)));
    if (script.stream) {
      const [start, end] = voice.lateText.split(' LATE');
      line.unshift(other(start ?? ''));
      line.push(other(end ?? ''));
    }
    script.steps.splice(stepsOfTokens(script.steps, 2), 0, ...line);
  },
  'slice-bytes': (script) => slice(script, (_bytes, at) => at + 1),
  'slice-utf8': (script) =>
    slice(script, (bytes, at) => {
      // The first byte of a longer character has its two highest bits set: end right behind it.
      for (let i = at; i < bytes.length; i++) if ((bytes[i] ?? 0) >= 0xc0) return i + 1;
      return bytes.length;
    }),
  crlf: (script) => eachEvent(script, (text) => text.replaceAll('\n', '\r\n')),
  cr: (script) => eachEvent(script, (text) => text.replaceAll('\n', '\r')),
  bom: (script) => {
    script.steps.unshift(other('\ufeff'));
  },
  'comments-between': (script) =>
    eachEvent(script, (text, i) => (i % 2 === 0 ? COMMENT + text : `:\n${text.replace(/\n$/, ': inside\n\n')}`)),
  'multiline-data': (script, _n, voice) =>
    eachEvent(script, (text) => text.replace(voice.breakBefore, `\ndata: ${voice.breakBefore}`)),
  'unknown-events': (script) =>
    eachEvent(script, (text, i) => {
      const strange = [
        'event: vendor.notice\ndata: {"type":"vendor.notice","note":"hello"}\n\n',
        'id: 7\nretry: 3000\nfield-of-the-future: yes\n\n',
        'event: empty\n\n',
      ];
      return (strange[i % strange.length] ?? '') + text;
    }),
  'wrong-content-type': (script) => retype(script, script.stream ? 'application/json' : 'text/event-stream'),
  'no-content-type': (script) => retype(script, null),
  'short-body': (script) => {
    script.length = bytesOf(script.steps) + 1_000;
    script.ending = 'cut';
  },
  'after-terminal': (script, _n, voice) => {
    if (!script.stream) {
      script.steps.push(other('\n\n\n'));
      return;
    }
    const at = script.steps.findIndex((step) => step.kind === 'finish');
    script.steps.splice(at + 1, 0, other(voice.lateText));
    script.steps.push(other(voice.lateText));
  },
  linger: (script) => {
    script.ending = 'hang';
  },
  'slow-body': (script, n) => trickle(script, 256, n),
  'no-headers': (script) => {
    script.headers = null;
    script.ending = 'hang';
  },
  reset: (script) => {
    script.headers = null;
    script.ending = 'reset';
  },
  'no-first-token': (script) => {
    script.steps = [];
    script.early = true;
    script.ending = 'hang';
  },
  comments: (script) => {
    script.steps = [];
    script.ending = 'hang';
    // Vendors keep unstreamed answers alive with blank lines.
    script.repeat = { bytes: script.stream ? COMMENT : '\n', everyMs: COMMENT_EVERY_MS };
  },
};

/** Before a JSON body has begun a vendor answers with an error status instead. */
function failAfter(script: Script, n: number, voice: Voice, event: string): void {
  if (script.stream) {
    stopAfter(script, n, 'end', event);
    return;
  }
  const { headers, body } = voice.refusal(500, 'plain');
  Object.assign(script, plainScript(500, null, body, headers));
}

export function twistScript(script: Script, fault: Fault, voice: Voice): void {
  SCRIPT_TWISTS[fault.name]?.(script, fault.n, voice);
}
