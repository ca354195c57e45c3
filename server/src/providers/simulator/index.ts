/**
 * The simulator: a provider that ships. It speaks the OpenAI chat wire over loopback HTTP, so that the real transport
 * and codec run, answers the same request with the same bytes, and breaks in every way a vendor can, on command.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeAnswer, usageOf } from './answer.ts';
import { type Ask, readAsk } from './ask.ts';
import type { Orders } from './directives.ts';
import { errorBody, OPENAI_VOICE, Refused, refusedBody } from './errors.ts';
import { type Fault, faultNames, parseFault } from './faults.ts';
import { createJournal, type JournalEntry } from './journal.ts';
import { play } from './play.ts';
import { plainScript, type Script } from './script.ts';
import { createTally } from './tally.ts';
import { ANSWER_TWISTS, RECOUNTED } from './twist-answer.ts';
import { twistScript } from './twist-script.ts';
import { statusScript } from './twist-status.ts';
import { createWheel } from './wheel.ts';
import { answerScript, JSON_TYPE } from './wire.ts';

export { FAULTS, type FaultRow } from './faults.ts';
export type { JournalEntry } from './journal.ts';

export interface SimulatorOptions {
  /** Loopback only: the simulator checks nobody. */
  host?: '127.0.0.1';
  /** 0 or left out: any free port. */
  port?: number;
  firstTokenMs?: number;
  /** 0 or left out: as fast as possible. */
  tokensPerSecond?: number;
  /** Tokens of an answer's text. Default 30. */
  tokens?: number;
  /** A name of `FAULTS` that hits all calls which do not say otherwise. */
  fault?: string;
  /** The default fault hits only the first so many calls with the same prompt. */
  times?: number;
  /** Answers begin by saying that this is the simulator, because no vendor is configured. */
  announce?: boolean;
  /** Keep a journal, also at `GET /journal` and `DELETE /journal`. */
  journal?: boolean;
  /** Calls with another bearer key get the vendor's 401. */
  key?: string;
}

export interface Simulator {
  /** `http://127.0.0.1:PORT/v1` */
  url: string;
  port: number;
  journal(): JournalEntry[];
  clear(): void;
  /** Drops all connections. */
  close(): Promise<void>;
}

const MODELS = ['goblin-sim', 'goblin-sim-reasoner'];
const CREATED = 1_750_000_000;
const MAX_BODY = 64 * 1_048_576;

function presetOf(options: SimulatorOptions): Orders {
  const preset: Orders = {};
  if (options.tokens !== undefined) preset.tokens = options.tokens;
  if (options.tokensPerSecond !== undefined) preset.rate = options.tokensPerSecond;
  if (options.firstTokenMs !== undefined) preset.first = options.firstTokenMs;
  if (options.times !== undefined) preset.times = options.times;
  if (options.fault !== undefined && options.fault !== 'none') {
    const fault = parseFault(options.fault);
    if (fault === null) {
      throw new Error(`Unknown fault '${options.fault}'. Known faults are: ${faultNames().join(', ')}.`);
    }
    preset.fault = fault;
  }
  return preset;
}

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const preset = presetOf(options);
  const keep = options.journal === true;
  const journal = createJournal();
  const wheel = createWheel();
  const tally = createTally();
  let calls = 0;

  function answerCall(ask: Ask, path: string): { script: Script; fault: Fault | null } {
    const { orders } = ask;
    let fault = orders.fault ?? null;
    if (fault !== null && !tally(`${ask.prompt.digest} ${fault.asked}`, orders.times)) fault = null;
    const instead = fault === null ? null : statusScript(fault, OPENAI_VOICE, path);
    if (instead !== null) return { script: instead, fault };
    const answer = makeAnswer(ask, options.announce === true);
    if (fault !== null) {
      ANSWER_TWISTS[fault.name]?.(answer);
      if (RECOUNTED.has(fault.name)) answer.usage = usageOf(answer, ask);
    }
    const script = answerScript(answer, ask.stream, ask, fault?.row.stage === 'script');
    if (fault !== null) twistScript(script, fault, OPENAI_VOICE);
    return { script, fault };
  }

  function listModels(path: string): string | null {
    const models = MODELS.map((id) => ({ id, object: 'model', created: CREATED, owned_by: 'goblin' }));
    if (path === '/v1/models') return JSON.stringify({ object: 'list', data: models });
    const one = models.find(({ id }) => path === `/v1/models/${id}`);
    return one === undefined ? null : JSON.stringify(one);
  }

  function respond(request: IncomingMessage, raw: Buffer, entry: JournalEntry, response: ServerResponse): void {
    let script: Script;
    let fault: Fault | null = null;
    let pace = { firstMs: 0, perTokenMs: 0 };
    try {
      checkKey(request, options.key);
      const models = entry.method === 'GET' ? listModels(entry.path) : null;
      if (models !== null) {
        script = plainScript(200, JSON_TYPE, models, []);
      } else {
        checkRoute(entry.method, entry.path);
        entry.body = parseBody(raw);
        const ask = readAsk(entry.body, preset);
        entry.model = ask.model;
        entry.stream = ask.stream;
        ({ script, fault } = answerCall(ask, entry.path));
        pace = paceOf(ask, script);
      }
    } catch (error) {
      // It runs inside the server: no request, however strange, may bring that down.
      const refused =
        error instanceof Refused
          ? error
          : new Refused(500, `The simulator failed: ${error}`, null, null, 'server_error');
      script = plainScript(refused.status, JSON_TYPE, refusedBody(refused), []);
    }
    entry.fault = fault?.asked ?? null;
    entry.status = script.headers === null ? null : script.status;
    script.headers?.push(['x-request-id', entry.requestId], ['openai-version', '2020-10-01']);
    if (keep) journal.add(entry, raw.length);
    play(response, script, pace, wheel, {
      sent(step) {
        entry.tokensSent += step.tokens;
        if (step.usage !== undefined) entry.usage = step.usage;
      },
      over(how) {
        entry.endedAt = Date.now();
        const whole = fault === null ? script.status < 400 : fault.row.whole;
        if (how === 'left' || (how === 'waited' && !whole)) entry.outcome = 'aborted';
        else entry.outcome = whole ? 'completed' : 'faulted';
      },
    });
  }

  function serveJournal(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === 'DELETE') {
      journal.clear();
      response.writeHead(204).end();
      return;
    }
    response.writeHead(200, { 'content-type': JSON_TYPE }).end(JSON.stringify({ entries: journal.list() }));
  }

  function receive(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (keep && path === '/journal' && (request.method === 'GET' || request.method === 'DELETE')) {
      serveJournal(request, response);
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY) chunks.push(chunk);
    });
    request.on('error', () => {});
    request.on('end', () => {
      const raw = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
      if (size > MAX_BODY) {
        response.writeHead(413, { 'content-type': JSON_TYPE });
        response.end(errorBody('The request is too large.', 'invalid_request_error', null, 'request_too_large'));
        return;
      }
      calls++;
      respond(request, raw, entryOf(request, path, calls), response);
    });
  }

  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, receive);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    journal: () => journal.list(),
    clear: () => journal.clear(),
    close() {
      wheel.close();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function header(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}

function bearer(request: IncomingMessage): string | null {
  return /^bearer\s+(\S+)$/i.exec(header(request, 'authorization') ?? '')?.[1] ?? null;
}

function entryOf(request: IncomingMessage, path: string, seq: number): JournalEntry {
  return {
    seq,
    at: Date.now(),
    endedAt: null,
    method: request.method ?? 'GET',
    path,
    requestId: `req_sim${seq.toString(16).padStart(12, '0')}`,
    model: null,
    stream: false,
    key: bearer(request)?.slice(-4) ?? null,
    idempotencyKey: header(request, 'idempotency-key'),
    body: null,
    fault: null,
    status: null,
    tokensSent: 0,
    usage: null,
    outcome: 'running',
  };
}

function checkKey(request: IncomingMessage, key: string | undefined): void {
  if (key === undefined) return;
  const given = bearer(request);
  if (given === key) return;
  const message =
    given === null
      ? "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth " +
        '(i.e. Authorization: Bearer YOUR_KEY).'
      : `Incorrect API key provided: ****${given.slice(-4)}. You can find your API key at https://platform.openai.com/account/api-keys.`;
  throw new Refused(401, message, null, given === null ? null : 'invalid_api_key');
}

function checkRoute(method: string, path: string): void {
  if (path !== '/v1/chat/completions') throw new Refused(404, `Invalid URL (${method} ${path})`, null, null);
  if (method !== 'POST') throw new Refused(405, 'Only POST requests are accepted.', null, 'method_not_supported');
}

function parseBody(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString('utf8'));
  } catch {
    const message =
      "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library " +
      'correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)';
    throw new Refused(400, message, null, null);
  }
}

/** A body that is not streamed comes when its last token is made. */
function paceOf(ask: Ask, script: Script): { firstMs: number; perTokenMs: number } {
  const { first = 0, rate = 0 } = ask.orders;
  const perTokenMs = rate > 0 ? 1_000 / rate : 0;
  if (script.stream || script.status !== 200) return { firstMs: first, perTokenMs };
  const tokens = script.steps.reduce((sum, step) => sum + step.tokens, 0);
  return { firstMs: first + Math.max(0, tokens - 1) * perTokenMs, perTokenMs: 0 };
}
