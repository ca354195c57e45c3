/** Whoever guesses learns nothing: not who has an account, neither by words nor by time; and he is slowed. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bearer, makeUser, PASSWORD, signIn } from '../support/accounts.ts';
import { type Answer, call, isProblem, type Json, post } from '../support/api.ts';
import { type Server, startServer } from '../support/server.ts';

let server: Server;

before(async () => {
  server = await startServer({ env: { MCP_AUTH: 'required' }, settings: { simulator: true } });
});
after(() => server.stop());

const login = (email: string, password = 'a wrong password', tenant = 'acme') =>
  post(server, '/mcp/v1/auth/login', { tenant, email, password });

const median = (list: number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;

test('an unknown address, a closed account, one without a password: the same words, headers and time', {
  timeout: 120_000,
}, async () => {
  const EACH = 24;
  const known: string[] = [];
  for (let n = 0; n < EACH; n++) {
    const { email } = await makeUser(server, { tenant: 'acme', email: `known-${n}@example.com`, role: 'member' });
    known.push(email);
  }
  const closed = await makeUser(server, { tenant: 'acme', email: 'closed@example.com', role: 'member' });
  await call(server, `/mcp/v1/users/${closed.id}`, {
    method: 'PATCH',
    json: { disabled: true },
    headers: bearer(server.token),
  });
  await post(
    server,
    '/mcp/v1/users',
    { tenant: 'acme', email: 'elsewhere@example.com', role: 'member' },
    bearer(server.token),
  );
  const answers = [
    await login('known-0@example.com'),
    await login('nobody@example.com'),
    await login('closed@example.com'),
    await login('closed@example.com', PASSWORD),
    await login('elsewhere@example.com'),
    await login('known-0@example.com', PASSWORD, 'no-such-tenant'),
  ];
  for (const answer of answers) {
    isProblem(answer, 401, 'unauthorized');
    assert.equal(answer.text, answers[0]?.text);
    assert.deepEqual([...answer.headers.keys()].sort(), [...(answers[0]?.headers.keys() ?? [])].sort());
  }
  const time = async (email: string) => {
    const began = performance.now();
    await login(email);
    return performance.now() - began;
  };
  let [a, b, same] = [0, 0, false];
  // A difference that is there shows in every round; one that a busy machine makes does not.
  for (let round = 0; round < 3 && !same; round++) {
    const some: number[] = [];
    const none: number[] = [];
    for (let n = 0; n < EACH; n++) {
      some.push(await time(known[n] as string));
      none.push(await time(`unknown-${n}@example.com`));
    }
    [a, b] = [median(some), median(none)];
    same = Math.abs(a - b) < 0.35 * Math.max(a, b);
  }
  assert.ok(same, `known ${a.toFixed(1)} ms, unknown ${b.toFixed(1)} ms`);
  assert.ok(b > 10, 'and something was computed for the unknown one');
});

test('an account is slowed after some tries, known or not, and opens again after a wait', {
  timeout: 60_000,
}, async () => {
  /** Seven guesses, and the right password. Null: the machine stood still for so long that the wait may have been over. */
  const guess = async (email: string): Promise<Answer<Json> | null> => {
    const statuses: number[] = [];
    for (let n = 0; n < 5; n++) statuses.push((await login(email, 'guess', 'slow')).status);
    const slowed = performance.now();
    for (let n = 0; n < 2; n++) statuses.push((await login(email, 'guess', 'slow')).status);
    const refused = await login(email, PASSWORD, 'slow');
    if (performance.now() - slowed > 900) return null;
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429], email);
    isProblem(refused, 429, 'too_many_tries');
    return refused;
  };
  let email = '';
  let refused: Answer<Json> | null = null;
  for (let n = 0; n < 8 && refused === null; n++) {
    email = `real-${n}@example.com`;
    await makeUser(server, { tenant: 'slow', email, role: 'member' });
    refused = await guess(email);
  }
  assert.ok(refused);
  let madeUp: Answer<Json> | null = null;
  for (let n = 0; n < 8 && madeUp === null; n++) madeUp = await guess(`made-up-${n}@example.com`);
  assert.ok(madeUp);
  const wait = Number(refused.headers.get('retry-after'));
  assert.ok(wait >= 1 && wait <= 2, `retry-after ${wait}`);
  await new Promise((resolve) => setTimeout(resolve, wait * 1000 + 100));
  await signIn(server, { tenant: 'slow', email });
  // What was counted is forgotten with a success.
  for (let n = 0; n < 5; n++) assert.equal((await login(email, 'guess', 'slow')).status, 401);
});

test('tries that come at once are counted at once', { timeout: 60_000 }, async () => {
  await makeUser(server, { tenant: 'burst', email: 'real@example.com', role: 'member' });
  const began = performance.now();
  const all = await Promise.all(Array.from({ length: 40 }, () => login('real@example.com', 'guess', 'burst')));
  const looked = all.filter(({ status }) => status === 401).length;
  // One more for each second that a busy machine took: then a wait was over.
  const most = 5 + Math.floor((performance.now() - began) / 1000);
  assert.ok(looked <= most, `${looked} passwords were looked at`);
  for (const answer of all) if (answer.status !== 401) isProblem(answer, 429, 'too_many_tries');
});

test('what was refused is in the trail, without the address in clear', async () => {
  await login('who-is-this@example.com', 'guess', 'burst');
  await new Promise((resolve) => setTimeout(resolve, 300));
  const trail = await call(server, '/mcp/v1/admin/audit?type=session.refused', { headers: bearer(server.token) });
  assert.ok(!trail.text.includes('who-is-this'), trail.text);
});

test('names that are strange, long or hostile are refused or unknown, and break nothing', async () => {
  const strange = [
    '',
    ' ',
    'a',
    'a@',
    '@b',
    'a@b\n',
    'a@b\u0000c',
    "x' or 1=1 --@example.com",
    `${'a'.repeat(300)}@example.com`,
    '💥@example.com',
    '__proto__@x',
    'A@İ.com',
  ];
  for (const email of strange) {
    const answer = await login(email);
    assert.ok([400, 401, 429].includes(answer.status), `${JSON.stringify(email)}: ${answer.text}`);
  }
  for (const password of ['', '\u0000'.repeat(20), '\ud800', 'x'.repeat(100_000), 'ß'.repeat(1000)]) {
    const answer = await post(server, '/mcp/v1/auth/login', {
      tenant: 'acme',
      email: `p${password.length}@example.com`,
      password,
    });
    assert.ok([400, 401].includes(answer.status), answer.text);
  }
  for (const body of [
    '[]',
    'null',
    '"x"',
    '{"email":{"$ne":1},"password":"x"}',
    '{"email":"a@b.c","password":["x"]}',
    '{"email":"a@b.c","password":"x","admin":true}',
  ]) {
    const answer = await call(server, '/mcp/v1/auth/login', { raw: body });
    isProblem(answer, 400, answer.text.includes('malformed') ? 'malformed_json' : 'invalid_request');
  }
});
