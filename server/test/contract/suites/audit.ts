/** The trail as a chain, over any `Sql`: what is sealed stays as it is, and whatever is changed is found. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import type { Sql } from '../../../src/contract/ports.ts';
import { deriveAuditKey } from '../../../src/identity/secrets.ts';
import { createSealer, type Sealed, type Sealer } from '../../../src/ledger/audit.ts';
import { proveEvents, readAudit } from '../../../src/ledger/audit-read.ts';
import { verifyAudit } from '../../../src/ledger/audit-verify.ts';
import { createLedger } from '../../../src/ledger/index.ts';
import { leafOf, rootBy } from '../../../src/ledger/merkle.ts';
import { beat, leave } from '../../../src/ledger/processes.ts';
import { buryProcesses } from '../../../src/ledger/sweep.ts';
import { acceptance, start, success, T } from './ledger-kit.ts';

const KEY = deriveAuditKey('a secret for tests that is long enough');

const LEFT_EVENTS = new URL('../../../migrations/0012_left_events.sql', import.meta.url);

async function all(seal: () => Promise<Sealed>): Promise<void> {
  while ((await seal()) === 'more');
}

/** `open` gives a database of its own, migrated, of which the caller is the owner. */
export function auditConformance(name: string, open: () => Promise<Sql>): void {
  describe(`Audit: ${name}`, async () => {
    const sql = await open();
    const ledger = createLedger(sql, { perTenant: 1000, total: 1000 });
    const writer =
      (await sql.query<{ name: string }>("select current_setting('application_name') as name"))[0]?.name ?? '';
    const sealer: Sealer = await createSealer(sql, writer, KEY);
    const check = () => verifyAudit(sql, new Map([[KEY.id, KEY.key]]));
    after(() => sql.close());

    async function one(): Promise<string> {
      const asked = acceptance();
      await ledger.accept(T, asked);
      const [claim] = await ledger.claim('w1', 1);
      assert.equal(claim?.id, asked.id);
      await ledger.attempt(
        { id: asked.id, tenant: T, epoch: 1, firstSeq: 1, day: new Date().toISOString().slice(0, 10), frames: [] },
        start,
        null,
      );
      await ledger.settle(success(asked.id, 1, 1));
      return asked.id;
    }

    /** What a check says while something is changed; then it is put back. */
    async function found(change: string, back: string): Promise<string> {
      await sql.script(change);
      const { findings } = await check();
      await sql.script(back);
      return findings.map(({ what }) => what).join('; ');
    }

    test('what was written is sealed, and a trail that nobody touched verifies', async () => {
      await beat(
        sql,
        { id: 'w1', kind: 'all', host: 'h', pid: 1, leaseMs: 600_000, capacity: 9, secretIds: ['s'] },
        0,
        0,
      );
      for (let n = 0; n < 5; n++) await one();
      await all(sealer.seal);
      for (let n = 0; n < 3; n++) await one();
      await ledger.note(T, 'test.note', { newline: 'a\nb', quote: '"', unicode: 'é漢😀' });
      await all(sealer.seal);
      assert.notEqual(await sealer.seal(), 'more');
      const report = await check();
      assert.deepEqual(report.findings, []);
      assert.ok(report.events >= 8 * 3 + 1, `${report.events} events`);
      assert.equal(report.open, 0);
      assert.equal(report.writers, 1);
    });

    test('whatever is changed is found', async () => {
      const [event] = await sql.query<{ id: string }>('select max(id)::text as id from mcp_event');
      const id = event?.id;
      await sql.script(
        'create table kept as select * from mcp_event; create table kept_blocks as select * from mcp_audit_block',
      );
      const events = 'delete from mcp_event; insert into mcp_event overriding system value select * from kept';
      const blocks = 'delete from mcp_audit_block; insert into mcp_audit_block select * from kept_blocks';
      assert.match(
        await found(`update mcp_event set payload = '{"x":1}' where id = ${id}`, events),
        /payload was changed/,
      );
      assert.match(await found(`update mcp_event set type = 'other' where id = ${id}`, events), /events were changed/);
      assert.match(await found(`update mcp_event set actor = 'me' where id = ${id}`, events), /events were changed/);
      assert.match(
        await found(`update mcp_event set tenant = 'other' where id = ${id}`, events),
        /events were changed/,
      );
      assert.match(
        await found(`update mcp_event set at = at + interval '1 microsecond' where id = ${id}`, events),
        /events were changed/,
      );
      assert.match(await found(`delete from mcp_event where id = ${id}`, events), /event is gone/);
      assert.match(
        await found(
          `insert into mcp_event (tenant, type, payload, xid) select tenant, type, payload, xid from mcp_event where id = ${id}`,
          events,
        ),
        /added afterwards/,
      );
      assert.match(
        await found('delete from mcp_audit_block where seq = 1', blocks),
        /block 1 is missing.*does not follow/,
      );
      assert.match(
        await found('update mcp_audit_block set header = replace(header, \'"v":1\', \'"v":2\') where seq = 1', blocks),
        /signature is not right/,
      );
      assert.match(
        await found("update mcp_audit_block set payloads = payloads || '\\x00' where seq = 1", blocks),
        /list of its events/,
      );
      assert.match(
        await found('update mcp_audit_block set events = events[2:] where seq = 1', blocks),
        /list of its events/,
      );
      assert.deepEqual((await check()).findings, [], 'all is as it was');
      await sql.script('drop table kept; drop table kept_blocks');
    });

    test('a chain that somebody else signed is not ours', async () => {
      const other = generateKeyPairSync('ed25519').publicKey;
      const { findings } = await verifyAudit(sql, new Map([[KEY.id, other]]));
      assert.ok(findings.length > 0 && findings.every(({ what }) => what === 'the signature is not right'));
    });

    test('a transaction that is larger than a block is one block, and nothing of it is left out', async () => {
      await sql.query(
        "insert into mcp_event (tenant, type, payload) select $1, 'large.one', jsonb_build_object('n', n) from generate_series(1, 7000) n",
        [T],
      );
      await ledger.note(T, 'large.after', {});
      await all(sealer.seal);
      const report = await check();
      assert.deepEqual(report.findings, []);
      assert.equal(report.open, 0);
      const [blocks] = await sql.query<{ n: number }>(
        'select max(array_length(events, 1))::int as n from mcp_audit_block',
      );
      assert.equal(blocks?.n, 7000);
    });

    test('payloads may be erased: the chain holds, and says so', async () => {
      const id = await one();
      await all(sealer.seal);
      const [row] = await sql.query<{ n: number }>('select mcp_erase_events(array[$1::uuid]) as n', [id]);
      assert.ok((row?.n ?? 0) >= 3);
      const report = await check();
      assert.deepEqual(report.findings, []);
      assert.equal(report.erased, row?.n);
    });

    test('each event of a request has its proof, which leads to a signed root', async () => {
      const id = await one();
      assert.ok(
        (await proveEvents(sql, T, id)).every(({ proof }) => proof === null),
        'not sealed yet',
      );
      await all(sealer.seal);
      const events = await proveEvents(sql, T, id);
      assert.ok(events.length >= 3);
      for (const event of events) {
        const text = JSON.stringify([
          event.id,
          event.tenant,
          event.request_id,
          event.at,
          event.type,
          event.actor,
          event.payload_digest,
        ]);
        const header = JSON.parse(event.proof?.header ?? '{}') as { root: string };
        assert.equal(rootBy(leafOf(text), event.proof?.steps ?? []).toString('hex'), header.root);
      }
      assert.deepEqual(await proveEvents(sql, 'another', id), []);
    });

    test('the trail is read by filters, newest first, and by its own tenant only', async () => {
      const notes = await readAudit(sql, T, { type: 'test.*', limit: 10 });
      assert.deepEqual(
        notes.map(({ type, payload }) => [type, payload]),
        [['test.note', { newline: 'a\nb', quote: '"', unicode: 'é漢😀' }]],
      );
      const some = await readAudit(sql, T, { limit: 3 });
      assert.equal(some.length, 3);
      const next = await readAudit(sql, T, { limit: 3, before: Number(some.at(-1)?.id) });
      assert.ok(Number(next[0]?.id) < Number(some.at(-1)?.id));
      assert.deepEqual(await readAudit(sql, 'another', { limit: 10 }), []);
    });

    test('what a process that is gone has left is sealed before its row goes', async () => {
      await sql.query("select set_config('application_name', 'gone', false)");
      await beat(sql, { id: 'dead', kind: 'all', host: 'h', pid: 1, leaseMs: 1, capacity: 9, secretIds: ['s'] }, 0, 0);
      await ledger.note(T, 'test.last', {});
      await leave(sql, 'dead');
      const sealed: string[] = [];
      await buryProcesses(sql, async (who) => {
        sealed.push(who);
        await all(() => sealer.sealFor(who));
      });
      assert.ok(sealed.length > 0);
      const [rows] = await sql.query<{ n: number }>("select count(*)::int as n from mcp_process where id = 'dead'");
      assert.equal(rows?.n, 0);
      const report = await check();
      assert.deepEqual(report.findings, []);
      assert.equal(report.open, 0);
    });

    test('what earlier builds wrote outside of every process is sealed, too', async () => {
      await sql.query("select set_config('application_name', 'goblin key', false)");
      await ledger.note(T, 'test.key', {});
      assert.equal((await check()).open, 1);
      await sql.script(await readFile(LEFT_EVENTS, 'utf8'));
      await buryProcesses(sql, (who) => all(() => sealer.sealFor(who)));
      const report = await check();
      assert.deepEqual([report.findings, report.open], [[], 0]);
      assert.ok(report.heads['goblin key']);
      assert.deepEqual(await sql.query("select id from mcp_process where writer = 'goblin key'"), []);
    });
  });
}
