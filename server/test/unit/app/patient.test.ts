/** A start outlives a database that goes away in the middle of it; a running process is told at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patient } from '../../../src/app/patient.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import type { Sql } from '../../../src/contract/ports.ts';

function database(failures: number, error: Error = new GoblinError('unavailable', 'away')) {
  const seen = { asked: 0, waited: 0 };
  const answer = async () => {
    if (seen.asked++ < failures) throw error;
    return [{ n: 1 }];
  };
  const sql = {
    query: answer,
    transaction: (work: (inner: unknown) => Promise<unknown>) => answer().then(() => work({ query: answer })),
    async back() {
      seen.waited++;
      return true;
    },
  } as unknown as Sql;
  return { sql, seen };
}

test('what finds the database away is asked again until it is back', async () => {
  const { sql, seen } = database(2);
  assert.deepEqual(await patient(sql, 30_000).query('select 1'), [{ n: 1 }]);
  assert.deepEqual(seen, { asked: 3, waited: 2 });
  const other = database(1);
  assert.equal(await patient(other.sql, 30_000).transaction(async () => 'done'), 'done');
});

test('not for ever, not what is wrong in itself, and not once the process runs', async () => {
  const late = database(1000);
  await assert.rejects(patient(late.sql, 500).query('select 1'), /away/);
  assert.ok(late.seen.asked >= 2 && late.seen.asked < 10, `${late.seen.asked} times`);
  const wrong = database(1, new Error('syntax'));
  await assert.rejects(patient(wrong.sql, 30_000).query('selec 1'), /syntax/);
  assert.equal(wrong.seen.asked, 1);
  const running = database(1);
  const sql = patient(running.sql, 30_000);
  sql.started();
  await assert.rejects(sql.query('select 1'), /away/);
  assert.equal(running.seen.asked, 1);
});
