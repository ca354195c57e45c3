/** Guardrails whose hook gives no usable answer: refused where they are closed, let pass and told of where they are open. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Simulator } from '../../src/providers/simulator/index.ts';
import {
  allow,
  chat,
  type GuardedHouse,
  hook,
  type Says,
  startGuardedHouse,
  TIMEOUT_MS,
  trail,
} from '../support/guardrails.ts';
import { eventually, type Server } from '../support/server.ts';
import { callsWith } from '../support/vendors.ts';

let vendor: Simulator;
let closed: Server;
let open: Server;
let house: GuardedHouse;
before(async () => {
  house = await startGuardedHouse();
  ({ vendor, closed, open } = house);
});
after(() => house?.close());
beforeEach(() => {
  hook.heard = [];
  hook.says = allow;
});

/** Events of hooks that failed before a call, newest first. */
const befores = async () => (await trail(open, 'guardrail.failed')).filter(({ stage }) => stage === 'before');

/** What is no usable answer, and what is noted of it. */
const UNUSABLE: readonly [string, Says, RegExp][] = [
  ['silence', () => undefined, /2500 ms|time/],
  ['text that is no JSON', () => 'allow', /not JSON/],
  ['JSON that is cut off', () => '{"action": "allow"', /not JSON/],
  ['no object', () => '[]', /none of/],
  ['null', () => 'null', /none of/],
  ['an action that there is not', () => ({ action: 'permit' }), /none of/],
  ['a replacement without one', () => ({ action: 'replace' }), /none of/],
  [
    'a status of failure',
    (_asked, response) => {
      response.writeHead(500).end('{"action": "allow"}');
    },
    /status 500/,
  ],
  [
    'a status of success that is another',
    (_asked, response) => {
      response.writeHead(201, { 'content-type': 'application/json' }).end('{"action": "allow"}');
    },
    /status 201/,
  ],
  [
    'a redirect',
    (_asked, response) => {
      response.writeHead(307, { location: '/moved' }).end();
    },
    /status 307/,
  ],
  [
    'an answer without end',
    (_asked, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"action": "allow"');
    },
    /2500 ms|time/,
  ],
  [
    'a connection that breaks',
    (_asked, response) => {
      response.destroy();
    },
    /./,
  ],
  ['more than anybody reads', () => ({ action: 'allow', padding: 'x'.repeat(5 * 1024 * 1024) }), /./],
];
for (const [index, [name, unusable, why]] of UNUSABLE.entries()) {
  test(`without a usable answer (${name}): closed refuses and sends nothing, open lets it pass with an event`, async () => {
    const mark = `unusable-${index}`;
    hook.says = (asked, response) => (asked.stage === 'before' ? unusable(asked, response) : { action: 'allow' });
    // What was noted before this case, which the case before has waited for.
    const notedBefore = (await befores()).length;
    const began = performance.now();
    const refused = await chat(closed, `${mark} closed`);
    assert.equal(refused.status, 503, refused.text);
    assert.ok(performance.now() - began < 10 * TIMEOUT_MS, 'it is not waited for longer');
    assert.ok(Number(refused.headers.get('retry-after')) >= 1);
    assert.equal(callsWith(vendor, `${mark} closed`).length, 0);
    assert.equal((await chat(open, `${mark} open`)).status, 200);
    assert.equal(callsWith(vendor, `${mark} open`).length, 1);
    const noted = await eventually(async () => {
      const all = await befores();
      return all.length > notedBefore ? all[0] : null;
    }, 'the event');
    assert.ok(noted);
    assert.deepEqual([noted.stage, noted.on_failure], ['before', 'open']);
    assert.match(String(noted.why), why);

    hook.says = (asked, response) => (asked.stage === 'after' ? unusable(asked, response) : { action: 'allow' });
    const late = await chat(closed, `${mark} after`);
    assert.equal(late.status, 503, late.text);
    assert.equal((await chat(open, `${mark} after`)).status, 200);
    assert.equal(hook.moved, 0, 'nobody followed the redirect');
  });
}
