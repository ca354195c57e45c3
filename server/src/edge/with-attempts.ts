/** A request and its attempts, which are two reads: what one of them shows must not lack what the other one counts. */
import type { Ledger } from '../contract/ports.ts';
import type { AttemptRow, RequestRow } from '../contract/rows.ts';
import { isTerminal } from '../contract/states.ts';

/** A request that changes with every look is shown as it is then. */
const MOST_LOOKS = 3;

/** Null for an unknown id. */
export async function withAttempts(
  ledger: Pick<Ledger, 'get' | 'attempts'>,
  tenant: string,
  id: string,
): Promise<{ row: RequestRow; attempts: AttemptRow[] } | null> {
  let row = await ledger.get(tenant, id);
  for (let look = 1; row !== null; look++) {
    const attempts = await ledger.attempts(tenant, id);
    // Its end and its cost are written with the attempt that they belong to: nothing changes after them.
    if ((isTerminal(row.state) && row.costPico !== null) || look === MOST_LOOKS) return { row, attempts };
    const now: RequestRow | null = await ledger.get(tenant, id);
    if (now?.state === row.state && now.costPico === row.costPico) return { row, attempts };
    row = now;
  }
  return null;
}
