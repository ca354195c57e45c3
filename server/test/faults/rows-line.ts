/** What is wrong below the answer: with the line, or with HTTP itself. */
import type { Step } from '../../src/providers/simulator/script.ts';
import { JSON_TYPE } from '../vendors/speaker.ts';
import type { Raw } from '../vendors/world.ts';
import { type FaultRow, fails, isWhole, jsonOf, SHOWN, upTo, type Wire } from './row.ts';

const CRLF = '\r\n';

const head = (status: string, headers: readonly string[]): string =>
  [`HTTP/1.1 ${status}`, ...headers, '', ''].join(CRLF);

const chunk = (bytes: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from(Buffer.byteLength(bytes).toString(16) + CRLF), Buffer.from(bytes), Buffer.from(CRLF)]);

/** A stream in chunks, and what comes in place of the next one. */
const chunked = (wire: Wire, steps: readonly Step[], then: string): Raw => ({
  raw: [
    head('200 OK', [`content-type: ${wire.speaker.type}`, 'transfer-encoding: chunked']),
    ...steps.map(({ bytes }) => chunk(bytes)),
    then,
  ],
  ending: 'close',
});

const both = (make: () => Raw): Pick<FaultRow, 'stream' | 'whole'> => ({ stream: make, whole: make });

export const LINE: readonly FaultRow[] = [
  {
    name: 'closed',
    says: 'the connection is closed before the headers',
    ...both(() => ({ raw: [], ending: 'close' })),
    expect: fails('upstream_unreachable'),
  },
  {
    name: 'no-http',
    says: 'what is no HTTP at all',
    ...both(() => ({ raw: [`SSH-2.0-OpenSSH_9.2p1${CRLF}`], ending: 'close' })),
    expect: fails('upstream_unreachable'),
  },
  {
    name: 'huge-headers',
    says: 'headers of 1 MB',
    ...both(() => ({ raw: [head('200 OK', [`x-filler: ${'x'.repeat(1024 * 1024)}`])], ending: 'close' })),
    expect: fails('upstream_unreachable'),
  },
  {
    name: 'hints-only',
    says: '`103 Early Hints`, for ever',
    clock: 'headers',
    ...both(() => ({
      raw: Array.from({ length: 100 }, () => head('103 Early Hints', ['link: </x>; rel=preload'])),
      pauseMs: 50,
      ending: 'hang',
    })),
    expect: fails('upstream_timeout'),
  },
  {
    name: 'headers-drip',
    says: 'headers without an end, one at a time',
    clock: 'headers',
    ...both(() => ({
      raw: ['HTTP/1.1 200 OK\r\n', ...Array.from({ length: 100 }, (_, i) => `x-${i}: y\r\n`)],
      pauseMs: 50,
      ending: 'hang',
    })),
    expect: fails('upstream_timeout'),
  },
  {
    name: 'bad-chunk',
    says: 'a chunk whose length is none after some words',
    stream: (wire, answer) => chunked(wire, upTo(wire.speaker.events(answer), SHOWN), 'oops\r\n'),
    expect: fails('upstream_truncated', 'text'),
  },
  {
    name: 'no-last-chunk',
    says: 'all of the answer, but the connection is closed without the last chunk',
    stream: (wire, answer) => chunked(wire, wire.speaker.events(answer), ''),
    expect: isWhole(),
  },
  {
    name: 'until-close',
    says: 'no length: the end of the connection is the end of the answer',
    stream: (wire, answer) => ({
      raw: [
        head('200 OK', [`content-type: ${wire.speaker.type}`, 'connection: close']),
        ...wire.speaker.events(answer).map(({ bytes }) => bytes),
      ],
      ending: 'close',
    }),
    whole: (wire, answer) => ({
      raw: [head('200 OK', [`content-type: ${JSON_TYPE}`, 'connection: close']), jsonOf(wire, answer)],
      ending: 'close',
    }),
    expect: isWhole({ usage: 'reported' }),
  },
  {
    name: 'until-close-cut',
    says: 'no length, and the connection is closed after some words',
    stream: (wire, answer) => ({
      raw: [
        head('200 OK', [`content-type: ${wire.speaker.type}`, 'connection: close']),
        ...upTo(wire.speaker.events(answer), SHOWN).map(({ bytes }) => bytes),
      ],
      ending: 'close',
    }),
    whole(wire, answer) {
      const json = jsonOf(wire, answer);
      return {
        raw: [head('200 OK', [`content-type: ${JSON_TYPE}`, 'connection: close']), json.slice(0, json.length >> 1)],
        ending: 'close',
      };
    },
    expect: fails('upstream_truncated', 'text'),
  },
];
