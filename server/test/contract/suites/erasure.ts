/** Erasure of a user's data over any `Sql`: nothing of it is left in any row, and nothing of anybody else is lost. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import type { Sql } from '../../../src/contract/ports.ts';
import type { Acceptance } from '../../../src/contract/record.ts';
import { startErasures } from '../../../src/dispatch/erasures.ts';
import { deriveAuditKey } from '../../../src/identity/secrets.ts';
import { createSealer } from '../../../src/ledger/audit.ts';
import { verifyAudit } from '../../../src/ledger/audit-verify.ts';
import { erasureStep, getErasure, orderErasure, takeErasure } from '../../../src/ledger/erase-user.ts';
import { createLedger } from '../../../src/ledger/index.ts';
import { beat } from '../../../src/ledger/processes.ts';
import { until } from '../../support/patience.ts';
import { acceptance, CAPS, ledgerOf, success, T, worker } from './ledger-kit.ts';

const KEY = deriveAuditKey('a secret for tests that is long enough');
const ADA = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
const BOB = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb';
const CANARY = 'canary-7f3a';
const long = (text: string) => `${text} ${'word '.repeat(100)}`;
const said = (...texts: string[]) => ({
  kind: 'answer' as const,
  messages: texts.map((text, n) => ({
    role: n % 2 === 0 ? ('user' as const) : ('assistant' as const),
    content: [{ type: 'text' as const, text }],
  })),
});
const SHARED = long('What everybody asks.');

/** All rows of all our tables as text, bodies and pieces unpacked. */
async function dump(sql: Sql): Promise<string> {
  const tables = await sql.query<{ name: string }>(
    "select c.relname as name from pg_class c where c.relkind in ('r', 'p') and not c.relispartition and c.relname like 'mcp\\_%'",
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    for (const { row } of await sql.query<{ row: string }>(`select t::text as row from ${name} t`)) texts.push(row);
  }
  for (const name of ['mcp_body', 'mcp_piece']) {
    const rows = await sql.query<{ encoding: string; data: Uint8Array }>(`select encoding, data from ${name}`);
    for (const { encoding, data } of rows) {
      const bytes = Buffer.from(data);
      const start = encoding.startsWith('pieces+') ? 4 + 16 * bytes.readUInt32LE(0) : 0;
      const content = bytes.subarray(start);
      texts.push(encoding.endsWith('deflate') ? inflateRawSync(content).toString() : content.toString());
    }
  }
  return texts.join('\n');
}

/** `open` gives an empty, migrated database. `parallel`: it has more than one connection. */
export function erasureConformance(name: string, open: () => Promise<Sql>, parallel = false): void {
  describe(`Erasure: ${name}`, async () => {
    const sql = await open();
    const { ledger, one } = await ledgerOf(sql);
    const other = createLedger(sql, CAPS);
    const [named] = await sql.query<{ name: string }>("select current_setting('application_name') as name");
    const sealer = await createSealer(sql, named?.name ?? '', KEY);
    const seal = async () => {
      while ((await sealer.seal()) === 'more');
    };
    after(() => sql.close());

    const letGo = (version: number, id = 'w1') => beat(sql, { id, ...worker }, 0, 0, { let_go: version });
    const version = async () =>
      (await sql.query<{ v: number }>('select version::float8 as v from mcp_rules'))[0]?.v ?? 0;
    const money = async () =>
      await sql.query(
        'select (select sum(cost_pico)::text from mcp_request) as requests, (select sum(cost_pico)::text from mcp_attempt) as attempts, (select count(*)::int from mcp_request) as n',
      );

    async function asked(more: Partial<Acceptance>): Promise<string> {
      const id = await one(more);
      await ledger.attempt(
        {
          id,
          tenant: T,
          epoch: 1,
          firstSeq: 1,
          day: new Date().toISOString().slice(0, 10),
          frames: [{ type: 'text', text: `${CANARY} shown` }],
        },
        { attempt: 1, provider: 'p', model: 'm', reason: 'test', inputPico: 100, outputPico: 10 },
        null,
      );
      return id;
    }

    /** Goes on until the step waits or all is done; answers what it waited for. */
    async function run(): Promise<string[]> {
      await sql.query('update mcp_erasure set due_at = now() where due_at is not null');
      const of = await takeErasure(sql);
      assert.ok(of, 'there is something to do');
      for (;;) {
        const { next, running } = await erasureStep(sql, of);
        if (next !== 'again') return running;
      }
    }

    test('nothing of a user is left in any row; money, others, and the chain are as they were', async () => {
      const full = success(
        await asked({
          userHash: ADA,
          labels: { project: `${CANARY}-label` },
          callbackUrl: `https://example.com/${CANARY}`,
          idempotency: { key: `${CANARY}-key`, bodyHash: 'ab'.repeat(32) },
          body: {
            call: said(SHARED, long(`${CANARY} said`), long(`${CANARY} asked`)),
            hints: [],
            metadata: { note: `${CANARY}-metadata` },
            vault: `${CANARY}-vault`,
          },
        }),
        1,
        2,
      );
      if (full.result) full.result = { ...full.result, text: CANARY, message: { role: 'assistant', content: CANARY } };
      await ledger.settle({ ...full, callback: true });
      const failed = success(
        await asked({ userHash: ADA, body: { call: said(CANARY), hints: [], metadata: null } }),
        1,
        2,
      );
      await ledger.settle({
        ...failed,
        state: 'failed',
        result: null,
        error: { code: 'upstream_protocol', message: `the vendor says ${CANARY}`, upstream_status: 500 },
        partialText: CANARY,
        attempt: failed.attempt && {
          ...failed.attempt,
          status: 'failed',
          error: { code: 'upstream_protocol', detail: `${CANARY} is wrong`, upstream_status: 500 },
        },
      });
      const bobs = acceptance({
        userHash: BOB,
        body: { call: said(SHARED, long('Yes.'), 'Go on.'), hints: [], metadata: null },
      });
      await other.accept(T, bobs);
      await ledger.end(T, bobs.id, 'cancelled', { code: 'cancelled', message: 'Enough.' }, 'test');
      await seal();
      const before = await money();
      assert.ok((await dump(sql)).includes(CANARY));

      const { id } = await orderErasure(sql, T, [ADA], 'tester');
      assert.deepEqual(await run(), [], 'nothing of it runs');
      const waiting = await getErasure(sql, T, id);
      assert.equal(waiting?.step, 'caches', 'it waits until the processes have let go');
      await run();
      assert.equal((await getErasure(sql, T, id))?.step, 'caches');
      await letGo(await version());
      ledger.forget();
      other.forget();
      await run();
      const done = await getErasure(sql, T, id);
      assert.equal(done?.step, 'done');
      assert.deepEqual(
        [
          done?.counts.requests,
          done?.counts.bodies,
          done?.counts.results,
          done?.counts.partials,
          done?.counts.callbacks,
          done?.counts.idempotency_keys,
          done?.counts.pieces,
        ],
        [2, 2, 1, 1, 1, 1, 2],
      );
      assert.ok((done?.counts.events ?? 0) >= 6 && (done?.counts.frames ?? 0) >= 4);
      assert.ok(!(await dump(sql)).includes(CANARY));
      assert.deepEqual(await money(), before);
      const body = await ledger.body(T, bobs.id);
      assert.deepEqual(body?.call.kind === 'answer' && body.call.messages.length, 3, 'what others hold too stays');
      const row = await ledger.get(T, failed.id);
      assert.deepEqual(
        [row?.state, row?.erased, row?.error?.code, row?.error?.message],
        ['failed', true, 'upstream_protocol', 'erased'],
      );
      await seal();
      const report = await verifyAudit(sql, new Map([[KEY.id, KEY.key]]));
      assert.deepEqual(report.findings, []);
      assert.ok(report.erased >= 6);
      const [told] = await sql.query<{ payload: { counts: object } }>(
        "select payload from mcp_event where type = 'user.erased'",
      );
      assert.deepEqual(told?.payload.counts, done?.counts);
    });

    test('what was erased one by one is gone with all that it had, too', async () => {
      const end = success(
        await asked({
          userHash: ADA,
          labels: { project: CANARY },
          callbackUrl: 'https://example.com/told-here',
          body: { call: said(long(`${CANARY} alone`), long(`${CANARY} more`)), hints: [], metadata: null },
        }),
        1,
        2,
      );
      await ledger.settle(end);
      await sql.query('update mcp_callback set next_at = null where request_id = $1', [end.id]);
      assert.deepEqual(await ledger.erase(T, end.id, 'tester'), { outcome: 'erased', shared: true });
      assert.equal((await ledger.get(T, end.id))?.erased, true);
      assert.ok(!(await dump(sql)).includes('told-here'));
      assert.ok((await dump(sql)).includes(CANARY));
      await orderErasure(sql, T, [ADA], 'tester');
      await run();
      await letGo(await version());
      ledger.forget();
      await run();
      assert.ok(!(await dump(sql)).includes(CANARY));
    });

    test('what runs or waits must end first; a user of another tenant is somebody else', async () => {
      const made = acceptance({ userHash: ADA });
      await ledger.accept(T, made);
      await ledger.accept('others', acceptance({ userHash: ADA }));
      const { id } = await orderErasure(sql, T, [ADA], 'tester');
      assert.deepEqual(await run(), [made.id]);
      assert.equal((await getErasure(sql, T, id))?.step, 'requests');
      assert.equal(await getErasure(sql, 'others', id), null);
      await ledger.end(T, made.id, 'cancelled', { code: 'cancelled', message: 'Erased.' }, 'test');
      await run();
      await letGo(await version());
      await run();
      const done = await getErasure(sql, T, id);
      assert.deepEqual([done?.step, done?.counts.requests], ['done', 1]);
    });

    test('who asks while parts of conversations go finds every one that he has sent', { skip: !parallel }, async () => {
      const nodes = ['w1', 'w2'].map((id) => {
        const mine = createLedger(sql, { perTenant: 100_000, total: 100_000 });
        const erasures = startErasures({
          sql,
          ledger: mine,
          bus: { drop: () => {} },
          cancel: async () => {},
          forget: () => {},
          telemetry: { count() {}, time() {}, gauge() {}, report() {}, log() {} } as never,
        });
        return { id, mine, erasures };
      });
      let over = false;
      const kept: string[] = [];
      let turns = 0;
      const asking = nodes.map(async ({ mine }, n) => {
        for (let turn = 0; !over; turn++) {
          turns++;
          // Bob says what Ada said long before, and what was erased of her meanwhile.
          const asks = (of: number) => said(SHARED, long('Yes.'), long(`own ${n} ${of}`));
          const ada = acceptance({ userHash: ADA, body: { call: asks(turn), hints: [], metadata: null } });
          const bob = acceptance({
            userHash: BOB,
            body: { call: asks(Math.floor(Math.random() * Math.min(turn, 300))), hints: [], metadata: null },
          });
          await mine.accept(T, ada);
          await ledger.end(T, ada.id, 'cancelled', { code: 'cancelled', message: 'Over.' }, 'test');
          if (turn % 4 === 0) {
            await mine.accept(T, bob);
            kept.push(bob.id);
          }
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
      });
      const beats = setInterval(async () => {
        const rules = await version();
        for (const { id, erasures } of nodes) {
          erasures.looked(rules);
          erasures.wake();
          await letGo(erasures.letGo(), id);
        }
      }, 100);
      const orders: number[] = [];
      for (let n = 0; n < 3; n++) {
        orders.push((await orderErasure(sql, T, [ADA], 'tester')).id);
        // So many at least, however slow the machine is.
        const enough = turns + 80;
        await new Promise((resolve) => setTimeout(resolve, 1500));
        await until(() => turns >= enough, 60_000);
      }
      // It comes to an end while requests come in.
      for (const id of orders) await until(async () => (await getErasure(sql, T, id))?.step === 'done', 60_000);
      over = true;
      await Promise.all(asking);
      clearInterval(beats);
      await Promise.all(nodes.map(({ erasures }) => erasures.stop()));
      assert.ok(kept.length > 50, `${kept.length} requests`);
      for (const id of kept) {
        const body = await ledger.body(T, id);
        assert.equal(body?.call.kind === 'answer' && body.call.messages.length, 3, id);
      }
      const [gone] = await sql.query<{ n: number }>(
        "select sum((counts ->> 'pieces')::int)::int as n from mcp_erasure",
      );
      assert.ok((gone?.n ?? 0) > 10, `${gone?.n} pieces are gone`);
    });
  });
}
