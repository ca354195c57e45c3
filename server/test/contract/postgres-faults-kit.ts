/** Drivers of PostgreSQL that are closed at the end, some behind a bad network, and how they say that it is away. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import type { GoblinError } from '../../src/contract/errors.ts';
import type { Sql } from '../../src/contract/ports.ts';
import { openPostgres, type PostgresOptions } from '../../src/drivers/postgres.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { took } from '../support/patience.ts';
import type { PostgresService } from '../support/services.ts';

const opened: Sql[] = [];
after(async () => {
  await Promise.all(opened.map((sql) => sql.close()));
});

export async function open(url: string, more: Partial<PostgresOptions> = {}): Promise<Sql> {
  const sql = await openPostgres({ url, size: 3, application: 'faults', retryMs: 5_000, ...more });
  opened.push(sql);
  return sql;
}

/** A driver behind a proxy of its own. */
export async function proxied(server: PostgresService, more: Partial<PostgresOptions> = {}) {
  const proxy = await startFaultProxy(server.port);
  const changes: boolean[] = [];
  const url = server.url.replace(/:\d+\/goblin$/, `:${proxy.port}/goblin`);
  const sql = await open(url, { onChange: (lost) => changes.push(lost), ...more });
  return { proxy, sql, changes };
}

const isUnavailable = (error: GoblinError) => {
  assert.equal(error.name, 'GoblinError', String(error));
  assert.equal(error.code, 'unavailable');
  assert.equal(error.retryAfterMs, 1000);
  return true;
};

/** Answers after how long. */
export async function fails(work: Promise<unknown>): Promise<number> {
  return await took(assert.rejects(work, isUnavailable));
}
