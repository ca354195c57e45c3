/** Answers that break off, and those that only look so. */
import { step } from '../vendors/speaker.ts';
import {
  bodyOf,
  type FaultRow,
  fails,
  isText,
  isWhole,
  jsonOf,
  SHOWN,
  streamOf,
  throughFinish,
  upTo,
  type Wire,
} from './row.ts';

const half = (bytes: string | Buffer): string | Buffer => bytes.slice(0, bytes.length >> 1);
const truncated = (shown?: 'text' | 'thoughts' | 'call') => fails('upstream_truncated', shown);

/** What says no more than that no more bytes come; null where nothing does. */
function lastWord({ dialect, speaker }: Wire): string | Buffer | null {
  if (dialect === 'openai' || dialect === 'responses') return 'data: [DONE]\n\n';
  if (dialect === 'bedrock') return speaker.events({}).find(({ kind }) => kind === 'usage')?.bytes ?? null;
  return null;
}

export const CUT: readonly FaultRow[] = [
  {
    name: 'ends-midway',
    says: 'the stream ends cleanly after some words, without the terminal signal',
    stream: (wire, answer) => streamOf(wire, upTo(wire.speaker.events(answer), SHOWN)),
    expect: truncated('text'),
  },
  {
    name: 'cut-midway',
    says: 'the connection is cut after some words',
    stream: (wire, answer) => streamOf(wire, upTo(wire.speaker.events(answer), SHOWN), { ending: 'cut' }),
    expect: truncated('text'),
  },
  {
    name: 'cut-in-event',
    says: 'the stream ends inside an event',
    stream(wire, answer) {
      const steps = upTo(wire.speaker.events(answer), SHOWN + 1);
      const last = steps.findLastIndex(({ kind }) => kind === 'token');
      return streamOf(wire, [...steps.slice(0, last), step('other', half(steps[last]?.bytes ?? ''))]);
    },
    expect: truncated('text'),
  },
  {
    name: 'cut-in-json',
    says: 'the body ends cleanly inside its JSON',
    whole: (wire, answer) => bodyOf(half(jsonOf(wire, answer))),
    expect: truncated(),
  },
  {
    name: 'cut-in-body',
    says: 'the body is shorter than announced, and cut inside its JSON',
    whole(wire, answer) {
      const json = jsonOf(wire, answer);
      return bodyOf(half(json), { length: Buffer.byteLength(json), ending: 'cut' });
    },
    expect: truncated(),
  },
  {
    name: 'ends-unbegun',
    says: 'the stream opens, says nothing and ends',
    stream(wire, answer) {
      const opening = upTo(wire.speaker.events(answer), 0);
      return opening.length === 0 ? null : streamOf(wire, opening);
    },
    expect: truncated(),
  },
  {
    name: 'no-terminal',
    says: 'all words and all that follows them, only the terminal signal is missing',
    stream(wire, answer) {
      // Anthropic's last event is a terminal signal of its own.
      const missing = wire.dialect === 'anthropic' ? ['finish', 'done'] : ['finish'];
      return streamOf(
        wire,
        wire.speaker.events(answer).filter(({ kind }) => !missing.includes(kind)),
      );
    },
    expect: truncated('text'),
  },
  {
    name: 'done-only',
    says: 'nothing but what follows an answer (`[DONE]`, `metadata`)',
    stream(wire) {
      const word = lastWord(wire);
      return word === null ? null : streamOf(wire, [step('done', word)]);
    },
    expect: truncated(),
  },
  {
    name: 'stop-only',
    says: 'nothing but `message_stop`',
    stream: (wire) =>
      wire.dialect === 'anthropic'
        ? streamOf(
            wire,
            wire.speaker.events({}).filter(({ kind }) => kind === 'done'),
          )
        : null,
    expect: truncated(),
  },
  {
    name: 'empty',
    says: 'status 200 and no body',
    stream: (wire) => streamOf(wire, [], { length: 0 }),
    whole: () => bodyOf('', { length: 0 }),
    expect: truncated(),
  },
  {
    name: 'thoughts-only',
    says: 'the stream ends after its reasoning, before the first word',
    holds: 'thoughts',
    stream: (wire, answer) => streamOf(wire, upTo(wire.speaker.events(answer), (answer.thoughts ?? []).length)),
    expect: truncated('thoughts'),
  },
  {
    name: 'call-cut',
    says: 'the stream ends inside a tool call',
    holds: 'call',
    stream(wire, answer) {
      const steps = wire.speaker.events(answer);
      const pieces = steps.filter(({ kind }) => kind === 'token').length;
      return streamOf(wire, upTo(steps, Math.ceil(pieces / 2)));
    },
    expect: truncated('call'),
  },
  {
    name: 'no-blank-line',
    says: 'the last event lacks its blank line, the last line its end',
    stream(wire, answer) {
      if (!isText(wire)) return null;
      const steps = throughFinish(wire.speaker.events(answer));
      const last = steps.pop();
      return streamOf(wire, [...steps, step('finish', String(last?.bytes).trimEnd())]);
    },
    expect: isWhole(),
  },
  {
    name: 'ends-after-terminal',
    says: 'nothing follows the terminal signal: no usage, no `[DONE]`',
    stream: (wire, answer) => streamOf(wire, throughFinish(wire.speaker.events(answer))),
    expect: isWhole(),
  },
  {
    name: 'cut-after-terminal',
    says: 'the connection is cut behind the terminal signal',
    stream: (wire, answer) => streamOf(wire, throughFinish(wire.speaker.events(answer)), { ending: 'cut' }),
    expect: isWhole(),
  },
  {
    name: 'short-body',
    says: 'the body is shorter than announced, but whole',
    stream(wire, answer) {
      const steps = wire.speaker.events(answer);
      const size = steps.reduce((bytes, one) => bytes + Buffer.byteLength(one.bytes), 0);
      return streamOf(wire, steps, { length: size + 1000, ending: 'cut' });
    },
    whole(wire, answer) {
      const json = jsonOf(wire, answer);
      return bodyOf(json, { length: Buffer.byteLength(json) + 1000, ending: 'cut' });
    },
    expect: isWhole(),
  },
];
