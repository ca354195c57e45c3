/** How content rests: kept in step with what the tenants say, and taken away where a tenant keeps none. */

import type { Bus } from '../contract/ports.ts';
import { expireContent } from '../ledger/expire.ts';
import type { Look } from '../ledger/sweep.ts';
import type { Parts } from './parts.ts';
import type { Sharing } from './sharing.ts';

export interface Resting {
  /** Told what each sweep has seen. */
  looked(seen: Look): void;
  /** Somebody changed a tenant here: it holds at once. */
  reload(): Promise<void>;
  /** As the tenant wants frames to be told. */
  busOf(tenant: string): Bus;
  stop(): Promise<void>;
}

/** Two that lock the same rows, or one that waits for a lock in vain: it comes again. */
const AGAIN = new Set(['40P01', '55P03']);

export async function openResting({ bodies, bus, ledger, recorder, sql }: Parts, sharing: Sharing): Promise<Resting> {
  let version: number | null = null;
  let reading: Promise<void> | null = null;
  let expiring: Promise<void> | null = null;
  let stopped = false;

  async function reload(): Promise<void> {
    // What was stored of a tenant may be taken away now: from here on whoever needs a piece sends it along.
    if (sql && (await bodies.read(sql))) ledger.forget();
  }
  await reload();

  const failed = (what: string) => (error: unknown) => {
    const met = AGAIN.has((error as { sqlState?: string }).sqlState ?? '');
    if (!met && sql?.lostFor() === null) recorder.log('error', what, { error: String(error) });
  };

  async function expire(): Promise<void> {
    if (!sql) return;
    for (const id of await expireContent(sql)) {
      sharing.cache?.forget(id);
      bus.drop(id);
    }
  }

  const discreet: Bus = {
    ...bus,
    publish: (topic, message) => bus.publish(topic, message.type === 'frames' ? { ...message, secret: true } : message),
  };

  return {
    reload,
    busOf: (tenant) => (bodies.of(tenant) === 'stored' ? bus : discreet),
    looked({ rules, expiring: due }) {
      if (rules !== version && reading === null) {
        reading = reload()
          .then(() => {
            version = rules;
          }, failed('what tenants say of their content could not be read'))
          .finally(() => {
            reading = null;
          });
      }
      if (!due || expiring || stopped) return;
      expiring = expire()
        .catch(failed('content that is to go could not be taken away'))
        .finally(() => {
          expiring = null;
        });
    },
    async stop() {
      stopped = true;
      await expiring;
    },
  };
}
