/** The ledger: the record of requests, attempts, events, frames, results and money over any `Sql`. */
import type { Ledger, Sql } from '../contract/ports.ts';
import { createAcceptGroup, findByIdempotencyKey } from './accept.ts';
import { createBodyPacker } from './bodies.ts';
import { claim } from './claim.ts';
import { type Clock, createClock } from './clock.ts';
import type { Content } from './content.ts';
import { erase } from './erase.ts';
import type { QueueCaps } from './gauge.ts';
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
const NOTE = 'insert into mcp_event (tenant, type, payload, request_id) values ($1, $2, $3::jsonb, $4::uuid)';

/** A write that takes longer than this means that the database hangs: nothing new goes upstream until it is through. */
export const PATIENCE_MS = 2000;

/** `content` null: nothing is encrypted. */
export function createLedger(
  sql: Sql,
  caps: QueueCaps,
  clock: Clock = createClock(),
  content: Content | null = null,
): Ledger {
  const packer = createBodyPacker(undefined, content);
  const accepts = createAcceptGroup(sql, packer, caps, content, clock);
  const attempts = createAttemptGroup(sql, content);
  const frames = createFrameGroup(sql, content);
  const settles = createSettleGroup(sql, content);
  const groups = [accepts, attempts, frames, settles];
  const lostFor = (): number | null => {
    const lost = sql.lostFor();
    if (lost !== null) return lost;
    let longest = 0;
    for (const group of groups) longest = Math.max(longest, group.writingFor());
    return longest > PATIENCE_MS ? longest : null;
  };
  return {
    accept: (tenant, acceptance) => accepts.add({ tenant, acceptance, owner: null, attempt: null }),
    open: (tenant, opening) =>
      accepts.add({ tenant, acceptance: opening, owner: opening.owner, attempt: opening.attempt }),
    claim: (owner, n) => claim(sql, owner, n, clock.day(), content),
    attempt: (write, start, ended) => attempts.add({ ...write, start, ended }),
    frames: (write) => frames.add(write),
    settle: (settlement) => settles.add(settlement),
    settleAttempt: (tenant, id, epoch, ended, partial) =>
      settleAttempt(sql, tenant, id, epoch, ended, partial, content),
    release: (tenant, id, epoch, delayMs, reason, unburnt) => release(sql, tenant, id, epoch, delayMs, reason, unburnt),
    end: (tenant, id, state, error, actor) => endFromOutside(sql, tenant, id, state, error, actor),
    erase: (tenant, id, actor) => erase(sql, tenant, id, actor),
    get: (tenant, id) => getRequest(sql, tenant, id),
    attempts: (tenant, id) => listAttempts(sql, tenant, id),
    list: (tenant, filter) => listRequests(sql, tenant, filter),
    events: (tenant, id, after, limit) => listEvents(sql, tenant, id, after, limit),
    result: (tenant, id) => getResult(sql, tenant, id, content),
    partialText: (tenant, id) => getPartial(sql, tenant, id, content),
    framesAfter: (tenant, id, after, limit) => framesAfter(sql, tenant, id, after, limit, content),
    body: (tenant, id) => getBody(sql, tenant, id, content),
    findByIdempotencyKey: (tenant, key) => findByIdempotencyKey(sql, tenant, key),
    async note(tenant, type, payload, request) {
      await sql.query(NOTE, [tenant, type, JSON.stringify(payload), request ?? null]);
    },
    queueNumbers: () => queueNumbers(sql),
    backlog: () => accepts.size() + settles.size(),
    forget: packer.forget,
    lostFor,
    async back(ms) {
      const until = performance.now() + ms;
      while (lostFor() !== null) {
        const left = until - performance.now();
        if (left <= 0) return false;
        // It is closed, or the time is over.
        if (!(await sql.back(left)) && sql.lostFor() !== null) return false;
        // The database may be there and still not answer our writes.
        if (lostFor() !== null) await new Promise((resolve) => setTimeout(resolve, Math.min(50, left)));
      }
      return true;
    },
    async idle() {
      await Promise.all([accepts.idle(), attempts.idle(), frames.idle(), settles.idle()]);
    },
  };
}
