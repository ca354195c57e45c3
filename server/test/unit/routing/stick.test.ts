import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '../../../src/contract/call.ts';
import { hashOf, lot } from '../../../src/routing/hash.ts';
import { stickOf } from '../../../src/routing/stick.ts';
import { cpuOf } from '../../support/cpu.ts';

const system = (text: string): Message => ({ role: 'system', content: [{ type: 'text', text }] });
const user = (text: string): Message => ({ role: 'user', content: [{ type: 'text', text }] });
const assistant = (text: string): Message => ({ role: 'assistant', content: [{ type: 'text', text }] });
const stick = (...messages: Message[]) => stickOf({ messages }, 'tenant');

test('a conversation keeps its number while it grows', () => {
  const first = stick(system('be kind'), user('hello'));
  assert.equal(stick(system('be kind'), user('hello'), assistant('hi'), user('and now?')), first);
  assert.equal(stick(system('be kind'), user('hello'), user('are you there?')), first);
  assert.equal(
    stick(system('be kind'), user('hello'), assistant('hi'), { role: 'tool', toolCallId: '1', content: [] }),
    first,
  );
});

test('another beginning, or another tenant, is another conversation', () => {
  const all = [
    stick(system('be kind'), user('hello')),
    stick(system('be rude'), user('hello')),
    stick(system('be kind'), user('good bye')),
    stick(user('hello')),
    stickOf({ messages: [user('hello')] }, 'other'),
    stick({ role: 'user', content: [{ type: 'image', url: 'https://a.example/1.png' }] }),
    stick({ role: 'user', content: [{ type: 'image', url: 'https://a.example/2.png' }] }),
  ];
  assert.equal(new Set(all).size, all.length);
});

test('nothing to go by is no conversation; long beginnings cost no more than short ones', () => {
  assert.equal(stick(), null);
  assert.equal(stick(assistant('hi'), user('hello')), null);
  const long = 'x'.repeat(5_000_000);
  const cpu = () =>
    cpuOf(() => assert.equal(stick(system(`${long}a`), user('q')), stick(system(`${long}b`), user('q'))));
  assert.ok(Math.min(cpu(), cpu(), cpu()) < 100);
});

test('lots are dealt by weight, and evenly over neighbours', () => {
  const names = ['a/m', 'b/m', 'c/m'].map((name) => hashOf(name));
  const counts = [0, 0, 0];
  for (let seed = 0; seed < 9000; seed++) {
    const drawn = names.map((name, i) => lot(name, seed, [6, 2, 1][i] ?? 0));
    const winner = drawn.indexOf(Math.min(...drawn));
    counts[winner] = (counts[winner] ?? 0) + 1;
  }
  for (const [i, share] of [6000, 2000, 1000].entries()) {
    assert.ok(Math.abs((counts[i] ?? 0) - share) < 250, counts.join(' '));
  }
  assert.equal(lot(1, 2, 0), Number.POSITIVE_INFINITY);
  assert.ok(Number.isFinite(lot(0xffffffff, 0xffffffff, 1)));
});
