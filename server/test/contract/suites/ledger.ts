/** What the ledger promises over every `Sql` driver: one end, fenced writes, fair order, exact frames. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Sql } from '../../../src/contract/ports.ts';
import type { Bodies } from '../../../src/ledger/content.ts';
import { newRequestId } from '../../../src/ledger/ids.ts';
import { beat, voidLeases } from '../../../src/ledger/processes.ts';
import { expireLeases, look } from '../../../src/ledger/sweep.ts';
import { acceptance, DAY, ledgerOf, start, success, T, usage, worker } from './ledger-kit.ts';

/** The same, however the content rests. */
export function ledgerConformance(name: string, open: () => Promise<Sql>, bodies: Bodies = 'stored'): void {
  describe(`Ledger: ${name}`, async () => {
    const sql = await open();
    const { ledger, begin, one } = await ledgerOf(sql, bodies);

    it('walks a request from accept to its result', async () => {
      const id = await one();
      assert.ok(await begin(T, id, 1, start));
      const stored = await ledger.frames({
        id,
        tenant: T,
        epoch: 1,
        firstSeq: 1,
        day: DAY,
        frames: [{ type: 'text', text: 'Hi "\n' }],
      });
      assert.deepEqual(stored, [{ seq: 1, type: 'text', json: '{"seq":1,"type":"text","text":"Hi \\"\\n"}' }]);
      assert.ok(await ledger.settle(success(id, 1, 2)));
      const row = await ledger.get(T, id);
      assert.deepEqual([row?.state, row?.lastSeq, row?.costPico], ['succeeded', 2, 42]);
      assert.equal((await ledger.result(T, id))?.text, 'Hi');
      assert.deepEqual(
        (await ledger.framesAfter(T, id, 0, 10)).map((frame) => frame.seq),
        [1, 2],
      );
      assert.deepEqual(
        (await ledger.events(T, id, 0, 10)).map((event) => event.type),
        ['request.queued', 'request.running', 'request.succeeded'],
      );
    });

    it('shows nothing to another tenant', async () => {
      const id = await one();
      for (const seen of [
        await ledger.get('other', id),
        await ledger.result('other', id),
        await ledger.end('other', id, 'cancelled', { code: 'cancelled', message: '' }, 'x'),
      ]) {
        assert.equal(seen, null);
      }
      assert.deepEqual(await ledger.framesAfter('other', id, 0, 10), []);
      assert.deepEqual(await ledger.list('other', { limit: 10 }), []);
      assert.equal(await begin('other', id, 1, start), false);
      await ledger.settle(success(id, 1, 1));
    });

    it('lets nothing of an old epoch land, and ends once', async () => {
      const id = await one();
      assert.ok(await ledger.release(T, id, 1, 0, 'test', 1));
      assert.equal(
        await ledger.frames({ id, tenant: T, epoch: 1, firstSeq: 1, day: DAY, frames: [{ type: 'text', text: 'x' }] }),
        null,
      );
      const [again] = await ledger.claim('w1', 1);
      assert.equal(again?.epoch, 2);
      assert.equal(await begin(T, id, 1, start), false);
      assert.equal(await ledger.settle(success(id, 1, 1)), null);
      assert.ok(await ledger.settle(success(id, 2, 1)));
      assert.equal(await ledger.settle(success(id, 2, 2)), null);
      assert.deepEqual(await ledger.end(T, id, 'cancelled', { code: 'cancelled', message: '' }, 'x'), {
        state: 'succeeded',
        changed: false,
        frame: null,
      });
      const ends = (await ledger.events(T, id, 0, 50)).filter((event) => /succeeded|cancelled|failed/.test(event.type));
      assert.equal(ends.length, 1);
    });

    it('cancels at once, and lets the attempt that ran write its money', async () => {
      const id = await one();
      await begin(T, id, 1, start);
      const ended = await ledger.end(T, id, 'cancelled', { code: 'cancelled', message: 'x' }, 'me');
      assert.deepEqual([ended?.state, ended?.changed, ended?.frame?.seq], ['cancelled', true, 1]);
      assert.equal(await ledger.settle(success(id, 1, 2)), null);
      await ledger.settleAttempt(
        T,
        id,
        1,
        {
          attempt: 1,
          status: 'cancelled',
          firstTokenMs: null,
          latencyMs: 3,
          usage,
          costPico: 7,
          priceVersion: 'test',
          error: null,
        },
        'Hi so far',
      );
      assert.equal((await ledger.get(T, id))?.costPico, 7);
      assert.equal(await ledger.partialText(T, id), 'Hi so far');
      const [frame] = await ledger.framesAfter(T, id, 0, 10);
      assert.equal(JSON.parse(frame?.json ?? '').status, 'cancelled');
    });

    it('makes one request of one idempotency key', async () => {
      const idempotency = { key: `k-${newRequestId()}`, bodyHash: 'aa' };
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => ledger.accept(T, acceptance({ idempotency }))),
      );
      const ids = new Set(answers.map((answer) => ('id' in answer ? answer.id : answer.outcome)));
      assert.equal(ids.size, 1);
      assert.equal(answers.filter((answer) => answer.outcome === 'accepted').length, 1);
      const other = await ledger.accept(T, acceptance({ idempotency: { ...idempotency, bodyHash: 'bb' } }));
      assert.equal(other.outcome, 'mismatch');
      for (const claim of await ledger.claim('w1', 10)) await ledger.settle(success(claim.id, claim.epoch, 1));
    });

    it('never gives one request to two claims', async () => {
      await Promise.all(Array.from({ length: 60 }, () => ledger.accept(T, acceptance())));
      const claims = (await Promise.all(Array.from({ length: 12 }, () => ledger.claim('w1', 10)))).flat();
      assert.equal(claims.length, 60);
      assert.equal(new Set(claims.map((claim) => claim.id)).size, 60);
      await Promise.all(claims.map((claim) => ledger.settle(success(claim.id, claim.epoch, 1))));
    });

    it('takes priorities first and tenants in turn, and waits for not_before', async () => {
      const later = acceptance({ notBefore: Date.now() + 3_600_000, priority: 9 });
      const low = acceptance({ priority: 0 });
      const high = acceptance({ priority: 9 });
      for (const item of [later, low, high]) await ledger.accept(T, item);
      const flood = Array.from({ length: 20 }, () => acceptance({ priority: 9 }));
      await Promise.all(flood.map((item) => ledger.accept('flood', item)));
      const first = await ledger.claim('w1', 4);
      assert.deepEqual(
        first
          .filter((claim) => claim.tenant === T)
          .map((claim) => claim.id)
          .sort(),
        [high.id, low.id].sort(),
      );
      const rest = await ledger.claim('w1', 100);
      assert.equal(rest.length, 18);
      for (const claim of [...first, ...rest])
        await ledger.settle({ ...success(claim.id, claim.epoch, 1), tenant: claim.tenant });
      assert.equal((await ledger.get(T, later.id))?.state, 'queued');
      await ledger.end(T, later.id, 'cancelled', { code: 'cancelled', message: '' }, 'x');
    });

    it('gives the requests of a dead process to the next, and poisons what killed three', async () => {
      const id = await one();
      for (let crash = 1; crash <= 3; crash++) {
        await begin(T, id, crash, { ...start, attempt: crash });
        await voidLeases(sql, 'w2');
        assert.equal((await look(sql)).lost, true);
        const { queued, ended } = await expireLeases(sql);
        await beat(sql, { id: 'w1', ...worker }, 0, 0);
        if (crash < 3) {
          assert.deepEqual(queued, [id]);
          assert.equal((await ledger.claim('w1', 1))[0]?.epoch, crash + 1);
        } else assert.deepEqual(ended, [id]);
      }
      const row = await ledger.get(T, id);
      assert.deepEqual([row?.state, row?.error?.code, row?.costPico], ['failed', 'poisoned', 3000]);
    });

    it('ends an attached request with its process', async () => {
      const made = acceptance({ mode: 'attached' });
      assert.equal((await ledger.open(T, { ...made, owner: 'gone', attempt: start })).outcome, 'accepted');
      await expireLeases(sql);
      const row = await ledger.get(T, made.id);
      assert.deepEqual([row?.state, row?.error?.code, row?.epoch, row?.costPico], ['failed', 'interrupted', 1, 1000]);
    });

    it('lists by keyset, newest first, without gap or repeat', async () => {
      const tenant = 'lister';
      const made = Array.from({ length: 25 }, () => acceptance());
      for (const item of made) await ledger.accept(tenant, item);
      const seen: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await ledger.list(tenant, { limit: 10, ...(after ? { after } : {}) });
        seen.push(...page.map((row) => row.id));
        after = page.at(-1)?.id;
        if (page.length < 10) break;
      }
      assert.deepEqual(seen, made.map((item) => item.id).reverse());
    });

    it('keeps content that no text column could', async () => {
      const made = acceptance();
      await ledger.accept(T, made);
      assert.deepEqual(await ledger.body(T, made.id), made.body);
      await ledger.end(T, made.id, 'cancelled', { code: 'cancelled', message: '' }, 'x');
    });

    it('closes', async () => {
      await ledger.idle();
      await sql.close();
    });
  });
}
