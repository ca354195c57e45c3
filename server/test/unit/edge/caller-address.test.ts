import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { createAddressOf, isProxy } from '../../../src/edge/caller-address.ts';

const from = (remoteAddress: string | undefined, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage;

test('nobody is believed where no proxy is named', () => {
  const addressOf = createAddressOf([]);
  assert.equal(addressOf(from('203.0.113.9', '192.0.2.1')), '203.0.113.9');
  assert.equal(addressOf(from('127.0.0.1', '192.0.2.1')), '127.0.0.1');
});

test('from the right, as far as the proxies are ours', () => {
  const addressOf = createAddressOf(['10.0.0.0/8', '2001:db8::/32', 'loopback']);
  const cases: [remote: string, forwarded: string | undefined, seen: string][] = [
    ['203.0.113.9', '192.0.2.1', '203.0.113.9'],
    ['10.1.2.3', '192.0.2.1', '192.0.2.1'],
    ['::ffff:10.1.2.3', '192.0.2.1', '192.0.2.1'],
    ['10.1.2.3', '1.1.1.1, 192.0.2.1, 10.9.9.9', '192.0.2.1'],
    ['2001:db8::5', '2a00::1', '2a00::1'],
    ['::1', '192.0.2.1:4711', '192.0.2.1'],
    ['::1', '[2a00::1]:4711', '2a00::1'],
    ['::1', '[2a00::1]', '2a00::1'],
    ['10.1.2.3', undefined, '10.1.2.3'],
    ['10.1.2.3', '', '10.1.2.3'],
    ['10.1.2.3', 'unknown', '10.1.2.3'],
    ['10.1.2.3', '192.0.2.1, <script>, 10.9.9.9', '10.9.9.9'],
    ['10.1.2.3', '10.5.5.5, 10.6.6.6', '10.5.5.5'],
  ];
  for (const [remote, forwarded, seen] of cases) {
    assert.equal(addressOf(from(remote, forwarded)), seen, `${remote} for ${forwarded}`);
  }
  assert.equal(addressOf(from(undefined, '192.0.2.1')), undefined);
});

test('what may be named', () => {
  for (const good of ['10.0.0.0/8', '192.168.1.5', '2001:db8::/32', 'loopback', 'uniquelocal']) {
    assert.ok(isProxy(good), good);
  }
  for (const bad of ['', '10.0.0.0/33', '10.0.0/8', 'proxy.example.com', '0.0.0.0/0', '*'])
    assert.ok(!isProxy(bad), bad);
});
