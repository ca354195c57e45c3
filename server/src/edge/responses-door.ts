/** `POST /v1/responses`: a client of OpenAI's Responses API works by changing its address. */
import type { ServerResponse } from 'node:http';
import type { Caller } from '../contract/caller.ts';
import type { Dialect } from '../contract/dialect.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Receipt, Submit } from '../contract/flow.ts';
import {
  decodeResponses,
  namedRequests,
  responseId,
  responseObject,
  withItems,
  withPrevious,
} from '../dialects/index.ts';
import type { AnswerDialect } from './answer-door.ts';
import type { Detached, Read } from './answer-read.ts';
import { type Json, noPrevious, noResponse, type ResponseRecord } from './responses-record.ts';
import { ResponseBody } from './responses-schemas.ts';
import { openStream, type ResponseStreamDeps } from './responses-stream.ts';

export interface ResponsesDeps extends ResponseStreamDeps {
  record: ResponseRecord;
  submit: Submit;
}

/** Responses whose items one body may name by id. */
const MOST_NAMED = 256;
/** Of those that are asked for at a time: the database has other callers too. */
const MOST_AT_ONCE = 4;
const KEEPS = { record: true };

export function responsesAnswers(dialect: Dialect, deps: ResponsesDeps): AnswerDialect {
  const { record } = deps;

  /** What the body only names is put in from the record. */
  async function complete(caller: Caller, body: Json, names: string[], res: ServerResponse): Promise<Read> {
    if (names.length > MOST_NAMED) {
      throw new GoblinError(
        'invalid_request',
        `input names items of more than ${MOST_NAMED} responses; send the items.`,
        {
          errors: [{ path: 'input', message: `must name items of at most ${MOST_NAMED} responses` }],
        },
      );
    }
    const known = new Map<string, readonly Json[] | null>();
    const left = [...names];
    const look = async (): Promise<void> => {
      for (let name = left.pop(); name !== undefined; name = left.pop())
        known.set(name, await record.items(caller, responseId(name), res));
    };
    await Promise.all(Array.from({ length: MOST_AT_ONCE }, look));
    const read = decodeResponses(
      withItems(body, (name) => known.get(name) ?? null),
      KEEPS,
    );
    const { previousResponseId: id } = read;
    if (id === null) return read;
    const found = await record.find(caller, id, res);
    const answer = found && (await record.mayRead(caller, found)) ? await record.answer(caller, found) : null;
    if (!found || !answer) throw noPrevious(id);
    return { ...read, call: withPrevious(read.call, found.call, answer) };
  }

  async function tell({ caller, submission, read, res }: Detached, receipt: Receipt): Promise<void> {
    const id = responseId(receipt.requestId);
    if (receipt.replayed) res.setHeader('idempotent-replayed', 'true');
    if (read.stream || receipt.replayed) {
      const found = await record.find(caller, id, res);
      if (!found) throw noResponse(id);
      if (read.stream) (await openStream(deps, caller, found, null))(res);
      else send(res, receipt.requestId, (await record.object(caller, found)) ?? {});
      return;
    }
    const { call, metadata } = submission;
    const request = {
      id: receipt.requestId,
      state: 'queued',
      model: call.model ?? null,
      createdAt: receipt.createdAt,
      finishedAt: null,
      error: null,
    } as const;
    const facts = { request_id: receipt.requestId };
    send(res, receipt.requestId, responseObject({ request, call, result: null, partialText: null, metadata }, facts));
  }

  return {
    dialect,
    path: '/v1/responses',
    summary: 'OpenAI Responses',
    body: ResponseBody,
    example: '{"model": "auto", "input": "Hello"}',
    relay: null,
    usage: () => ({}),
    idHeader: null,
    passHeaders: [],
    anew: true,
    read(caller, body, res) {
      const names = namedRequests(body);
      const { previous_response_id: previous } = body;
      if (names.length === 0 && (previous === undefined || previous === null)) return decodeResponses(body, KEEPS);
      return complete(caller, body, names, res);
    },
    detach(asked) {
      const { caller, submission, read } = asked;
      if (!read.background) return false;
      // What a stream has shown cannot be taken back; without one the answer may begin anew.
      const failover = submission.failover ?? (read.stream ? 'continue' : null);
      deps
        .submit(caller, { ...submission, mode: 'detached', failover })
        .then((receipt) => tell(asked, receipt).catch(asked.fail), asked.refuse);
      return true;
    },
  };
}

function send(res: ServerResponse, id: string, response: Json): void {
  if (res.destroyed) return;
  const body = JSON.stringify(response);
  res.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-mcp-request-id': id,
  });
  res.end(body);
}
