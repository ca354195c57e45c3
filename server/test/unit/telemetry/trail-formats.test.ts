import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHeaders } from '../../../src/settings/audit.ts';
import { settle } from '../../../src/settings/settings.ts';
import { framed, otlpLogs, syslogLine, type ToldEvent } from '../../../src/telemetry/trail-formats.ts';
import { readSyslog } from '../../support/sinks.ts';

const event = (more: Partial<ToldEvent> = {}): ToldEvent => ({
  id: '17',
  tenant: 'acme',
  request_id: null,
  at: '2026-01-31T12:00:00.000042Z',
  type: 'session.refused',
  actor: null,
  payload: '{"method": "password"}',
  writer: 'goblin all here-1',
  block: 3,
  ...more,
});

test('a message of syslog follows the grammar whatever stands in it', () => {
  const nasty = 'a"b]c\\d e\nf\u0000g é漢😀 <13>1 ';
  const line = syslogLine(
    event({ writer: nasty, payload: JSON.stringify({ nasty }), type: 'x y'.repeat(30) }),
    'höst name',
  );
  assert.match(line, /^[\x20-\x7e]+$/, 'one line of ASCII');
  const read = readSyslog(line);
  assert.deepEqual([read.priority, read.host, read.data.block, read.data.id], [13 * 8 + 6, 'hstname', '3', '17']);
  assert.deepEqual(read.body.payload, { nasty });
  assert.equal(readSyslog(syslogLine(event(), '')).priority, 13 * 8 + 4, 'a warning');
  assert.equal(readSyslog(syslogLine(event(), '')).host, '-');
  assert.equal(framed(line), `${Buffer.byteLength(line)} ${line}`);
});

test('a message that no datagram could carry goes without its payload', () => {
  const line = syslogLine(event({ payload: JSON.stringify('x'.repeat(70_000)) }), 'host', 65_507);
  assert.ok(line.length < 1000);
  assert.equal(readSyslog(line).body.payload, 'too long');
});

test('a record of OTLP has the time to the microsecond, and everything that the event says', () => {
  const { resourceLogs } = JSON.parse(otlpLogs([event({ actor: 'k1' })], { version: '1', host: 'h', now: 1 })) as {
    resourceLogs: { scopeLogs: { logRecords: Record<string, unknown>[] }[] }[];
  };
  const record = resourceLogs[0]?.scopeLogs[0]?.logRecords[0];
  assert.ok(record);
  assert.equal(record.timeUnixNano, `${Date.parse('2026-01-31T12:00:00Z') / 1000}000042000`);
  assert.deepEqual([record.severityNumber, record.severityText, record.eventName], [13, 'WARN', 'session.refused']);
  const { stringValue } = record.body as { stringValue: string };
  assert.deepEqual((JSON.parse(stringValue) as { payload: unknown }).payload, { method: 'password' });
  assert.deepEqual(
    (record.attributes as { key: string }[]).map(({ key }) => key),
    ['goblin.event.id', 'goblin.event.type', 'goblin.tenant', 'goblin.actor', 'goblin.writer', 'goblin.block'],
  );
});

test('addresses of sinks have the ports and paths that are usual', () => {
  const of = (stream: string) => settle({ audit: { stream } }).audit.stream?.name;
  assert.equal(of('syslog+udp://logs.example.com'), 'syslog+udp://logs.example.com:514');
  assert.equal(of('syslog+tls://logs.example.com'), 'syslog+tls://logs.example.com:6514');
  assert.equal(of('syslog+tcp://[::1]:80'), 'syslog+tcp://[::1]:80');
  assert.equal(of('otlp+http://collector'), 'http://collector:4318/v1/logs');
  assert.equal(of('otlp+https://collector:443/base/'), 'https://collector/base/v1/logs');
  assert.equal(of('otlp+https://collector/v1/logs'), 'https://collector:4318/v1/logs');
  assert.deepEqual(readHeaders('a=b%20c, D=e=f'), { a: 'b c', d: 'e=f' });
  for (const wrong of ['', 'a', '=b', 'a b=c', 'a=%0d%0ab', 'a=%zz']) assert.equal(readHeaders(wrong), null, wrong);
});
