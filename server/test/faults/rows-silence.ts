/** Vendors that say nothing, or nothing that matters: our clocks end it. */
import { step } from '../vendors/speaker.ts';
import {
  bodyOf,
  type FaultRow,
  fails,
  isLines,
  isSse,
  isText,
  jsonOf,
  SHOWN,
  streamOf,
  upTo,
  type Wire,
} from './row.ts';

const KEEP_ALIVE_MS = 50;
const slow = (shown?: 'text' | 'thoughts') => fails('upstream_timeout', shown);

const keepAlive = (wire: Wire) => ({ bytes: isLines(wire) ? '\n' : ': keep-alive\n\n', everyMs: KEEP_ALIVE_MS });

export const SILENCE: readonly FaultRow[] = [
  {
    name: 'no-listener',
    says: 'nobody listens at the address',
    gone: true,
    stream: (wire) => streamOf(wire, []),
    whole: () => bodyOf(''),
    expect: fails('upstream_unreachable'),
  },
  {
    name: 'reset',
    says: 'the connection is reset before the headers',
    stream: (wire) => streamOf(wire, [], { headers: null, ending: 'reset' }),
    whole: () => bodyOf('', { headers: null, ending: 'reset' }),
    expect: fails('upstream_unreachable'),
  },
  {
    name: 'no-headers',
    says: 'no headers',
    clock: 'headers',
    stream: (wire) => streamOf(wire, [], { headers: null, ending: 'hang' }),
    whole: () => bodyOf('', { headers: null, ending: 'hang' }),
    expect: slow(),
  },
  {
    name: 'no-body',
    says: 'headers, then silence',
    clock: 'first token',
    stream: (wire) => streamOf(wire, [], { early: true, ending: 'hang' }),
    whole: () => bodyOf('', { early: true, ending: 'hang' }),
    expect: slow(),
  },
  {
    name: 'no-first-word',
    says: 'the stream opens, then silence',
    clock: 'first token',
    stream(wire, answer) {
      const opening = upTo(wire.speaker.events(answer), 0);
      return opening.length === 0 ? null : streamOf(wire, opening, { ending: 'hang' });
    },
    expect: slow(),
  },
  {
    name: 'stall',
    says: 'silence after some words',
    clock: 'idle',
    stream: (wire, answer) => streamOf(wire, upTo(wire.speaker.events(answer), SHOWN), { ending: 'hang' }),
    expect: slow('text'),
  },
  {
    name: 'stall-in-event',
    says: 'silence inside an event',
    clock: 'idle',
    stream(wire, answer) {
      const steps = upTo(wire.speaker.events(answer), SHOWN + 1);
      const last = steps.findLastIndex(({ kind }) => kind === 'token');
      const bytes = steps[last]?.bytes ?? '';
      return streamOf(wire, [...steps.slice(0, last), step('other', bytes.slice(0, bytes.length >> 1))], {
        ending: 'hang',
      });
    },
    expect: slow('text'),
  },
  {
    name: 'stall-in-body',
    says: 'silence inside the JSON of an unstreamed answer',
    clock: 'idle',
    whole(wire, answer) {
      const json = jsonOf(wire, answer);
      return bodyOf(json.slice(0, json.length >> 1), { ending: 'hang' });
    },
    expect: slow(),
  },
  {
    name: 'stall-at-terminal',
    says: 'all words, then silence instead of the terminal signal',
    clock: 'idle',
    stream: (wire, answer) =>
      streamOf(wire, upTo(wire.speaker.events(answer), Number.POSITIVE_INFINITY), { ending: 'hang' }),
    expect: slow('text'),
  },
  {
    name: 'comments-only',
    says: 'keep-alive comments or blank lines, for ever',
    clock: 'first token',
    stream: (wire) => (isText(wire) ? streamOf(wire, [], { ending: 'hang', repeat: keepAlive(wire) }) : null),
    whole: () => bodyOf('', { ending: 'hang', repeat: { bytes: '\n', everyMs: KEEP_ALIVE_MS } }),
    expect: slow(),
  },
  {
    name: 'comments-midway',
    says: 'after some words keep-alive comments or blank lines, for ever',
    clock: 'idle',
    stream: (wire, answer) =>
      isText(wire)
        ? streamOf(wire, upTo(wire.speaker.events(answer), SHOWN), { ending: 'hang', repeat: keepAlive(wire) })
        : null,
    expect: slow('text'),
  },
  {
    name: 'pings-midway',
    says: 'after some words events named `ping`, for ever',
    clock: 'idle',
    stream: (wire, answer) =>
      isSse(wire)
        ? streamOf(wire, upTo(wire.speaker.events(answer), SHOWN), {
            ending: 'hang',
            repeat: { bytes: 'event: ping\ndata: {"type":"ping"}\n\n', everyMs: KEEP_ALIVE_MS },
          })
        : null,
    expect: slow('text'),
  },
  {
    name: 'error-without-end',
    says: 'status 500 whose body does not come',
    clock: 'idle',
    stream: () => bodyOf('{"error":', { status: 500, ending: 'hang' }),
    whole: () => bodyOf('{"error":', { status: 500, ending: 'hang' }),
    expect: slow(),
  },
  {
    name: 'endless',
    says: 'words, or a body, without an end: the deadline ends it',
    clock: 'deadline',
    deadlineMs: 1500,
    stream(wire, answer) {
      const steps = wire.speaker.events(answer);
      const word = steps.find(({ kind }) => kind === 'token');
      if (word === undefined) return null;
      const more = Array.from({ length: 200 }, () => ({ ...word, waitMs: 100 }));
      return streamOf(wire, [...upTo(steps, 0), ...more], { ending: 'hang' });
    },
    whole: () => bodyOf('{"x":"', { ending: 'hang', repeat: { bytes: 'x', everyMs: KEEP_ALIVE_MS } }),
    expect: fails('expired', 'text'),
  },
  {
    name: 'endless-event-midway',
    says: 'after some words one event that never ends, a few bytes at a time: the deadline ends it',
    clock: 'deadline',
    deadlineMs: 1500,
    stream: (wire, answer) =>
      isText(wire)
        ? streamOf(
            wire,
            [...upTo(wire.speaker.events(answer), SHOWN), step('other', isSse(wire) ? 'data: {"x":"' : '{"x":"')],
            { ending: 'hang', repeat: { bytes: 'xxx', everyMs: KEEP_ALIVE_MS } },
          )
        : null,
    expect: fails('expired', 'text'),
  },
  {
    name: 'endless-event',
    says: 'one event that never ends, a few bytes at a time: the clock for the first token ends it',
    clock: 'first token',
    stream: (wire) =>
      isText(wire)
        ? streamOf(wire, [step('other', isSse(wire) ? 'data: {"x":"' : '{"x":"')], {
            ending: 'hang',
            repeat: { bytes: 'xxx', everyMs: KEEP_ALIVE_MS },
          })
        : null,
    expect: slow(),
  },
];
