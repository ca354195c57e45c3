/** A ledger that records nothing: what is left is the door itself. Known to the bench alone. */
import type { Ledger } from '../server/src/contract/ports.ts';
import type { StoredFrame } from '../server/src/contract/record.ts';

const NO_FRAMES: StoredFrame[] = [];

export function createNullLedger(): Ledger {
  const accepted = { outcome: 'accepted', createdAt: 0, estimatePico: null } as const;
  return {
    accept: async (_tenant, { id }) => ({ ...accepted, id }),
    open: async (_tenant, { id }) => ({ ...accepted, id }),
    claim: async () => [],
    attempt: async () => NO_FRAMES,
    frames: async () => NO_FRAMES,
    settle: async () => NO_FRAMES,
    settleAttempt: async () => {},
    release: async () => true,
    end: async () => null,
    erase: async () => null,
    get: async () => null,
    attempts: async () => [],
    list: async () => [],
    events: async () => [],
    result: async () => null,
    partialText: async () => null,
    framesAfter: async () => NO_FRAMES,
    body: async () => null,
    findByIdempotencyKey: async () => null,
    note: async () => {},
    queueNumbers: async () => ({ depth: 0, running: 0, oldestAgeMs: 0 }),
    forget: () => {},
    lostFor: () => null,
    back: async () => true,
    backlog: () => 0,
    idle: async () => {},
  };
}
