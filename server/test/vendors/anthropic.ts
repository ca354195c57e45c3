/**
 * A vendor that speaks the Anthropic messages wire over loopback HTTP, for tests. Deterministic; takes the same orders
 * as the simulator (`[[sim tokens=40 fault=cut-after-10]]`) and the faults that are not about OpenAI's own fields.
 */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OrderError, type Orders, ordersInModel, ordersInText } from '../../src/providers/simulator/directives.ts';
import { type Fault, parseFault } from '../../src/providers/simulator/faults.ts';
import { createJournal, type JournalEntry } from '../../src/providers/simulator/journal.ts';
import { play } from '../../src/providers/simulator/play.ts';
import { piecesOf, plainScript, type Script } from '../../src/providers/simulator/script.ts';
import { createTally } from '../../src/providers/simulator/tally.ts';
import { twistScript } from '../../src/providers/simulator/twist-script.ts';
import { statusScript } from '../../src/providers/simulator/twist-status.ts';
import { createWheel } from '../../src/providers/simulator/wheel.ts';
import { checkRequest, Invalid } from './anthropic-check.ts';
import { createCache, promptOf, replyTo } from './anthropic-reply.ts';
import { anthropicVoice, errorBody, eventSteps, messageBody, outputTokens, type Reply } from './anthropic-wire.ts';

export interface AnthropicVendorOptions {
  port?: number;
  firstTokenMs?: number;
  tokensPerSecond?: number;
  tokens?: number;
  fault?: string;
  times?: number;
  /** Default `sk-ant-test-key`: a wrong or missing `x-api-key` gets a 401. */
  key?: string;
}

export interface AnthropicVendor {
  /** `http://127.0.0.1:PORT/v1` */
  url: string;
  port: number;
  key: string;
  journal(): JournalEntry[];
  clear(): void;
  /** The signature that this vendor gives to a thinking text. */
  sign(thinking: string): string;
  close(): Promise<void>;
}

const MODELS = ['claude-test-1', 'claude-test-2'];
const JSON_TYPE = 'application/json';

class Refused extends Error {
  readonly status: number;
  readonly type: string;

  constructor(status: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

/** Faults of what is said that make sense on this wire; those of the other stages all do. */
const REPLY_FAULTS: Record<string, (reply: Reply) => void> = {
  'whole-json': () => {},
  'content-filter-finish': (reply) => {
    for (const block of reply.blocks) block.tokens = block.tokens.slice(0, Math.ceil(block.tokens.length / 2));
    reply.stopReason = 'refusal';
    if (reply.usage) reply.usage.output_tokens = outputTokens(reply.blocks);
  },
  'usage-missing': (reply) => {
    reply.usage = undefined;
  },
  'usage-null': (reply) => {
    reply.usage = null;
  },
  'usage-negative': (reply) => {
    if (reply.usage) reply.usage.output_tokens = -reply.usage.output_tokens;
  },
  'usage-absurd': (reply) => {
    if (reply.usage) reply.usage.output_tokens = 1e15;
  },
  // Only streams can carry arguments that are not JSON; unstreamed they stay as they are.
  'tool-args-cut': (reply) => {
    for (const block of reply.blocks) if (block.type === 'tool_use') block.tokens = block.tokens.slice(0, -1);
  },
  'tool-args-invalid': (reply) => {
    for (const block of reply.blocks) if (block.type === 'tool_use') block.tokens = ["{city: 'Gob", "lin',}"];
  },
};

function presetOf(options: AnthropicVendorOptions): Orders {
  const preset: Orders = {};
  if (options.tokens !== undefined) preset.tokens = options.tokens;
  if (options.tokensPerSecond !== undefined) preset.rate = options.tokensPerSecond;
  if (options.firstTokenMs !== undefined) preset.first = options.firstTokenMs;
  if (options.times !== undefined) preset.times = options.times;
  if (options.fault !== undefined) {
    preset.fault = parseFault(options.fault);
    if (preset.fault === null) throw new Error(`Unknown fault '${options.fault}'.`);
  }
  return preset;
}

export async function startAnthropicVendor(options: AnthropicVendorOptions = {}): Promise<AnthropicVendor> {
  const key = options.key ?? 'sk-ant-test-key';
  const preset = presetOf(options);
  const journal = createJournal();
  const wheel = createWheel();
  const tally = createTally();
  const cache = createCache();
  // A signature depends on the text alone, so any instance with the same key knows its own.
  const sign = (thinking: string): string =>
    `EqRk${createHmac('sha512', 'anthropic test vendor').update(thinking).digest('base64')}`;
  let calls = 0;

  function checkCaller(request: IncomingMessage): void {
    const given = request.headers['x-api-key'];
    if (given === undefined) throw new Refused(401, 'authentication_error', 'x-api-key header is required');
    if (given !== key) throw new Refused(401, 'authentication_error', 'invalid x-api-key');
    const version = request.headers['anthropic-version'];
    if (version === undefined) throw new Refused(400, 'invalid_request_error', 'anthropic-version: header is required');
    if (version !== '2023-06-01') {
      const text = `anthropic-version: "${String(version)}" is not a valid version`;
      throw new Refused(400, 'invalid_request_error', text);
    }
  }

  function parse(raw: Buffer): unknown {
    try {
      return JSON.parse(raw.toString('utf8'));
    } catch {
      throw new Refused(400, 'invalid_request_error', 'The request body is not valid JSON: Expecting value');
    }
  }

  function message(entry: JournalEntry): { script: Script; fault: Fault | null; pace: Parameters<typeof play>[2] } {
    const { body, messages } = checkRequest(entry.body, sign);
    entry.stream = body.stream === true;
    const prompt = promptOf(body, messages);
    const { name, orders: inModel } = ordersInModel(String(body.model));
    const orders: Orders = { ...preset, ...inModel, ...ordersInText(prompt.lastUserRaw) };
    entry.model = name;
    let fault = orders.fault ?? null;
    if (fault !== null && !tally(`${prompt.digest} ${fault.asked}`, orders.times)) fault = null;
    const perTokenMs = orders.rate ? 1_000 / orders.rate : 0;
    const voice = anthropicVoice(entry.requestId);
    const instead = fault === null ? null : statusScript(fault, voice, entry.path);
    if (instead !== null) return { script: instead, fault, pace: { firstMs: orders.first ?? 0, perTokenMs } };
    const reply = replyTo(body, prompt, orders, cache, sign);
    const stream = entry.stream && fault?.name !== 'whole-json';
    if (fault?.row.stage === 'answer') {
      const twist = REPLY_FAULTS[fault.name];
      if (twist === undefined) throw new Invalid(`This vendor does not know the fault '${fault.asked}'.`);
      if (stream || !fault.name.startsWith('tool-args')) twist(reply);
    }
    const tokens = outputTokens(reply.blocks);
    const script: Script = {
      status: 200,
      headers: [['content-type', stream ? 'text/event-stream; charset=utf-8' : JSON_TYPE]],
      early: stream,
      stream,
      steps: stream ? eventSteps(reply) : piecesOf(messageBody(reply), tokens, reply.usage ?? undefined),
      ending: 'end',
      apart: false,
    };
    if (fault !== null) twistScript(script, fault, voice);
    const wait = stream ? 0 : Math.max(0, tokens - 1) * perTokenMs;
    return { script, fault, pace: { firstMs: (orders.first ?? 0) + wait, perTokenMs: stream ? perTokenMs : 0 } };
  }

  function models(): Script {
    const data = MODELS.map((id) => ({ type: 'model', id, display_name: id, created_at: '2026-01-01T00:00:00Z' }));
    const body = { data, has_more: false, first_id: MODELS[0], last_id: MODELS.at(-1) };
    return plainScript(200, JSON_TYPE, JSON.stringify(body), []);
  }

  function respond(request: IncomingMessage, raw: Buffer, entry: JournalEntry, response: ServerResponse): void {
    let script: Script;
    let fault: Fault | null = null;
    let pace = { firstMs: 0, perTokenMs: 0 };
    try {
      checkCaller(request);
      if (entry.path === '/v1/models' && entry.method === 'GET') {
        script = models();
      } else if (entry.path === '/v1/messages' && entry.method === 'POST') {
        entry.body = parse(raw);
        ({ script, fault, pace } = message(entry));
      } else {
        throw new Refused(404, 'not_found_error', 'Not found');
      }
    } catch (error) {
      const refused =
        error instanceof Invalid || error instanceof OrderError
          ? new Refused(400, 'invalid_request_error', error.message)
          : error;
      if (!(refused instanceof Refused)) throw error;
      script = plainScript(refused.status, JSON_TYPE, errorBody(refused.type, refused.message, entry.requestId), []);
    }
    entry.fault = fault?.asked ?? null;
    entry.status = script.headers === null ? null : script.status;
    script.headers?.push(['request-id', entry.requestId]);
    journal.add(entry, raw.length);
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

  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      calls++;
      const given = request.headers['x-api-key'];
      const idempotency = request.headers['idempotency-key'];
      const entry: JournalEntry = {
        seq: calls,
        at: Date.now(),
        endedAt: null,
        method: request.method ?? 'GET',
        path: (request.url ?? '/').split('?', 1)[0] ?? '/',
        requestId: `req_011test${calls.toString(36).padStart(14, '0')}`,
        model: null,
        stream: false,
        key: typeof given === 'string' ? given.slice(-4) : null,
        idempotencyKey: typeof idempotency === 'string' ? idempotency : null,
        body: null,
        fault: null,
        status: null,
        tokensSent: 0,
        usage: null,
        outcome: 'running',
      };
      respond(request, Buffer.concat(chunks), entry, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    key,
    journal: () => journal.list(),
    clear: () => journal.clear(),
    sign,
    close() {
      wheel.close();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}
