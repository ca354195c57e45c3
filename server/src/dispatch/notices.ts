/** Signed POSTs of what happened to budgets, by the same signature and schedule as call-backs of requests. */
import type { Sql, Telemetry } from '../contract/ports.ts';
import { type DueNotice, noteNotice, takeNotices } from '../ledger/notices.ts';
import { EgressRefused } from '../providers/pools.ts';
import type { Transport } from '../providers/transport.ts';
import { AGAIN_MS, type CallbackSender, signAll, TIMEOUT_MS } from './callbacks.ts';

export interface NoticeDeps {
  sql: Sql;
  transport: Pick<Transport, 'deliver'>;
  /** The current one first; each signs. */
  secrets(tenant: string): readonly string[];
  allowPrivate: boolean;
  telemetry: Telemetry;
}

export function startNotices(deps: NoticeDeps): CallbackSender {
  let working: Promise<void> | null = null;
  let stopped = false;

  /** Null: it was delivered. */
  async function post({ id, tenant, url, body }: DueNotice): Promise<{ problem: string; final: boolean } | null> {
    const timestamp = Math.floor(Date.now() / 1000);
    try {
      const status = await deps.transport.deliver(
        new URL(url),
        {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': signAll(deps.secrets(tenant), id, timestamp, body),
        },
        body,
        TIMEOUT_MS,
        deps.allowPrivate ? 'private' : 'public',
      );
      return status >= 200 && status < 300 ? null : { problem: `status ${status}`, final: false };
    } catch (error) {
      return { problem: (error as Error).message.slice(0, 500), final: error instanceof EgressRefused };
    }
  }

  async function deliver(due: DueNotice): Promise<void> {
    const failed = await post(due);
    if (failed === null) return await noteNotice(deps.sql, due.id, 'delivered', null, null);
    const { problem, final } = failed;
    const again = final ? undefined : AGAIN_MS[due.tries - 1];
    await noteNotice(deps.sql, due.id, again === undefined ? 'given_up' : 'waiting', problem, again ?? null);
    deps.telemetry.log('warn', 'a notice was not delivered', { notice: due.id, problem, tries: due.tries });
  }

  async function work(): Promise<void> {
    for (;;) {
      const due = await takeNotices(deps.sql);
      await Promise.all(due.map(deliver));
      if (due.length < 50 || stopped) return;
    }
  }

  return {
    wake() {
      if (working || stopped) return;
      working = work()
        .catch((error: unknown) => deps.telemetry.log('error', 'notices failed', { error: String(error) }))
        .finally(() => {
          working = null;
        });
    },
    async stop() {
      stopped = true;
      await working;
    },
  };
}
