/** Signed POSTs at the end of requests, as Standard Webhooks describes; tried again for a day. */
import { createHmac } from 'node:crypto';
import type { Sql, Telemetry } from '../contract/ports.ts';
import { type DueCallback, noteCallback, takeCallbacks } from '../ledger/callbacks.ts';
import { EgressRefused } from '../providers/pools.ts';
import type { Transport } from '../providers/transport.ts';

export interface CallbackDeps {
  sql: Sql;
  transport: Transport;
  /** The current one first; each signs. */
  secrets(tenant: string): readonly string[];
  allowPrivate: boolean;
  telemetry: Telemetry;
}

export interface CallbackSender {
  /** There may be call-backs to send: a request ended, or the sweep found one that is due. */
  wake(): void;
  stop(): Promise<void>;
}

/** The schedule that Standard Webhooks recommends, shortened to one day. */
export const AGAIN_MS = [5_000, 30_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000];
export const TIMEOUT_MS = 15_000;

/** `webhook-signature` over id, timestamp and body. */
function sign(secret: string, id: string, timestamp: number, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

/** While the secret is rotated there are two: whoever knows one of them can check. */
export const signAll = (secrets: readonly string[], id: string, timestamp: number, body: string): string =>
  secrets.map((secret) => sign(secret, id, timestamp, body)).join(' ');

export function startCallbacks(deps: CallbackDeps): CallbackSender {
  let working: Promise<void> | null = null;
  let stopped = false;

  async function deliver(due: DueCallback): Promise<void> {
    const timestamp = Math.floor(Date.now() / 1000);
    const body = JSON.stringify({
      type: `request.${due.state}`,
      timestamp: new Date(timestamp * 1000).toISOString(),
      data: {
        request_id: due.id,
        status: due.state,
        links: { self: `/mcp/v1/request/${due.id}`, result: `/mcp/v1/request/${due.id}/result` },
      },
    });
    const id = `msg_${due.id}`;
    let problem: string;
    let again = AGAIN_MS[due.tries - 1];
    try {
      const url = new URL(due.url);
      const status = await deps.transport.deliver(
        url,
        {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': signAll(deps.secrets(due.tenant), id, timestamp, body),
        },
        body,
        TIMEOUT_MS,
        deps.allowPrivate ? 'private' : 'public',
      );
      if (status >= 200 && status < 300) {
        await noteCallback(deps.sql, due.id, 'delivered', null, null);
        return;
      }
      problem = `status ${status}`;
    } catch (error) {
      problem = (error as Error).message;
      if (error instanceof EgressRefused) again = undefined;
    }
    await noteCallback(
      deps.sql,
      due.id,
      again === undefined ? 'given_up' : 'waiting',
      problem.slice(0, 500),
      again ?? null,
    );
    deps.telemetry.log('warn', 'a call-back was not delivered', { request_id: due.id, problem, tries: due.tries });
  }

  async function work(): Promise<void> {
    for (;;) {
      const due = await takeCallbacks(deps.sql);
      await Promise.all(due.map(deliver));
      if (due.length < 50 || stopped) return;
    }
  }

  function look(): void {
    if (working || stopped) return;
    working = work()
      .catch((error: unknown) => deps.telemetry.log('error', 'call-backs failed', { error: String(error) }))
      .finally(() => {
        working = null;
      });
  }

  return {
    wake: look,
    async stop() {
      stopped = true;
      await working;
    },
  };
}
