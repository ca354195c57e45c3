/** The trail told to a sink, over any `Sql`: at least once, in order, by one process for each writer, and nothing asked at rest. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { Sql } from '../../../src/contract/ports.ts';
import { type Sink, startTrailStream } from '../../../src/dispatch/trail-stream.ts';
import { deriveAuditKey } from '../../../src/identity/secrets.ts';
import { createSealer } from '../../../src/ledger/audit.ts';
import { createLedger } from '../../../src/ledger/index.ts';
import { beat } from '../../../src/ledger/processes.ts';
import type { ToldEvent } from '../../../src/telemetry/trail-formats.ts';
import { eventually } from '../../support/server.ts';
import { CAPS, T, worker } from './ledger-kit.ts';

const KEY = deriveAuditKey('a secret for tests that is long enough');
const telemetry = { count() {}, time() {}, gauge() {}, report() {}, log() {} } as never;

interface Memory extends Sink {
  told: ToldEvent[];
  /** Largest number of events that were given at once. */
  largest: number;
  visits: number;
  /** Fails after so many events, until it is set to null. */
  failAfter: number | null;
}

function memorySink(name: string): Memory {
  const sink: Memory = {
    name,
    told: [],
    largest: 0,
    visits: 0,
    failAfter: null,
    async open() {
      sink.visits++;
      let got = 0;
      return {
        async tell(events) {
          sink.largest = Math.max(sink.largest, events.length);
          for (const event of events) {
            if (sink.failAfter !== null && got >= sink.failAfter) throw new Error('the sink is full');
            got++;
            sink.told.push(event);
          }
        },
        async finish() {
          if (sink.failAfter !== null) throw new Error('the sink is gone');
        },
        drop() {},
      };
    },
  };
  return sink;
}

export function trailStreamConformance(name: string, open: () => Promise<Sql>): void {
  describe(`Trail told: ${name}`, async () => {
    const whole = await open();
    let asked = 0;
    const sql: Sql = {
      ...whole,
      query(text, values) {
        asked++;
        return whole.query(text, values);
      },
    };
    after(() => whole.close());
    const ledger = createLedger(whole, CAPS);
    const [named] = await whole.query<{ name: string }>("select current_setting('application_name') as name");
    const writer = named?.name ?? '';
    let sealed: (writer: string) => void = () => {};
    const sealer = await createSealer(whole, writer, KEY, (who) => sealed(who));
    const write = async (n: number, of = 'test.note') => {
      for (let i = 0; i < n; i++) await ledger.note(T, of, { i });
      while ((await sealer.seal()) === 'more');
    };
    const ids = async (): Promise<string[]> =>
      (await whole.query<{ id: string }>('select id::text from mcp_event e order by e.id')).map(({ id }) => id);
    const fresh = (sink: Memory): string[] => [...new Set(sink.told.map(({ id }) => id))];

    test('a sink is told what is sealed from its first start on, each event once, and nothing is asked at rest', async () => {
      await write(3);
      const sink = memorySink('first');
      const stream = await startTrailStream({ sql, sink, owner: 'p1', telemetry });
      sealed = stream.sealed;
      await write(5, 'test.second');
      await eventually(() => sink.told.length === 5, 'five events');
      assert.deepEqual(
        sink.told.map(({ type, writer: of }) => [type, of]),
        Array.from({ length: 5 }, () => ['test.second', writer]),
      );
      await eventually(() => stream.numbers().writers_waiting === 0, 'nothing to wait');
      assert.deepEqual(stream.numbers().events_told, 5);
      const before = asked;
      await new Promise((resolve) => setTimeout(resolve, 1500));
      assert.equal(asked, before, 'statements at rest');
      await stream.close(1000);
    });

    test('what a sink did not take is told again, in its order; the cursor survives a restart', async () => {
      const sink = memorySink('second');
      const one = await startTrailStream({ sql, sink, owner: 'p1', telemetry, waitMs: 20 });
      sealed = one.sealed;
      sink.failAfter = 2;
      await write(4);
      await write(4);
      await eventually(() => one.numbers().failures >= 2, 'failures');
      assert.match(one.numbers().problem ?? '', /the sink is/);
      assert.ok(one.numbers().behind_ms > 0);
      await one.close(5_000);
      sink.failAfter = null;
      sealed = () => {};
      await write(2);
      const two = await startTrailStream({ sql, sink, owner: 'p2', telemetry, waitMs: 20 });
      sealed = two.sealed;
      const all = (await ids()).slice(-10);
      await eventually(() => fresh(sink).length === 10, 'ten events', 30_000);
      assert.deepEqual(fresh(sink), all);
      const told = sink.told.length;
      await write(1);
      await eventually(() => sink.told.length === told + 1, 'no more than the new one');
      await two.close(1000);
    });

    test('two processes do not tell of the same writer; what a dead one left goes on', async () => {
      const sink = memorySink('third');
      await beat(whole, { id: 'alive', ...worker }, 0, 0);
      const one = await startTrailStream({ sql, sink, owner: 'alive', telemetry, waitMs: 20 });
      sealed = one.sealed;
      await write(2);
      await eventually(() => sink.told.length === 2, 'two events');
      // It holds the writer, and something is left.
      sink.failAfter = 0;
      await write(2);
      await eventually(() => one.numbers().failures > 0, 'a failure');
      sealed = () => {};
      const other = memorySink('third');
      const two = await startTrailStream({ sql, sink: other, owner: 'two', telemetry, waitMs: 20 });
      two.sealed(writer);
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.equal(other.visits, 0, 'the other one has it');
      await one.close(5_000);
      two.sealed(writer);
      await eventually(() => fresh(other).length === 2, 'what was left', 15_000);
      await two.close(1000);
    });

    test('a block of thousands is told in slices', async () => {
      const sink = memorySink('fourth');
      const stream = await startTrailStream({ sql, sink, owner: 'p1', telemetry });
      sealed = stream.sealed;
      await whole.query(
        "insert into mcp_event (tenant, type, payload) select $1, 'test.many', jsonb_build_object('n', n) from generate_series(1, 7000) n",
        [T],
      );
      while ((await sealer.seal()) === 'more');
      await eventually(() => sink.told.length === 7000, 'seven thousand events', 30_000);
      assert.ok(sink.largest <= 500, `${sink.largest} at once`);
      assert.deepEqual(
        sink.told.map(({ id }) => Number(id)),
        sink.told.map(({ id }) => Number(id)).toSorted((a, b) => a - b),
      );
      await stream.close(1000);
    });
  });
}
