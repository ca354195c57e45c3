/** Whole answers in unusual bytes. */
import type { Step } from '../../src/providers/simulator/script.ts';
import { awsEvent } from '../vendors/speak-bedrock.ts';
import { step, unstreamed } from '../vendors/speaker.ts';
import {
  bodyOf,
  type FaultRow,
  isLines,
  isSse,
  isText,
  isWhole,
  jsonOf,
  type Make,
  streamOf,
  throughFinish,
  type Wire,
} from './row.ts';

const joined = (steps: readonly Step[]): Buffer => Buffer.concat(steps.map(({ bytes }) => Buffer.from(bytes)));

/** All bytes, in pieces that end where `end` says. */
function pieces(bytes: Buffer, end: (at: number) => number): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < bytes.length; ) {
    const next = Math.min(bytes.length, Math.max(at + 1, end(at)));
    steps.push(step('other', bytes.subarray(at, next)));
    at = next;
  }
  return steps;
}

const byByte: Pick<FaultRow, 'stream' | 'whole'> = {
  stream: (wire, answer) =>
    streamOf(
      wire,
      pieces(joined(wire.speaker.events(answer)), (at) => at + 1),
    ),
  whole: (wire, answer) =>
    bodyOf('', { steps: pieces(Buffer.from(unstreamed(wire.speaker, answer).body), (at) => at + 1) }),
};

/** Ends each piece behind the first byte of a longer character. */
function insideCharacters(bytes: Buffer): Step[] {
  return pieces(bytes, (at) => {
    for (let i = at; i < bytes.length; i++) if ((bytes[i] ?? 0) >= 0xc0) return i + 1;
    return bytes.length;
  });
}

/** Changes the text of each event. */
const eachEvent =
  (fits: (wire: Wire) => boolean, change: (text: string, place: number, wire: Wire) => string): Make =>
  (wire, answer) =>
    fits(wire)
      ? streamOf(
          wire,
          wire.speaker.events(answer).map((one, i) => ({ ...one, bytes: change(String(one.bytes), i, wire) })),
        )
      : null;

/** Something before each event. */
const between =
  (what: (wire: Wire, place: number) => string | Buffer | null): Make =>
  (wire, answer) => {
    if (what(wire, 0) === null) return null;
    const steps = wire.speaker.events(answer).flatMap((one, i) => [step('other', what(wire, i) ?? ''), one]);
    return streamOf(wire, steps);
  };

const STRANGE = [
  'event: vendor.notice\ndata: {"type":"vendor.notice","note":"hello"}\n\n',
  'id: 7\nretry: 3000\nfield-of-the-future: yes\n\n',
  'event: empty\n\n',
];

function unknownEvent({ framing }: Wire, place: number): string | Buffer {
  if (framing === 'aws-eventstream') return awsEvent('eventOfTheFuture', { note: 'hello' });
  return framing === 'ndjson' ? '{"type":"notice","note":"hello"}\n' : (STRANGE[place % STRANGE.length] ?? '');
}

/** More of the same after the terminal signal, and after all else. */
const after =
  (more: (wire: Wire, steps: readonly Step[]) => Step[], ending: 'end' | 'hang' = 'end'): Make =>
  (wire, answer) => {
    const steps = wire.speaker.events(answer);
    const head = throughFinish(steps);
    const late = more(wire, steps);
    return streamOf(wire, [...head, ...late, ...steps.slice(head.length), ...late], { ending });
  };

const whole = isWhole();
const reported = isWhole({ usage: 'reported' });

export const ODD: readonly FaultRow[] = [
  { name: 'by-byte', says: 'each byte in a write of its own', ...byByte, expect: reported },
  {
    name: 'split-characters',
    says: 'writes that end inside a character',
    holds: 'wide',
    stream: (wire, answer) => streamOf(wire, insideCharacters(joined(wire.speaker.events(answer)))),
    whole: (wire, answer) => bodyOf('', { steps: insideCharacters(Buffer.from(jsonOf(wire, answer))) }),
    expect: reported,
  },
  {
    name: 'crlf',
    says: 'lines end in CR LF',
    stream: eachEvent(isText, (text) => text.replaceAll('\n', '\r\n')),
    expect: reported,
  },
  {
    name: 'cr',
    says: 'lines end in CR',
    stream: eachEvent(isSse, (text) => text.replaceAll('\n', '\r')),
    expect: reported,
  },
  {
    name: 'bom',
    says: 'a byte order mark first',
    stream: eachEvent(isText, (text, i) => (i === 0 ? `\ufeff${text}` : text)),
    whole: (wire, answer) => bodyOf(`\ufeff${jsonOf(wire, answer)}`),
    expect: reported,
  },
  {
    name: 'comments',
    says: 'comments, or blank lines, between events and inside of them',
    stream: eachEvent(isText, (text, _i, wire) =>
      isLines(wire) ? `\n \n${text}` : `: keep-alive\n\n:\n${text.replace(/\n$/, ': inside\n\n')}`,
    ),
    expect: reported,
  },
  {
    name: 'pings',
    says: 'events named `ping` between the others',
    stream: between((wire) => (isSse(wire) ? 'event: ping\ndata: {"type":"ping"}\n\n' : null)),
    expect: reported,
  },
  {
    name: 'many-data-lines',
    says: 'the JSON of an event over several data lines',
    stream: eachEvent(isSse, (text) => text.replace(/^data: \{/m, 'data: {\ndata: ')),
    expect: reported,
  },
  {
    name: 'unknown-events',
    says: 'events that nobody knows between the others',
    stream: between(unknownEvent),
    expect: reported,
  },
  {
    name: 'unknown-fields',
    says: 'fields that nobody knows in every event',
    stream: eachEvent(isText, (text) => text.replace('{"', '{"of_the_future":{"error":null,"n":[1]},"')),
    whole: (wire, answer) => bodyOf(jsonOf(wire, answer).replace('{"', '{"of_the_future":{"n":[1]},"')),
    expect: reported,
  },
  {
    name: 'words-after-end',
    says: 'more words after the terminal signal',
    stream: after((_wire, steps) => steps.filter(({ kind }) => kind === 'token').slice(0, 3)),
    expect: whole,
  },
  {
    name: 'answer-after-end',
    says: 'a second whole answer after the first',
    stream: (wire, answer) =>
      streamOf(wire, [...wire.speaker.events(answer), ...wire.speaker.events({ words: ['Another', ' one.'] })]),
    expect: whole,
  },
  {
    name: 'noise-after-end',
    says: 'what is no event after the terminal signal',
    stream: after((wire) => (isText(wire) ? [step('other', '<html>oops</html>\n\ndata: {oops\n\n')] : [])),
    expect: whole,
  },
  {
    name: 'error-after-end',
    says: 'an error after the terminal signal',
    stream: after((wire) => {
      if (!isText(wire)) return [];
      const error = JSON.stringify(wire.speaker.error('broken'));
      return [step('other', isSse(wire) ? `event: error\ndata: ${error}\n\n` : `${error}\n`)];
    }),
    expect: whole,
  },
  {
    name: 'lingers',
    says: 'the connection stays open after the last byte',
    clock: 'after the end',
    stream: (wire, answer) => streamOf(wire, wire.speaker.events(answer), { ending: 'hang' }),
    expect: reported,
  },
  {
    name: 'lingers-at-terminal',
    says: 'the connection stays open after the terminal signal, before usage and `[DONE]`',
    clock: 'after the end',
    stream: (wire, answer) => streamOf(wire, throughFinish(wire.speaker.events(answer)), { ending: 'hang' }),
    expect: whole,
  },
  {
    name: 'drips-after-end',
    says: 'keep-alives for ever after the terminal signal',
    clock: 'after the end',
    stream: (wire, answer) =>
      isText(wire)
        ? streamOf(wire, throughFinish(wire.speaker.events(answer)), {
            ending: 'hang',
            repeat: { bytes: isSse(wire) ? ': keep-alive\n\n' : '\n', everyMs: 50 },
          })
        : null,
    expect: whole,
  },
];
