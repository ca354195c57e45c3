/** Responses in our record, found by their ids. */
import type { ServerResponse } from 'node:http';
import type { AnswerCall } from '../contract/call.ts';
import { askerOf, type Caller } from '../contract/caller.ts';
import type { DoorContext } from '../contract/dialect.ts';
import { GoblinError } from '../contract/errors.ts';
import type { VisiblePart } from '../contract/part.ts';
import type { Bus, Ledger } from '../contract/ports.ts';
import type { RequestRow } from '../contract/rows.ts';
import { isTerminal } from '../contract/states.ts';
import { askedBody, inputItems, isStored, partsOfStored, requestIdOf, responseObject } from '../dialects/index.ts';
import { dollars } from '../money/cost.ts';
import { createWaits } from './waits.ts';

export type Json = Record<string, unknown>;

export interface Found {
  row: RequestRow;
  call: AnswerCall;
  metadata: Json | null;
  /** The caller has asked for it himself: what was asked may be shown to him. */
  own: boolean;
  /** As he sees it. */
  ledger: Ledger;
}

export interface ResponseRecord {
  /** Null for what is unknown, another tenant's, no longer kept, or was not to be stored: nobody can tell them apart. */
  find(caller: Caller, responseId: string, res: ServerResponse): Promise<Found | null>;
  /**
   * Whether the caller may have what was asked: his own, or by a right of his, which leaves a trace. Rejects when that
   * cannot be written.
   */
  mayRead(caller: Caller, found: Found): Promise<boolean>;
  /** The response as it is now, with what was asked if it is the caller's own. Null when its answer is no longer kept. */
  object(caller: Caller, found: Found): Promise<Json | null>;
  /** Our facts about it. */
  truth(tenant: string, row: RequestRow): Promise<Json>;
  /** What was said in a response that another goes on from. Throws for one that has no end, or none that is a success. */
  answer(caller: Caller, found: Found): Promise<VisiblePart[] | null>;
  /** All items of a response, of its input and of its output; null when there is none for this caller. */
  items(caller: Caller, responseId: string, res: ServerResponse): Promise<Json[] | null>;
}

/** The end of an attached request is written behind its answer: whoever asks in this moment waits for it. */
const WRITTEN_MS = 2000;

export function createResponseRecord(deps: {
  /** As who asked sees it. */
  ledger: Ledger;
  /** As others see it. */
  masked: Ledger;
  bus: Bus;
  /** Waits for a record that is away. */
  recordBack(): Promise<void>;
  /** Before stored content is shown. Rejects when the caller may not read it, or no trace of it could be left. */
  readContent(caller: Caller, request: string): Promise<void>;
}): ResponseRecord {
  const { ledger } = deps;
  const waits = createWaits(deps);

  async function find(caller: Caller, responseId: string, res: ServerResponse): Promise<Found | null> {
    const { tenant } = caller;
    const id = requestIdOf(responseId);
    if (id === null) return null;
    if (ledger.lostFor() !== null) await deps.recordBack();
    let row = await ledger.get(tenant, id);
    if (row?.mode === 'attached' && !isTerminal(row.state)) {
      await waits.ended(tenant, id, WRITTEN_MS, res);
      row = await ledger.get(tenant, id);
    }
    if (!row) return null;
    const body = await ledger.body(tenant, id);
    const own = (body?.by ?? null) === askerOf(caller);
    if (body?.call.kind !== 'answer' || body.call.messages.length === 0 || !isStored(body.call)) return null;
    const seen = own ? body : ((await deps.masked.body(tenant, id)) ?? body);
    return { row, call: seen.call, metadata: seen.metadata, own, ledger: own ? ledger : deps.masked };
  }

  async function mayRead(caller: Caller, { row, own }: Found): Promise<boolean> {
    if (own) return true;
    if (!caller.permissions.has('content:read')) return false;
    await deps.readContent(caller, row.id);
    return true;
  }

  async function truth(tenant: string, row: RequestRow): Promise<Json> {
    const attempts = await ledger.attempts(tenant, row.id);
    const last = attempts.at(-1);
    return {
      request_id: row.id,
      ...(last ? { provider: last.provider, model: last.model } : {}),
      attempts: attempts.length,
      ...(isTerminal(row.state) ? { cost_usd: dollars(row.costPico) } : {}),
    };
  }

  async function object({ tenant }: Caller, { row, call, metadata, own, ledger: seen }: Found): Promise<Json | null> {
    const succeeded = row.state === 'succeeded';
    const [facts, result, partialText] = await Promise.all([
      truth(tenant, row),
      succeeded ? seen.result(tenant, row.id) : null,
      succeeded || !isTerminal(row.state) ? null : seen.partialText(tenant, row.id),
    ]);
    if (succeeded && !result) return null;
    return responseObject({ request: row, call: own ? call : null, result, partialText, metadata }, facts);
  }

  return {
    find,
    mayRead,
    truth,
    object,
    async answer({ tenant }, { row, ledger: seen }) {
      if (row.state !== 'succeeded') {
        const why = isTerminal(row.state) ? `ended without an answer (${row.state})` : 'has not ended yet';
        throw new GoblinError('invalid_request', `The previous response ${why}, so nothing can go on from it.`, {
          errors: [{ path: 'previous_response_id', message: `must be a response with an answer; this one ${why}` }],
        });
      }
      const result = await seen.result(tenant, row.id);
      return result && partsOfStored(result.message);
    },
    async items(caller, responseId, res) {
      const found = await find(caller, responseId, res);
      const response = found && (await mayRead(caller, found)) ? await object(caller, found) : null;
      return response && found ? [...inputItems(found.call, found.row.id), ...(response.output as Json[])] : null;
    },
  };
}

/** What a stream of it begins with, whenever it is told: which model answers is said at its end. */
export function contextOf({ row, call, metadata, own }: Found): DoorContext {
  return {
    requestId: row.id,
    model: row.model ?? call.model ?? 'auto',
    created: Math.floor(row.createdAt / 1000),
    includeUsage: true,
    request: askedBody(own ? call : null, metadata) ?? {},
  };
}

/** An id as it may be repeated to whoever sent it. */
const shown = (id: string): string => (/^[\x21-\x7e]{1,100}$/.test(id) ? `with the id ${id}` : 'with that id');

export function noResponse(id: string): GoblinError {
  return new GoblinError(
    'not_found',
    `There is no response ${shown(id)}. Responses are found for as long as their content is kept, unless they were created with "store": false.`,
  );
}

export function noPrevious(id: string): GoblinError {
  return new GoblinError(
    'not_found',
    `There is no previous response ${shown(id)} of yours, or it is no longer kept; send the earlier items in "input" instead.`,
    { errors: [{ path: 'previous_response_id', message: 'must be a response that is kept here' }] },
  );
}
