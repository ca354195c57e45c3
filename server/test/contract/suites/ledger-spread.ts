/** What the ledger promises to many processes: writes that may be sent twice, turns, limits, what is left to do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Sql } from '../../../src/contract/ports.ts';
import { look, settleLostMoney } from '../../../src/ledger/sweep.ts';
import { acceptance, CAPS, DAY, ledgerOf, start, success, T } from './ledger-kit.ts';

export function ledgerSpreadConformance(name: string, open: () => Promise<Sql>): void {
  describe(`Ledger of many processes: ${name}`, async () => {
    const sql = await open();
    const { ledger, begin, one } = await ledgerOf(sql);

    it('takes a write again whose answer was lost, and does it once', async () => {
      const made = acceptance();
      const first = await ledger.accept(T, made);
      assert.deepEqual(await ledger.accept(T, made), first);
      const [claim] = await ledger.claim('w1', 1);
      const id = claim?.id ?? '';
      const write = { id, tenant: T, epoch: 1, firstSeq: 1, day: DAY, frames: [{ type: 'text', text: 'a' } as const] };
      assert.ok(await ledger.attempt(write, start, null));
      assert.ok(await ledger.attempt(write, start, null));
      const more = { ...write, firstSeq: 2 };
      assert.ok(await ledger.frames(more));
      assert.ok(await ledger.frames(more));
      assert.ok(await ledger.settle(success(id, 1, 3)));
      assert.ok(await ledger.settle(success(id, 1, 3)));
      assert.equal(await ledger.settle({ ...success(id, 1, 3), owner: 'w2' }), null);
      assert.deepEqual(
        (await ledger.framesAfter(T, id, 0, 10)).map((frame) => frame.seq),
        [1, 2, 3],
      );
      assert.deepEqual(
        (await ledger.events(T, id, 0, 10)).map((event) => event.type),
        ['request.queued', 'request.running', 'request.succeeded'],
      );
      assert.equal((await ledger.attempts(T, id)).length, 1);
    });

    it('puts one user behind the others of the tenant when he floods it, but not before his own priorities', async () => {
      const tenant = 'users';
      const other = 'ffeeddccbbaa99887766554433221100';
      const flood = Array.from({ length: 30 }, () => acceptance());
      await Promise.all(flood.map((item) => ledger.accept(tenant, item)));
      const late = Array.from({ length: 3 }, () => acceptance({ userHash: other }));
      for (const item of late) await ledger.accept(tenant, item);
      const urgent = acceptance({ priority: 6 });
      await ledger.accept(tenant, urgent);
      const first = (await ledger.claim('w1', 10)).map((claim) => claim.id);
      assert.ok(first.includes(urgent.id), 'a higher priority of the flooding user goes first');
      assert.equal(first.indexOf(urgent.id), 0);
      assert.equal(late.filter((item) => first.includes(item.id)).length, 3, 'the other user is not behind the flood');
      for (const claim of [...(await ledger.claim('w1', 100))]) first.push(claim.id);
      assert.equal(first.length, 34);
      for (const id of first) await ledger.settle({ ...success(id, 1, 1), tenant });
    });

    it('refuses what a full queue cannot take, keeps its key free, and takes it when there is room', async () => {
      const tenant = 'full';
      const made = Array.from({ length: CAPS.perTenant }, () => acceptance());
      await Promise.all(made.map((item) => ledger.accept(tenant, item)));
      const idempotency = { key: 'k-full', bodyHash: 'aa' };
      const answers = await Promise.all([1, 2, 3].map(() => ledger.accept(tenant, acceptance({ idempotency }))));
      assert.deepEqual(answers, Array(3).fill({ outcome: 'full', of: 'tenant' }));
      assert.equal(await ledger.findByIdempotencyKey(tenant, 'k-full'), null);
      assert.equal((await ledger.accept('roomy', acceptance())).outcome, 'accepted');
      const [claim] = (await ledger.claim('w1', 2)).filter((one) => one.tenant === tenant);
      assert.ok(claim);
      assert.equal((await ledger.accept(tenant, acceptance({ idempotency }))).outcome, 'accepted');
      const rest = Array.from({ length: CAPS.total }, () => acceptance());
      const late = await Promise.all(rest.map((item, n) => ledger.accept(`t${n % 5}`, item)));
      const full = late.filter((answer) => answer.outcome === 'full');
      assert.deepEqual([...new Set(full.map((answer) => JSON.stringify(answer)))], ['{"outcome":"full","of":"all"}']);
      const { depth } = await ledger.queueNumbers();
      assert.equal(depth, CAPS.total);
      await sql.query("update mcp_request set state = 'cancelled' where state in ('queued', 'running')");
    });

    it('says what there is to do, and settles what is owed', async () => {
      const quiet = {
        due: false,
        lost: false,
        late: false,
        owed: false,
        callbacks: false,
        notices: false,
        erasures: false,
        expiring: false,
        slices: false,
      };
      const { ended: _ended, now: _now, rules: _rules, ...nothing } = await look(sql);
      assert.deepEqual(nothing, quiet);
      const waits = acceptance({ notBefore: Date.now() + 60_000 });
      await ledger.accept(T, waits);
      assert.equal((await look(sql)).due, false);
      await ledger.end(T, waits.id, 'cancelled', { code: 'cancelled', message: '' }, 'x');
      await ledger.accept(T, acceptance({ deadlineMs: 1 }));
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual([(await look(sql)).due, (await look(sql)).late], [true, true]);
      await sql.query("update mcp_request set state = 'cancelled' where state = 'queued'");
      const id = await one();
      await begin(T, id, 1, { ...start, inputPico: 5000 });
      const frames = [{ type: 'text', text: 'shown' } as const];
      await ledger.frames({ id, tenant: T, epoch: 1, firstSeq: 1, day: DAY, frames });
      await ledger.end(T, id, 'cancelled', { code: 'cancelled', message: '' }, 'x');
      assert.equal((await look(sql)).owed, false);
      await sql.query('update mcp_request set settle_by = now() where id = $1', [id]);
      assert.equal((await look(sql)).owed, true);
      await settleLostMoney(sql);
      assert.equal((await look(sql)).owed, false);
      const [attempt] = await ledger.attempts(T, id);
      assert.equal(attempt?.status, 'failed');
      assert.ok((attempt?.costPico ?? 0) > 5000, 'input and what was shown, which is more than the estimate');
      assert.equal((await ledger.get(T, id))?.costPico, attempt?.costPico);
    });

    it('closes', async () => {
      await ledger.idle();
      await sql.close();
    });
  });
}
