/** How content rests: as it is, encrypted, or gone ten minutes after the end. Through the doors, over PostgreSQL and Redis. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openPostgres } from '../../src/drivers/postgres.ts';
import { bearer, makeKey, person } from '../support/accounts.ts';
import { call, isProblem, type Json, outcome, post, submit } from '../support/api.ts';
import { type Parrot, startParrot } from '../support/parrot.ts';
import { allRows, placesOf } from '../support/rows.ts';
import { eventually, runGoblin, type Server, startServer } from '../support/server.ts';
import { type PostgresService, type RedisService, startPostgres, startRedis } from '../support/services.ts';
import { openSse, readAll, textOf } from '../support/streams.ts';
import { MODEL, OPENAI_KEY, PATIENT } from '../support/vendors.ts';

const SECRET = 'k'.repeat(40);
/** Long enough to become a piece of its own, in which it is the only one. */
const long = (mark: string) => `${mark} ${'is what the caller said, and more of it. '.repeat(60)}`;

let postgres: PostgresService;
let redis: RedisService;
let vendor: Parrot;
let server: Server;
const keys = new Map<string, Record<string, string>>();

before(async () => {
  [postgres, redis, vendor] = await Promise.all([startPostgres(), startRedis(), startParrot()]);
  server = await startServer({
    env: {
      OPENAI_API_KEY: OPENAI_KEY,
      OPENAI_BASE_URL: vendor.url,
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      MCP_AUTH: 'required',
      MCP_SECRET: SECRET,
    },
    settings: { ...PATIENT, cache: { enabled: true }, callbacks: { allow_private: true } },
  });
  for (const tenant of ['plain', 'sealed', 'fleeting', 'late']) {
    keys.set(tenant, bearer((await makeKey(server, { tenant, role: 'admin' })).key));
  }
  await rest('sealed', 'encrypted');
  await rest('fleeting', 'erased');
});
after(async () => {
  await server?.stop();
  await Promise.all([postgres?.stop(), redis?.stop(), vendor?.close()]);
});

const headers = (tenant: string) => keys.get(tenant) as Record<string, string>;
async function rest(tenant: string, bodies: string | null): Promise<void> {
  const answer = await call<{ bodies: string | null }>(server, `/mcp/v1/tenants/${tenant}`, {
    method: 'PATCH',
    json: { bodies },
    headers: bearer(server.token),
  });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.body.bodies, bodies);
}

/** Asks in every way that leaves content behind; each says the mark back. Ids of what was asked. */
async function askAll(tenant: string, mark: string): Promise<string[]> {
  const said = `Say ${mark} to me`;
  const turns = [
    { role: 'user', content: long(mark) },
    { role: 'assistant', content: 'Yes?' },
    { role: 'user', content: said },
  ];
  const detached = await submit(
    server,
    { model: MODEL, messages: turns, metadata: { note: mark }, callback_url: `${vendor.url}/back/${tenant}` },
    headers(tenant),
  );
  const short = await submit(server, { model: MODEL, prompt: said }, headers(tenant));
  for (const one of [detached, short])
    assert.equal((await outcome(server, one.request_id, headers(tenant))).status, 200);
  const attached = await post<Json>(server, '/v1/chat/completions', { model: MODEL, messages: turns }, headers(tenant));
  assert.equal(attached.status, 200, attached.text);
  assert.ok(attached.text.includes(mark), attached.text);
  const failing = await post<Json>(
    server,
    '/v1/chat/completions',
    { model: MODEL, messages: [{ role: 'user', content: `${mark} FAIL` }] },
    headers(tenant),
  );
  assert.notEqual(failing.status, 200);
  const cut = await submit(
    server,
    { model: MODEL, failover: 'fail', prompt: `${mark} was shown before it was CUT` },
    headers(tenant),
  );
  assert.equal((await outcome(server, cut.request_id, headers(tenant))).status, 409);
  const ids = [detached.request_id, short.request_id, attached.headers.get('x-mcp-request-id') ?? '', cut.request_id];
  // What a door has answered is written behind it.
  await eventually(
    async () =>
      (await call<{ status: string }>(server, `/mcp/v1/request/${ids[2]}`, { headers: headers(tenant) })).body
        .status === 'succeeded',
    'the end',
  );
  return ids;
}

const sql = async <T extends Record<string, unknown>>(text: string): Promise<T[]> => {
  const one = await openPostgres({ url: postgres.url, size: 1, application: 'test', retryMs: 2000 });
  try {
    return await one.query<T>(text);
  } finally {
    await one.close();
  }
};

const backOf = async (id: string) => {
  const [row] = await sql(`select r.callback_url as asked, c.url, c.status from mcp_request r
    join mcp_callback c on c.request_id = r.id where r.id = '${id}'`);
  return row ?? {};
};

describe('content that is stored', () => {
  it('can be found by who looks: so what follows would be seen', async () => {
    await askAll('plain', 'ZEBRA-PLAIN');
    const places = placesOf(await allRows(postgres.url), 'ZEBRA-PLAIN');
    for (const table of ['mcp_body', 'mcp_piece', 'mcp_result', 'mcp_frame', 'mcp_partial']) {
      assert.ok(places.includes(table), `${table} of ${places.join(', ')}`);
    }
    const frames = redis
      .cli('--scan')
      .split('\n')
      .filter((one) => one.includes('frames:'));
    assert.ok(
      frames.some((key) => redis.cli('xrange', key, '-', '+').includes('ZEBRA-PLAIN')),
      'in Redis too',
    );
  });
});

describe('content that is encrypted', () => {
  it('stands in clear in no row and nowhere in Redis, and reads as if it were', async () => {
    const mark = 'OKAPI-SEALED';
    const ids = await askAll('sealed', mark);
    assert.deepEqual(placesOf(await allRows(postgres.url), mark), []);
    assert.equal(redis.cli('--scan').includes('frames:'), true, 'there is something in Redis');
    for (const key of redis
      .cli('--scan')
      .split('\n')
      .filter((one) => one.includes('frames:'))) {
      assert.ok(!redis.cli('xrange', key, '-', '+').includes(mark), key);
    }
    const [detached, , , cut] = ids as [string, string, string, string];
    const result = await outcome(server, detached, headers('sealed'));
    assert.ok(result.body.text.includes(mark), result.text);
    const frames = await readAll(openSse(server, detached, { headers: headers('sealed') }));
    assert.equal(textOf(frames), result.body.text);
    const broken = await outcome(server, cut, headers('sealed'));
    assert.ok(broken.body.partial_text?.includes(mark.slice(0, 5)), broken.text);
    const content = await call(server, `/mcp/v1/request/${detached}/content`, { headers: headers('sealed') });
    assert.equal(content.status, 200, content.text);
    assert.ok(content.text.includes(mark) && content.text.includes('Yes?'), content.text);
  });

  it('is shared between turns of a conversation, under names that say nothing', async () => {
    const rows = await sql<{ n: number; encoding: string }>(
      "select count(*)::int as n, min(encoding) as encoding from mcp_piece where tenant = 'sealed'",
    );
    assert.ok((rows[0]?.n ?? 0) >= 1);
    assert.match(rows[0]?.encoding ?? '', /^sealed\+/);
    const [bodies] = await sql<{ n: number }>(
      "select count(*)::int as n from mcp_body b join mcp_request r on r.id = b.request_id where r.tenant = 'sealed' and b.encoding like 'pieces+sealed+%'",
    );
    assert.ok((bodies?.n ?? 0) >= 2);
  });

  it('cannot be moved to another request', async () => {
    const [one, two] = [
      await submit(server, { model: MODEL, prompt: 'answer of the first' }, headers('sealed')),
      await submit(server, { model: MODEL, prompt: 'answer of the second' }, headers('sealed')),
    ];
    for (const { request_id } of [one, two]) await outcome(server, request_id, headers('sealed'));
    await sql(`update mcp_result t set sealed = s.sealed from mcp_result s
      where t.request_id = '${one.request_id}' and s.request_id = '${two.request_id}'`);
    const answer = await call(server, `/mcp/v1/request/${one.request_id}/result`, { headers: headers('sealed') });
    isProblem(answer, 503, 'unavailable');
    assert.ok(!answer.text.includes('second'));
  });
});

describe('content that goes', () => {
  it('is encrypted until then, stays for ten minutes, and is gone from every place after them; money and metadata stay', async () => {
    const mark = 'QUAGGA-GONE';
    const ids = await askAll('fleeting', mark);
    assert.deepEqual(placesOf(await allRows(postgres.url), mark), []);
    const [detached] = ids as [string];
    assert.ok((await outcome(server, detached, headers('fleeting'))).body.text.includes(mark));
    // One call-back is done, and one still has tries before it.
    const short = ids[1] as string;
    await eventually(async () => (await backOf(detached)).status === 'delivered', 'the call-back');
    assert.deepEqual(await backOf(detached), { asked: `${vendor.url}/back/fleeting`, url: '', status: 'delivered' });
    await sql(`insert into mcp_callback (request_id, tenant, url, status, next_at)
      values ('${short}', 'fleeting', 'http://192.0.2.1/later', 'waiting', now() + interval '1 hour')`);
    const before = await call<{ cost_usd: number; attempts: unknown[] }>(server, `/mcp/v1/request/${detached}`, {
      headers: headers('fleeting'),
    });
    // Nine and a half minutes later nothing has happened.
    await sql("update mcp_request set finished_at = finished_at - interval '570 seconds' where tenant = 'fleeting'");
    await new Promise((resolve) => setTimeout(resolve, 2000));
    assert.equal((await outcome(server, detached, headers('fleeting'))).status, 200);
    await sql("update mcp_request set finished_at = finished_at - interval '31 seconds' where tenant = 'fleeting'");
    await eventually(
      async () =>
        (await call(server, `/mcp/v1/request/${detached}/result`, { headers: headers('fleeting') })).status === 410,
      'the erasure',
    );
    const left = (table: string) =>
      `select count(*)::int as n from ${table} b join mcp_request r on r.id = b.request_id where r.tenant = 'fleeting'`;
    await eventually(async () => {
      const counts = await Promise.all(
        ['mcp_body', 'mcp_result', 'mcp_partial', 'mcp_frame'].map(
          async (table) => (await sql<{ n: number }>(left(table)))[0]?.n,
        ),
      );
      return counts.every((n) => n === 0);
    }, 'every place');
    assert.deepEqual(await backOf(detached), { asked: null, url: '', status: 'delivered' });
    assert.deepEqual(await backOf(short), { asked: null, url: 'http://192.0.2.1/later', status: 'waiting' });
    await sql(`update mcp_callback set next_at = now(), tries = 7 where request_id = '${short}'`);
    await eventually(async () => (await backOf(short)).status === 'given_up', 'the last try');
    assert.equal((await backOf(short)).url, '', 'it goes with the last try');
    const now = await call<{ cost_usd: number; attempts: unknown[] }>(server, `/mcp/v1/request/${detached}`, {
      headers: headers('fleeting'),
    });
    assert.equal(now.body.cost_usd, before.body.cost_usd);
    assert.equal(now.body.attempts.length, before.body.attempts.length);
    const stream = await call(server, `/mcp/v1/stream/${detached}`, { headers: headers('fleeting') });
    assert.equal(stream.status, 410, stream.text);
  });

  it('was there before too, once the tenant says so, with the parts that its requests shared', async () => {
    const mark = 'TARPAN-BEFORE';
    const [detached] = (await askAll('late', mark)) as [string];
    assert.ok(placesOf(await allRows(postgres.url), mark).includes('mcp_piece'));
    await sql("update mcp_request set finished_at = finished_at - interval '11 minutes' where tenant = 'late'");
    await rest('late', 'erased');
    await eventually(
      async () =>
        (await call(server, `/mcp/v1/request/${detached}/result`, { headers: headers('late') })).status === 410,
      'the erasure',
    );
    await eventually(async () => placesOf(await allRows(postgres.url), mark).length === 0, 'every place', 30_000);
    // Back again: what is asked now is kept, with all of its parts.
    await rest('late', null);
    const again = await askAll('late', mark);
    const content = await call(server, `/mcp/v1/request/${again[0]}/content`, { headers: headers('late') });
    assert.ok(content.text.includes(`${mark} is what the caller said`), content.text);
  });
});

describe('who may say it', () => {
  it('is an owner of the tenant, or who runs the installation; also by the command line', async () => {
    const set = async (role: string, tenant: string) => {
      const who = await person(server, 'plain', role);
      return await call(server, `/mcp/v1/tenants/${tenant}`, {
        method: 'PATCH',
        json: { bodies: 'erased' },
        headers: bearer(who.access_token),
      });
    };
    isProblem(await set('admin', 'plain'), 403, 'forbidden');
    isProblem(await set('owner', 'sealed'), 404, 'not_found');
    const wrong = await call(server, '/mcp/v1/tenants/plain', {
      method: 'PATCH',
      json: { bodies: 'burnt' },
      headers: bearer(server.token),
    });
    isProblem(wrong, 400, 'invalid_request');
    const ran = await runGoblin(['tenant', 'set', 'plain', '--bodies', 'encrypted'], server, { MCP_SECRET: SECRET });
    assert.equal(ran.code, 0, ran.stderr);
    const shown = await runGoblin(['tenant', 'list'], server, { MCP_SECRET: SECRET });
    assert.match(shown.stdout, /plain .*encrypted/);
  });
});
