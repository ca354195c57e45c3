/** What the suites of the ledger share. */
import assert from 'node:assert/strict';
import type { Ledger, Sql } from '../../../src/contract/ports.ts';
import type { Acceptance, Settlement } from '../../../src/contract/record.ts';
import { ringOf } from '../../../src/identity/ring.ts';
import { createSealer } from '../../../src/identity/sealer.ts';
import { type Bodies, createContent } from '../../../src/ledger/content.ts';
import { newRequestId } from '../../../src/ledger/ids.ts';
import { createLedger } from '../../../src/ledger/index.ts';
import { beat } from '../../../src/ledger/processes.ts';
import { calmDay } from '../../support/calm-day.ts';

export const T = 'conformance';
await calmDay();
export const DAY = new Date().toISOString().slice(0, 10);

export function acceptance(more: Partial<Acceptance> = {}): Acceptance {
  return {
    id: newRequestId(),
    keyId: null,
    kind: 'answer',
    mode: 'detached',
    priority: 5,
    taskType: 'chat',
    model: null,
    userHash: '00112233445566778899aabbccddeeff',
    userKeyId: 'test',
    notBefore: null,
    deadlineMs: null,
    failover: 'restart',
    callbackUrl: null,
    labels: null,
    idempotency: null,
    body: {
      call: { kind: 'answer', messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello \u0000 \ud800' }] }] },
      hints: [],
      metadata: null,
    },
    estimatePico: 1000,
    priceVersion: 'test',
    ...more,
  };
}

export const usage = {
  inputTokens: 1,
  outputTokens: 2,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  source: 'reported',
} as const;

export function success(id: string, epoch: number, firstSeq: number, more: Partial<Settlement> = {}): Settlement {
  return {
    id,
    tenant: T,
    epoch,
    owner: 'w1',
    callback: false,
    state: 'succeeded',
    error: null,
    result: {
      text: 'Hi',
      message: { role: 'assistant', content: 'Hi' },
      finishReason: 'stop',
      provider: 'p',
      model: 'm',
      usage,
      costPico: null,
      priceVersion: 'test',
      latencyMs: 5,
    },
    partialText: null,
    attempt: {
      attempt: 1,
      status: 'succeeded',
      firstTokenMs: 1,
      latencyMs: 5,
      usage,
      costPico: 42,
      priceVersion: 'test',
      error: null,
    },
    firstSeq,
    day: DAY,
    frames: [{ type: 'end', status: 'succeeded', finish_reason: 'stop' }],
    ...more,
  };
}

export const start = { attempt: 1, provider: 'p', model: 'm', reason: 'test', inputPico: 100, outputPico: 10 };
export const CAPS = { perTenant: 500, total: 900 };
export const worker = { kind: 'all', host: 'h', pid: 1, leaseMs: 600_000, capacity: 10, secretIds: ['test'] } as const;

/** A ledger with a process that lives, and how most tests begin. */
export async function ledgerOf(sql: Sql, bodies: Bodies = 'stored') {
  const content = bodies === 'stored' ? null : createContent(createSealer(ringOf('a secret for tests')), () => bodies);
  const ledger: Ledger = createLedger(sql, CAPS, undefined, content);
  await beat(sql, { id: 'w1', ...worker }, 0, 0);
  return {
    ledger,
    /** Begins an attempt without frames. */
    begin: async (tenant: string, id: string, epoch: number, given: typeof start) =>
      (await ledger.attempt({ id, tenant, epoch, firstSeq: 1, day: DAY, frames: [] }, given, null)) !== null,
    one: async (more: Partial<Acceptance> = {}) => {
      const made = acceptance(more);
      await ledger.accept(T, made);
      const [claim] = await ledger.claim('w1', 1);
      assert.equal(claim?.id, made.id);
      return made.id;
    },
  };
}
