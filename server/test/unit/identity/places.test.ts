import assert from 'node:assert/strict';
import { test } from 'node:test';
import { customerOf, familyOf, networkOf } from '../../../src/identity/places.ts';

test('the network of an address is its /24 or its /48, however it is written', () => {
  assert.equal(networkOf('192.0.2.77'), '192.0.2.0/24');
  assert.equal(networkOf('::ffff:192.0.2.77'), '192.0.2.0/24');
  assert.equal(networkOf('2001:db8:1:2::3'), '2001:db8:1::/48');
  assert.equal(networkOf('2001:0DB8:0001::'), '2001:db8:1::/48');
  assert.equal(networkOf('2001:db8::1'), '2001:db8:0::/48');
  assert.equal(networkOf('::1'), '0:0:0::/48');
  assert.equal(networkOf('fe80::1%eth0'), 'fe80:0:0::/48');
  assert.equal(networkOf('odd'), 'odd');
});

test('a customer has one address of IPv4, or a /64, however it is written', () => {
  for (const one of ['192.0.2.77', '::ffff:192.0.2.77', '::FFFF:c000:24d', '0:0:0:0:0:ffff:c000:024d'])
    assert.equal(customerOf(one), '192.0.2.77', one);
  for (const one of ['2001:db8:1:2::3', '2001:0DB8:0001:0002:ffff::9%eth0', '2001:db8:1:2::3:192.0.2.77'])
    assert.equal(customerOf(one), '2001:db8:1:2::/64', one);
  assert.equal(customerOf('1::2:3:4:5:192.0.2.77'), '1:0:2:3::/64');
  assert.equal(customerOf('64:ff9b::192.0.2.77'), '64:ff9b:0:0::/64', 'the address of a gateway is its own');
  assert.equal(customerOf('::1'), '0:0:0:0::/64');
  assert.equal(customerOf('odd'), 'odd');
});

test('the kind of a client is the first name in its own words, without a version', () => {
  assert.equal(familyOf('OpenAI/JS 5.0.1'), 'openai');
  assert.equal(familyOf('python-requests/2.32'), 'python-requests');
  assert.equal(familyOf('Mozilla/5.0 (X11; Linux) Firefox/1'), 'mozilla');
  assert.equal(familyOf(undefined), '');
  assert.equal(familyOf('<script>'), '');
  assert.equal(familyOf('x'.repeat(300)).length, 40);
});
