/** Keys and the command line: the doctor tries each of several; what is in the record is explained without any. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { submit, view } from '../support/api.ts';
import { eventually, makePlace, runGoblin, startServer } from '../support/server.ts';

const RIGHT = 'sk-right-key-for-both-7777';
const KEYS = { KEY_A: RIGHT, KEY_B: 'sk-wrong-key-with-end-4321' };

let vendor: Simulator;
before(async () => {
  vendor = await startSimulator({ key: RIGHT, journal: true });
});
after(() => vendor.close());

const settings = () => ({
  providers: {
    mine: {
      base_url: vendor.url,
      dialect: 'openai',
      models: ['m-1'],
      keys: [{ env: 'KEY_A' }, { env: 'KEY_B', models: ['m-2'] }],
    },
  },
});

test('the doctor tries each key of several, and names it by its variable and its end', async () => {
  const place = makePlace(settings());
  const told = await runGoblin(['doctor'], place, KEYS);
  assert.equal(told.code, 1, told.stdout + told.stderr);
  assert.match(told.stdout, /^ok +mine +m-1 +\d+ ms$/m);
  assert.match(told.stdout, /^ok +mine +KEY_A …7777 +m-1 +\d+ ms$/m);
  assert.match(
    told.stdout,
    /^FAIL +mine +KEY_B …4321 +m-2 +\d+ ms +upstream_unauthorized: The provider refused our key$/m,
  );
  assert.match(told.stdout, /1 thing configured here is broken/);
  assert.doesNotMatch(told.stdout + told.stderr, /sk-/);
});

test('a request is explained when no server runs, and the keys of goblin.yaml are not set', async () => {
  const server = await startServer({ settings: settings(), env: KEYS });
  const place = makePlace(settings(), server.folder);
  const { request_id: id } = await submit(server, { prompt: 'explain me', model: 'mine/m-1' });
  await eventually(async () => (await view(server, id)).status === 'succeeded', 'the end');
  const due = Date.now() + 8000;
  const waits = await submit(server, {
    prompt: 'Later',
    model: 'mine/m-1',
    not_before: new Date(due).toISOString(),
  });
  await server.stop();
  await new Promise((resolve) => setTimeout(resolve, Math.max(due - Date.now(), 0) + 200));
  const explained = await runGoblin(['explain', id], place, {});
  assert.equal(explained.code, 0, explained.stderr);
  assert.match(explained.stdout, /is succeeded[\s\S]*mine\/m-1/);
  // Nobody could call its provider: what is due is left for a server that can.
  const left = await runGoblin(['explain', waits.request_id], place, {});
  assert.match(left.stdout, /is queued/);
});
