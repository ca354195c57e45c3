/** Events of the trail as others read them: syslog (RFC 5424) and OTLP logs (JSON). Pure. */
import { isWarning } from '../contract/events.ts';

export interface ToldEvent {
  id: string;
  tenant: string;
  request_id: string | null;
  /** ISO with microseconds, UTC. */
  at: string;
  type: string;
  actor: string | null;
  /** JSON. */
  payload: string;
  /** Whose chain, and which block of it. */
  writer: string;
  block: number;
}

/** Log audit. */
const FACILITY = 13;
const WARNING = 4;
const INFORMATIONAL = 6;
/** The number that RFC 5612 sets aside for examples: we have none of our own. */
const SD_ID = 'goblin@32473';

/** Graphic ASCII only; `-` where nothing is left. */
const word = (text: string, most: number): string => text.replace(/[^\x21-\x7e]/g, '').slice(0, most) || '-';
/** As a parameter of structured data (6.3.3): printable ASCII. */
const param = (name: string, value: string): string =>
  `${name}="${value.replace(/[^\x20-\x7e]/g, '?').replace(/["\\\]]/g, '\\$&')}"`;
/** ASCII, so that no byte order mark is needed (6.4), and one line. */
const ascii = (json: string): string =>
  json.replace(/[\u007f-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);

const bodyOf = ({ id, tenant, request_id, at, type, actor, payload }: ToldEvent, withPayload = true): string =>
  `${JSON.stringify({ id, at, tenant, type, actor, request_id }).slice(0, -1)},"payload":${withPayload ? payload : '"too long"'}}`;

/** One message, without a frame. Bytes and characters are the same. One that is longer than `most` goes without its payload. */
export function syslogLine(event: ToldEvent, host: string, most = Number.POSITIVE_INFINITY): string {
  const priority = FACILITY * 8 + (isWarning(event.type) ? WARNING : INFORMATIONAL);
  const head = `<${priority}>1 ${event.at} ${word(host, 255)} goblin ${process.pid} ${word(event.type, 32)}`;
  const data = `[${SD_ID} ${param('writer', event.writer)} ${param('block', String(event.block))} ${param('id', event.id)}]`;
  const whole = `${head} ${data} ${ascii(bodyOf(event))}`;
  return whole.length <= most ? whole : `${head} ${data} ${ascii(bodyOf(event, false))}`;
}

/** Octet counting (RFC 6587, 3.4.1; RFC 5425, 4.3). */
export const framed = (line: string): string => `${line.length} ${line}`;

const text = (key: string, value: string | null) => (value === null ? [] : [{ key, value: { stringValue: value } }]);

/** Microseconds are all that the record has. */
const nanos = (at: string): string =>
  `${BigInt(Date.parse(`${at.slice(0, 19)}Z`)) * 1000n + BigInt(at.slice(20, 26))}000`;

/** The body of a call to `/v1/logs`. */
export function otlpLogs(events: readonly ToldEvent[], about: { version: string; host: string; now: number }): string {
  const observed = `${about.now}000000`;
  return JSON.stringify({
    resourceLogs: [
      {
        resource: {
          attributes: [
            ...text('service.name', 'goblin-mcp'),
            ...text('service.version', about.version),
            ...text('host.name', about.host),
          ],
        },
        scopeLogs: [
          {
            scope: { name: 'goblin.audit' },
            logRecords: events.map((event) => ({
              timeUnixNano: nanos(event.at),
              observedTimeUnixNano: observed,
              severityNumber: isWarning(event.type) ? 13 : 9,
              severityText: isWarning(event.type) ? 'WARN' : 'INFO',
              eventName: event.type,
              body: { stringValue: bodyOf(event) },
              attributes: [
                ...text('goblin.event.id', event.id),
                ...text('goblin.event.type', event.type),
                ...text('goblin.tenant', event.tenant),
                ...text('goblin.request_id', event.request_id),
                ...text('goblin.actor', event.actor),
                ...text('goblin.writer', event.writer),
                { key: 'goblin.block', value: { intValue: String(event.block) } },
              ],
            })),
          },
        ],
      },
    ],
  });
}
