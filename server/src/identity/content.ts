/** Who may read what was asked and answered: whoever asked it; others only with a permission of its own, and not without a trace. */
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Row, Sql } from '../contract/ports.ts';
import { note } from './events.ts';

// Whose a request is.
const WHOSE = `select key_id as "keyId", encode(user_hash, 'hex') as "userHash" from mcp_request where tenant = $1 and id = $2`;

/** Whose a request is. */
interface Whose {
  keyId: string | null;
  userHash: string;
}

export interface Content {
  /** Rejects with `forbidden`, and when the event cannot be written: then nothing may be shown. */
  read(caller: Caller, request: string): Promise<void>;
  /** Leaves a trace when what others have asked is shown: an answer, its stream. Rejects when that cannot be written. */
  shown(caller: Caller, request: Whose & { id: string }, what: 'result' | 'stream' | 'metadata'): Promise<void>;
  owns(caller: Caller, request: Whose): boolean;
  /** Rejects with `forbidden`. */
  mayErase(caller: Caller, request: string): Promise<void>;
}

/** Whoever looks again at the same within a minute leaves no second trace. */
const AGAIN_MS = 60_000;
const MOST = 10_000;

export function createContent(sql: Sql, userHash: (tenant: string, user: string) => string): Content {
  const lately = new Map<string, number>();

  /** By the same key; who signed in, by his own name. With authentication off all is everybody's own. */
  function owns(caller: Caller, of: Whose | undefined): boolean {
    if (caller.standing === undefined && caller.key === null && caller.user === 'local') return true;
    if (!of || caller.visits) return false;
    if (caller.key !== null) return of.keyId === caller.key;
    return of.keyId === null && of.userHash === userHash(caller.tenant, caller.user);
  }

  async function isOwn(caller: Caller, request: string): Promise<boolean> {
    const [row] = await sql.query<Whose & Row>(WHOSE, [caller.tenant, request]);
    return owns(caller, row);
  }

  const forbidden = (doing: string, request: string): GoblinError =>
    new GoblinError(
      'forbidden',
      `What others asked is ${doing} with the permission content:read only; you may do so with what the same key asked.`,
      { requestId: request },
    );

  return {
    owns,
    async read(caller, request) {
      if (await isOwn(caller, request)) return;
      if (!caller.permissions.has('content:read')) throw forbidden('read', request);
      await note(sql, caller.tenant, 'content.read', caller.key ?? caller.user, {}, request);
    },
    async shown(caller, request, what) {
      if (owns(caller, request)) return;
      const actor = caller.key ?? caller.user;
      const name = `${actor}\n${request.id}\n${what}`;
      const now = performance.now();
      if (now - (lately.get(name) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return;
      await note(sql, caller.tenant, 'answer.read', actor, { what }, request.id);
      if (lately.size >= MOST) lately.clear();
      lately.set(name, now);
    },
    async mayErase(caller, request) {
      if (caller.permissions.has('content:read') || (await isOwn(caller, request))) return;
      throw forbidden('erased', request);
    },
  };
}
