/** Refusals: what a status and its words mean, and for how long. */
import type { DialectName } from '../../src/contract/call.ts';
import type { ErrorCode } from '../../src/contract/errors.ts';
import type { Script } from '../../src/providers/simulator/script.ts';
import { JSON_TYPE, type RefusalKind } from '../vendors/speaker.ts';
import { bodyOf, type FaultRow, fails, failsBy, isWhole, type Make, type Wire } from './row.ts';

const json = (status: number, document: unknown, more: [string, string][] = []): Script =>
  bodyOf(JSON.stringify(document), { status, headers: [['content-type', JSON_TYPE], ...more] });

const both = (make: Make): Pick<FaultRow, 'stream' | 'whole'> => ({ stream: make, whole: make });

const refused = (kind: RefusalKind, more: [string, string][] = []) =>
  both((wire) => {
    const status = wire.speaker.statuses[kind];
    return status === undefined ? null : json(status, wire.speaker.error(kind), more);
  });

/** A status with the words of a vendor that broke. */
const withStatus = (status: number, kind: RefusalKind = 'broken') =>
  both((wire) => json(status, wire.speaker.error(kind, 'Something went wrong.')));

const limited = (headers: (wire: Wire) => [string, string][] | null) =>
  both((wire) => {
    const more = headers(wire);
    return more === null || wire.speaker.statuses.rate === undefined
      ? null
      : json(429, wire.speaker.error('rate'), more);
  });

const onlyIn =
  (names: readonly DialectName[], headers: () => [string, string][]) =>
  (wire: Wire): [string, string][] | null =>
    names.includes(wire.dialect) ? headers() : null;

/** Milliseconds that are asked for where the vendor names a time. */
export const ASKED_MS = 1000;
const wholeSecond = (): Date => new Date(Math.ceil((Date.now() + ASKED_MS) / 1000) * 1000);

const DEEP = '['.repeat(25_000) + ']'.repeat(25_000);
const PAGE = '<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>';

const row = (name: string, says: string, made: Pick<FaultRow, 'stream' | 'whole'>, code: ErrorCode): FaultRow => ({
  name,
  says,
  ...made,
  expect: fails(code),
});
/** Amazon names its errors, and the name says more than the status. */
const byName = (one: FaultRow): FaultRow => ({
  ...one,
  expect: failsBy({ others: 'upstream_timeout', bedrock: 'upstream_unavailable' }),
});
const sticky = (one: FaultRow): FaultRow => ({ ...one, sticks: true });
const waits = (one: Pick<FaultRow, 'name' | 'says' | 'stream' | 'whole'>): FaultRow => ({
  ...one,
  sticks: true,
  once: true,
  clock: 'asked for',
  expect: fails('upstream_rate_limited'),
});

export const LIMITS: readonly FaultRow[] = [
  waits({
    name: 'retry-after',
    says: '429 with `retry-after` in seconds',
    ...limited(() => [['retry-after', '1']]),
  }),
  waits({
    name: 'retry-after-date',
    says: '429 with `retry-after` as a date',
    ...limited(() => [['retry-after', wholeSecond().toUTCString()]]),
  }),
  waits({
    name: 'retry-after-ms',
    says: '429 with `retry-after-ms`',
    ...limited(() => [
      ['retry-after-ms', String(ASKED_MS)],
      ['retry-after', '30'],
    ]),
  }),
  waits({
    name: 'ratelimit-reset',
    says: "429 with the vendor's own times of reset",
    ...limited(
      onlyIn(['openai', 'responses'], () => [
        ['x-ratelimit-remaining-requests', '0'],
        ['x-ratelimit-reset-requests', '1s'],
        ['x-ratelimit-remaining-tokens', '149984'],
        ['x-ratelimit-reset-tokens', '6m0s'],
      ]),
    ),
  }),
  waits({
    name: 'ratelimit-reset-date',
    says: '429 with a time of reset as a date',
    ...limited(
      onlyIn(['anthropic'], () => [
        ['anthropic-ratelimit-requests-remaining', '0'],
        ['anthropic-ratelimit-requests-reset', wholeSecond().toISOString()],
      ]),
    ),
  }),
  waits({
    name: 'retry-info',
    says: '429 with a delay in its body',
    ...both((wire) => {
      if (wire.dialect !== 'gemini') return null;
      const { error } = wire.speaker.error('rate') as { error: Record<string, unknown> };
      const info = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1s' };
      return json(429, { error: { ...error, details: [info] } });
    }),
  }),
  {
    name: 'retry-too-late',
    says: '429 with more time than the deadline leaves: not waited for',
    ...limited(() => [['retry-after', '3600']]),
    sticks: true,
    deadlineMs: 5000,
    expect: fails('upstream_rate_limited'),
  },
];

export const REFUSALS: readonly FaultRow[] = [
  sticky(row('key-refused', 'the key is refused', refused('key'), 'upstream_unauthorized')),
  sticky(row('quota', 'the account is used up', refused('quota'), 'upstream_quota')),
  sticky(row('forbidden', 'the key may not use this model', refused('forbidden'), 'upstream_forbidden')),
  sticky(row('no-model', 'there is no such model', refused('model'), 'upstream_unknown_model')),
  row('context', 'the prompt is too long for the model', refused('context'), 'upstream_context_too_long'),
  row('filter', "the vendor's filter refuses the prompt", refused('filter'), 'content_filter'),
  {
    name: 'prompt-blocked',
    says: 'the prompt is blocked, in a 200',
    ...both((wire) => {
      const blocked = { promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } };
      return wire.dialect === 'gemini' ? bodyOf(JSON.stringify(blocked)) : null;
    }),
    expect: fails('content_filter'),
  },
  row('invalid', 'the request is refused', refused('invalid'), 'upstream_rejected'),
  row('status-413', 'status 413', withStatus(413, 'invalid'), 'upstream_rejected'),
  row('status-422', 'status 422', withStatus(422, 'invalid'), 'upstream_rejected'),
  byName(row('status-408', 'status 408', withStatus(408), 'upstream_timeout')),
  row('status-500', 'status 500', refused('broken'), 'upstream_unavailable'),
  row(
    'status-502',
    "status 502 with a proxy's HTML page",
    both(() => bodyOf(PAGE, { status: 502, headers: [['content-type', 'text/html']] })),
    'upstream_unavailable',
  ),
  row('status-503', 'status 503', withStatus(503), 'upstream_unavailable'),
  byName(row('status-504', 'status 504', withStatus(504), 'upstream_timeout')),
  row('status-529', 'status 529', withStatus(529), 'upstream_overloaded'),
  {
    name: 'status-500-empty',
    says: 'status 500 without a body',
    ...both(() => bodyOf('', { status: 500, headers: [], length: 0 })),
    expect: failsBy({ others: 'upstream_unavailable' }),
  },
  {
    name: 'deep-error',
    says: 'status 500 with an error of 25,000 levels',
    ...both(() => bodyOf(`{"error":{"code":${DEEP}}}`, { status: 500 })),
    expect: fails('upstream_unavailable'),
  },
  {
    name: 'status-201',
    says: 'status 201 over a good answer',
    whole: (wire, answer) => bodyOf(JSON.stringify(wire.speaker.whole(answer)), { status: 201 }),
    expect: isWhole({ usage: 'reported' }),
  },
];
