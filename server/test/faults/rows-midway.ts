/** A vendor that gives up in mid-stream, or writes something that is no event. */
import type { DialectName } from '../../src/contract/call.ts';
import { awsEvent, awsException } from '../vendors/speak-bedrock.ts';
import { dataEvent, type RefusalKind, step, typedEvent } from '../vendors/speaker.ts';
import {
  bodyOf,
  type FaultRow,
  fails,
  failsBy,
  isSse,
  isText,
  jsonOf,
  SHOWN,
  streamOf,
  upTo,
  type Wire,
} from './row.ts';

type Said = (kind: RefusalKind, wire: Wire) => string | Buffer;

const AWS: Partial<Record<RefusalKind, string>> = {
  broken: 'modelStreamErrorException',
  rate: 'throttlingException',
};

/** How each vendor tells of an error inside a stream. */
const ERROR: Readonly<Record<DialectName, Said>> = {
  openai: (kind, { speaker }) => dataEvent(speaker.error(kind)),
  responses(kind, { speaker }) {
    const { error } = speaker.error(kind) as { error: Record<string, unknown> };
    return typedEvent({ ...error, type: 'error', sequence_number: 9 });
  },
  anthropic: (kind, { speaker }) => typedEvent(speaker.error(kind) as { type: string }),
  gemini: (kind, { speaker }) => dataEvent(speaker.error(kind)),
  bedrock: (kind) => awsException(AWS[kind] ?? 'internalServerException', { message: 'The stream failed.' }),
  cohere: (kind, { speaker }) => dataEvent(speaker.error(kind)),
  ollama: (kind, { speaker }) => `${JSON.stringify(speaker.error(kind))}\n`,
};

/** Complete, and not JSON. */
function badEvent({ dialect, framing }: Wire): string | Buffer {
  if (framing === 'aws-eventstream') return awsEvent('contentBlockDelta', '{"contentBlockIndex":0,oops}');
  if (framing === 'ndjson') return '{"message":{oops}}\n';
  const names: Partial<Record<DialectName, string>> = {
    anthropic: 'event: content_block_delta\n',
    responses: 'event: response.output_text.delta\n',
    cohere: 'event: content-delta\n',
  };
  return `${names[dialect] ?? ''}data: {"delta":{oops}}\n\n`;
}

/** Of 5 million characters: more than an honest line ever has. A length of it, where lengths are announced. */
const FILLER = 'x'.repeat(65_536);
/** Made once: it takes a while. */
const HUGE_MESSAGE = awsEvent('contentBlockDelta', `{"p":"${'x'.repeat(17 * 1024 * 1024)}"}`).subarray(0, 1024 * 1024);

function megaLine({ framing }: Wire): (string | Buffer)[] {
  if (framing === 'aws-eventstream') return [HUGE_MESSAGE];
  return [framing === 'sse' ? 'data: {"x":"' : '{"x":"', ...Array.from({ length: 80 }, () => FILLER), '"}\n\n'];
}

function wrongChecksum(bytes: string | Buffer): Buffer {
  const wrong = Buffer.from(bytes);
  wrong[wrong.length - 1] = (wrong[wrong.length - 1] ?? 0) ^ 1;
  return wrong;
}

export const MIDWAY: readonly FaultRow[] = [
  {
    name: 'error-midway',
    says: "the vendor's error after some words, then a clean end",
    stream: (wire, answer) =>
      streamOf(wire, [...upTo(wire.speaker.events(answer), SHOWN), step('other', ERROR[wire.dialect]('broken', wire))]),
    expect: fails('upstream_unavailable', 'text'),
  },
  {
    name: 'error-then-all',
    says: "the vendor's error after some words, and then all goes on as if nothing were",
    stream(wire, answer) {
      const steps = wire.speaker.events(answer);
      const first = upTo(steps, SHOWN);
      return streamOf(wire, [
        ...first,
        step('other', ERROR[wire.dialect]('broken', wire)),
        ...steps.slice(first.length),
      ]);
    },
    expect: fails('upstream_unavailable', 'text'),
  },
  {
    name: 'error-first',
    says: "the vendor's error as the first event of a stream with status 200",
    stream: (wire) => streamOf(wire, [step('other', ERROR[wire.dialect]('broken', wire))]),
    expect: fails('upstream_unavailable'),
  },
  {
    name: 'error-named',
    says: '`event: error` with words of its own after some words',
    stream: (wire, answer) =>
      isSse(wire)
        ? streamOf(wire, [
            ...upTo(wire.speaker.events(answer), SHOWN),
            step('other', 'event: error\ndata: {"message":"The engine stopped."}\n\n'),
          ])
        : null,
    expect: fails('upstream_unavailable', 'text'),
  },
  {
    name: 'error-overloaded',
    says: '"overloaded" after some words',
    stream: (wire, answer) =>
      wire.dialect === 'anthropic'
        ? streamOf(wire, [
            ...upTo(wire.speaker.events(answer), SHOWN),
            step('other', typedEvent({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })),
          ])
        : null,
    expect: fails('upstream_overloaded', 'text'),
  },
  {
    name: 'limit-midway',
    says: 'a rate limit after some words',
    sticks: true,
    stream: (wire, answer) =>
      streamOf(wire, [...upTo(wire.speaker.events(answer), SHOWN), step('other', ERROR[wire.dialect]('rate', wire))]),
    // Ollama and Cohere have no word for it but their message.
    expect: failsBy(
      { others: 'upstream_rate_limited', ollama: 'upstream_unavailable', cohere: 'upstream_unavailable' },
      'text',
    ),
  },
  {
    name: 'finish-error',
    says: 'a finish reason that says that the answer broke off',
    stream(wire, answer) {
      if (wire.dialect === 'anthropic') return null;
      const broken = { ...answer, words: (answer.words ?? []).slice(0, SHOWN), finish: 'error' as const };
      return streamOf(wire, wire.speaker.events(broken));
    },
    whole(wire, answer) {
      if (wire.dialect === 'anthropic') return null;
      return bodyOf(jsonOf(wire, { ...answer, words: (answer.words ?? []).slice(0, SHOWN), finish: 'error' }));
    },
    expect: failsBy({ others: 'upstream_unavailable', bedrock: 'upstream_protocol' }, 'text'),
  },
  {
    name: 'not-json',
    says: 'an event that is not JSON after some words, and then all goes on',
    stream(wire, answer) {
      const steps = wire.speaker.events(answer);
      const first = upTo(steps, SHOWN);
      return streamOf(wire, [...first, step('other', badEvent(wire)), ...steps.slice(first.length)]);
    },
    expect: fails('upstream_protocol', 'text'),
  },
  {
    name: 'wrong-checksum',
    says: 'a message with a wrong checksum, and then all goes on',
    stream(wire, answer) {
      if (isText(wire)) return null;
      const steps = wire.speaker.events(answer);
      const first = upTo(steps, SHOWN);
      const [next, ...rest] = steps.slice(first.length);
      return streamOf(wire, [...first, step('other', wrongChecksum(next?.bytes ?? '')), ...rest]);
    },
    expect: fails('upstream_protocol', 'text'),
  },
  {
    name: 'html-midway',
    says: 'the error page of a proxy after some words',
    stream: (wire, answer) =>
      streamOf(wire, [
        ...upTo(wire.speaker.events(answer), SHOWN),
        step('other', '<html>\n<body><h1>504 Gateway Time-out</h1></body>\n</html>\n'),
      ]),
    // Lines without a known field are no events of SSE.
    expect: (wire) => ({ code: isSse(wire) ? 'upstream_truncated' : 'upstream_protocol', shown: 'text' }),
  },
  {
    name: 'mega-line',
    says: 'a line of 5 MB after some words; a message of 17 MB',
    stream: (wire, answer) =>
      streamOf(wire, [
        ...upTo(wire.speaker.events(answer), SHOWN),
        ...megaLine(wire).map((bytes) => step('other', bytes)),
      ]),
    expect: fails('upstream_protocol', 'text'),
  },
];
