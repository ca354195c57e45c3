/** Days and times that are written down: what the calendar has is read, and nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDay, readDayOrTime, readTime } from '../../src/contract/time.ts';

test('a day', () => {
  assert.equal(readDay('2026-01-31'), Date.UTC(2026, 0, 31));
  assert.equal(readDay('2028-02-29'), Date.UTC(2028, 1, 29));
  const none = '2026-02-29 2026-02-30 2026-04-31 2026-13-01 2026-00-10 2026-01-00 0000-01-01 26-01-31 2026-1-31 2026';
  for (const text of [...none.split(' '), '', ' 2026-01-31', '2026-01-31T00:00:00Z', '20260131', 'today']) {
    assert.equal(readDay(text), null, text);
  }
});

test('a time, always with its zone', () => {
  assert.equal(readTime('2026-01-31T12:00:00Z'), Date.UTC(2026, 0, 31, 12));
  assert.equal(readTime('2026-01-31T12:00+02:00'), Date.UTC(2026, 0, 31, 10));
  assert.equal(readTime('2026-12-31T23:59:59.123456-14:00'), Date.UTC(2027, 0, 1, 13, 59, 59, 123));
  for (const text of [
    '2026-02-30T00:00:00Z',
    '2026-01-31T24:00:00Z',
    '2026-01-31T12:60:00Z',
    '2026-01-31T23:59:60Z',
    '2026-01-31T12:00:00+24:00',
    '2026-01-31T12:00:00+02:60',
    '2026-01-31T12:00:00',
    '2026-01-31 12:00:00Z',
    '2026-01-31',
    '1769860800000',
    'Sat, 31 Jan 2026 12:00:00 GMT',
  ]) {
    assert.equal(readTime(text), null, text);
  }
  assert.equal(readDayOrTime('2026-01-31'), readTime('2026-01-31T00:00:00Z'));
});
