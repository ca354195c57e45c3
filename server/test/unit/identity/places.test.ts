import assert from 'node:assert/strict';
import { test } from 'node:test';
import { familyOf, networkOf } from '../../../src/identity/places.ts';

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

test('the kind of a client is the first name in its own words, without a version', () => {
  assert.equal(familyOf('OpenAI/JS 5.0.1'), 'openai');
  assert.equal(familyOf('python-requests/2.32'), 'python-requests');
  assert.equal(familyOf('Mozilla/5.0 (X11; Linux) Firefox/1'), 'mozilla');
  assert.equal(familyOf(undefined), '');
  assert.equal(familyOf('<script>'), '');
  assert.equal(familyOf('x'.repeat(300)).length, 40);
});
