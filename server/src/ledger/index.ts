/** The ledger: the record of requests, attempts, events, frames, results and money over any `Sql`. */
import type { Ledger, Sql } from '../contract/ports.ts';
import { createAcceptGroup, findByIdempotencyKey } from './accept.ts';
import { claim } from './claim.ts';
import {
  framesAfter,
  getBody,
  getPartial,
  getRequest,
  getResult,
  listAttempts,
  listEvents,
  listRequests,
  queueNumbers,
} from './read.ts';
import { createSettleGroup, endFromOutside } from './settle.ts';
import { createAttemptGroup, createFrameGroup, release, settleAttempt } from './write.ts';

// One audit event without a request.
const NOTE = 'insert into mcp_event (tenant, type, payload) values ($1, $2, $3::jsonb)';

export function createLedger(sql: Sql): Ledger {
  const accepts = createAcceptGroup(sql);
  const attempts = createAttemptGroup(sql);
  const frames = createFrameGroup(sql);
  const settles = createSettleGroup(sql);
  return {
    accept: (tenant, acceptance) => accepts.add({ tenant, acceptance, owner: null, attempt: null }),
    open: (tenant, opening) =>
      accepts.add({ tenant, acceptance: opening, owner: opening.owner, attempt: opening.attempt }),
    claim: (owner, n) => claim(sql, owner, n),
    attempt: (tenant, id, epoch, start, ended) => attempts.add({ tenant, id, epoch, start, ended }),
    frames: (write) => frames.add(write),
    settle: (settlement) => settles.add(settlement),
    settleAttempt: (tenant, id, epoch, ended, partial) => settleAttempt(sql, tenant, id, epoch, ended, partial),
    release: (tenant, id, epoch, delayMs, reason) => release(sql, tenant, id, epoch, delayMs, reason),
    end: (tenant, id, state, error, actor) => endFromOutside(sql, tenant, id, state, error, actor),
    get: (tenant, id) => getRequest(sql, tenant, id),
    attempts: (tenant, id) => listAttempts(sql, tenant, id),
    list: (tenant, filter) => listRequests(sql, tenant, filter),
    events: (tenant, id, after, limit) => listEvents(sql, tenant, id, after, limit),
    result: (tenant, id) => getResult(sql, tenant, id),
    partialText: (tenant, id) => getPartial(sql, tenant, id),
    framesAfter: (tenant, id, after, limit) => framesAfter(sql, tenant, id, after, limit),
    body: (tenant, id) => getBody(sql, tenant, id),
    findByIdempotencyKey: (tenant, key) => findByIdempotencyKey(sql, tenant, key),
    async note(tenant, type, payload) {
      await sql.query(NOTE, [tenant, type, JSON.stringify(payload)]);
    },
    queueNumbers: () => queueNumbers(sql),
    backlog: () => accepts.size() + settles.size(),
    async idle() {
      await Promise.all([accepts.idle(), attempts.idle(), frames.idle(), settles.idle()]);
    },
  };
}
