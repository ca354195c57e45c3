/** Something else than an answer, or an answer in another form, with a status that promises one. */
import { gzipSync } from 'node:zlib';
import { JSON_TYPE, step, streamed } from '../vendors/speaker.ts';
import { bodyOf, type FaultRow, fails, isLines, isSse, isWhole, jsonOf, streamOf } from './row.ts';

const PAGE =
  '<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body></html>\n';

/** The same instead of a stream and of a body. */
const both = (make: NonNullable<FaultRow['whole']>): Pick<FaultRow, 'stream' | 'whole'> => ({
  stream: make,
  whole: make,
});

export const INSTEAD: readonly FaultRow[] = [
  {
    name: 'html',
    says: 'an HTML page',
    ...both(() => bodyOf(PAGE, { headers: [['content-type', 'text/html']] })),
    expect: fails('upstream_protocol'),
  },
  {
    name: 'html-as-promised',
    says: 'an HTML page that calls itself what was asked for',
    stream: (wire) => bodyOf(`\n${PAGE}`, { headers: [['content-type', wire.speaker.type]] }),
    whole: () => bodyOf(`\n${PAGE}`),
    expect: fails('upstream_protocol'),
  },
  {
    name: 'text',
    says: 'a line of plain text',
    ...both(() => bodyOf('upstream connect error or disconnect/reset before headers', { headers: [] })),
    // What has no field that it knows holds no event for a reader of SSE.
    expect: (wire) => ({ code: isSse(wire) ? 'upstream_truncated' : 'upstream_protocol' }),
  },
  {
    name: 'error-200',
    says: "the vendor's own JSON error",
    ...both((wire) => bodyOf(JSON.stringify(wire.speaker.error('broken')))),
    expect: fails('upstream_unavailable'),
  },
  {
    name: 'other-json',
    says: 'JSON that is no answer',
    ...both(() => bodyOf('{"status":"ok","uptime":12}')),
    // A line without an end, in lines.
    expect: (wire) => ({ code: isLines(wire) ? 'upstream_truncated' : 'upstream_protocol' }),
  },
  {
    name: 'null-json',
    says: '`null`',
    ...both(() => bodyOf('null')),
    expect: (wire) => ({ code: isLines(wire) ? 'upstream_protocol' : 'upstream_truncated' }),
  },
  {
    name: 'list-json',
    says: 'an empty list',
    ...both(() => bodyOf('[]')),
    expect: fails('upstream_protocol'),
  },
  {
    name: 'compressed',
    says: 'a compressed answer, which was not asked for',
    stream: (wire, answer) =>
      bodyOf(gzipSync(streamed(wire.speaker, answer).body), {
        headers: [
          ['content-type', wire.speaker.type],
          ['content-encoding', 'gzip'],
        ],
      }),
    whole: (wire, answer) =>
      bodyOf(gzipSync(jsonOf(wire, answer)), {
        headers: [
          ['content-type', JSON_TYPE],
          ['content-encoding', 'gzip'],
        ],
      }),
    expect: fails('upstream_protocol'),
  },
  {
    name: 'no-content',
    says: 'status 204',
    ...both(() => bodyOf('', { status: 204, headers: [] })),
    expect: fails('upstream_truncated'),
  },
  {
    name: 'redirect-302',
    says: 'a redirect (302); it is never followed',
    ...both(() => bodyOf('Moved.', { status: 302, headers: [['location', '/elsewhere/302']] })),
    expect: fails('upstream_redirect'),
  },
  {
    name: 'redirect-308',
    says: 'a redirect that keeps method and body (308); it is never followed',
    ...both(() => bodyOf('', { status: 308, headers: [['location', '/elsewhere/308']] })),
    expect: fails('upstream_redirect'),
  },
  {
    name: 'whole-for-stream',
    says: 'one JSON document where a stream was asked for',
    stream: (wire, answer) => bodyOf(jsonOf(wire, answer)),
    expect: isWhole({ usage: 'reported' }),
  },
  {
    name: 'stream-for-whole',
    says: 'a stream where one JSON document was asked for',
    whole: (wire, answer) => streamOf(wire, wire.speaker.events(answer)),
    expect: isWhole({ usage: 'reported' }),
  },
  {
    name: 'list-for-stream',
    says: 'a list of the pieces, as without `alt=sse`',
    stream: (wire, answer) =>
      wire.dialect === 'gemini'
        ? bodyOf(
            `[${wire.speaker
              .events(answer)
              .map(({ bytes }) => String(bytes).slice('data: '.length).trim())
              .join(',\n')}\n]`,
          )
        : null,
    expect: isWhole({ usage: 'reported' }),
  },
  {
    name: 'wrong-type',
    says: 'a content type that is not true',
    stream: (wire, answer) =>
      streamOf(wire, wire.speaker.events(answer), { headers: [['content-type', 'text/html; charset=utf-8']] }),
    whole: (wire, answer) => bodyOf(jsonOf(wire, answer), { headers: [['content-type', 'text/event-stream']] }),
    expect: isWhole({ usage: 'reported' }),
  },
  {
    name: 'no-type',
    says: 'no content type',
    stream: (wire, answer) => streamOf(wire, wire.speaker.events(answer), { headers: [] }),
    whole: (wire, answer) => bodyOf(jsonOf(wire, answer), { headers: [] }),
    expect: isWhole({ usage: 'reported' }),
  },
  {
    name: 'blank-first',
    says: 'blank lines first, which keep the line open',
    stream: (wire, answer) =>
      wire.framing === 'aws-eventstream'
        ? null
        : streamOf(wire, [step('other', '\n\n'), step('other', '\n'), ...wire.speaker.events(answer)]),
    whole: (wire, answer) =>
      bodyOf('', { steps: [step('other', '\n'), step('other', ' \r\n\n'), step('other', jsonOf(wire, answer))] }),
    expect: isWhole({ usage: 'reported' }),
  },
];
