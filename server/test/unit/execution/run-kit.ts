/** Runs without a house: vendors that say what a test tells them, a record that only remembers. */
import type { AnswerCall } from '../../../src/contract/call.ts';
import type { Notice } from '../../../src/contract/dialect.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import { isVisible } from '../../../src/contract/part.ts';
import type { Provider } from '../../../src/contract/provider.ts';
import type { AttemptEnd, AttemptStart } from '../../../src/contract/record.ts';
import { DIALECTS } from '../../../src/dialects/index.ts';
import { startAnswer } from '../../../src/execution/answer.ts';
import { createResponseCache, type ResponseCache } from '../../../src/execution/cache.ts';
import type { Run, RunInput, SharedRunDeps } from '../../../src/execution/terms.ts';
import type { UpstreamHandler } from '../../../src/providers/exchange.ts';
import type { Transport } from '../../../src/providers/transport.ts';
import { createWheel } from '../../../src/providers/wheel.ts';
import { createHealthBook } from '../../../src/routing/book.ts';

/** One call to a vendor, to be answered by hand. */
export interface Called {
  provider: string;
  body: { messages: { role: string; content: unknown }[]; [field: string]: unknown };
  closed: boolean;
  paused: boolean;
  say(...words: string[]): void;
  finish(): void;
  /** An unstreamed answer. */
  whole(text: string): void;
  refuse(status: number): void;
  cut(): void;
}

export interface Began {
  start: AttemptStart;
  before: AttemptEnd | null;
  restart: string | null;
}

export interface Seen {
  run: Run;
  began: Began[];
  attempts: AttemptStart[];
  notices: Notice[];
  text: string;
  /** Raw texts of events that were told. */
  raw: string[];
  /** The sink takes no more. */
  full: boolean;
}

const USAGE = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };
const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

function provider(name: string, goesOn: boolean): Provider {
  return {
    name,
    title: name,
    dialect: 'openai',
    baseUrl: 'http://vendor',
    auth: 'none',
    headers: {},
    key: null,
    quirks: goesOn ? { prefix: { style: 'trailing' } } : {},
    vendor: null,
    free: false,
    local: false,
    models: [],
    anyModel: false,
  } as unknown as Provider;
}

export interface House {
  calls: Called[];
  deps: SharedRunDeps;
  cache: ResponseCache;
  clock: { now: number };
  ask(
    more?: Partial<RunInput> & { text?: string; tenant?: string; key?: string | null },
    lost?: 'begin' | 'still' | 'away',
  ): Seen;
}

export function makeHouse({
  cached = true,
  more = {},
}: {
  cached?: boolean;
  more?: Partial<SharedRunDeps>;
} = {}): House {
  const calls: Called[] = [];
  const clock = { now: 1_700_000_000_000 };
  const cache = createResponseCache({ ttlMs: 60_000, maxBytes: 1_000_000 }, { now: () => clock.now });
  const providers = new Map([provider('a', false), provider('b', true)].map((one) => [one.name, one]));

  const post: Transport['post'] = (to, request, _hop, handler: UpstreamHandler) => {
    const data = (text: string): void => {
      if (!call.closed) handler.data(Buffer.from(text));
    };
    let begun = false;
    const head = (): void => {
      if (!begun && !call.closed) handler.head(200, {});
      begun = true;
    };
    const call: Called = {
      provider: to.name,
      body: JSON.parse(request.body) as Called['body'],
      closed: false,
      paused: false,
      say(...words) {
        head();
        for (const word of words) data(chunk({ content: word }));
      },
      finish() {
        head();
        data(chunk({}, 'stop'));
        data(`data: ${JSON.stringify({ id: 'c', choices: [], usage: USAGE })}\n\ndata: [DONE]\n\n`);
        if (!call.closed) handler.end();
      },
      whole(text) {
        head();
        data(
          JSON.stringify({
            id: 'vendor-id',
            choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
            usage: USAGE,
          }),
        );
        if (!call.closed) handler.end();
      },
      refuse(status) {
        handler.head(status, {});
        data(JSON.stringify({ error: { message: 'no', type: 'server_error' } }));
        handler.end();
      },
      cut() {
        if (!call.closed) handler.error({ code: 'upstream_unreachable', detail: 'cut' }, true);
      },
    };
    calls.push(call);
    return {
      begun: true,
      pause: () => {
        call.paused = true;
      },
      resume: () => {
        call.paused = false;
      },
      abort: () => {
        call.closed = true;
      },
    };
  };

  const deps: SharedRunDeps = {
    transport: { post } as unknown as Transport,
    wheel: createWheel(),
    clocks: { headersMs: 5000, answerMs: 5000, firstTokenMs: 5000, idleMs: 5000 },
    attemptCap: 3,
    leaseMs: 15_000,
    provider: (name) => providers.get(name) ?? null,
    price: () => ({ input: { base: 10 }, output: { base: 20 }, version: 'test' }),
    maxOutput: () => undefined,
    reasons: () => undefined,
    dialect: () => DIALECTS.openai,
    health: createHealthBook(
      {
        breaker: {
          consecutive: 99,
          rate: 1,
          minCalls: 999,
          windowMs: 60_000,
          openMs: 1000,
          maxOpenMs: 1000,
          slowMs: 0,
          probes: 1,
        },
        retryBudget: { ratio: 10, reserve: 1000 },
      },
      { process: 'test' },
    ),
    fellBack() {},
    observe() {},
    ...(cached ? { cache } : {}),
    ...more,
  };

  return {
    calls,
    deps,
    cache,
    clock,
    ask({ text = 'hi', tenant = 't', key = null, ...input } = {}, lost) {
      const call: AnswerCall = { kind: 'answer', messages: [{ role: 'user', content: [{ type: 'text', text }] }] };
      const seen: Omit<Seen, 'run'> = { began: [], attempts: [], notices: [], text: '', raw: [], full: false };
      const whole: RunInput = {
        id: `request-${Math.random()}`,
        call,
        plan: {
          targets: [
            { provider: 'a', model: 'm', reason: 'first' },
            { provider: 'b', model: 'm', reason: 'second' },
          ],
          dropped: [],
          conversation: null,
          seed: 1,
        },
        firstAttempt: 1,
        unburnt: 0,
        stream: true,
        failover: 'continue',
        requeue: false,
        restarted: null,
        hop: null,
        totalMs: 20_000,
        deadlineMs: null,
        by: { tenant, key },
        ...input,
      };
      const run = startAnswer(
        {
          ...deps,
          async begin(start, before, restart) {
            seen.began.push({ start, before, restart });
            return lost !== 'begin';
          },
          async still() {
            if (lost === 'away') throw new GoblinError('unavailable', 'The record is away.');
            return lost !== 'still';
          },
        },
        whole,
        {
          attempt: (start, restart) => {
            seen.attempts.push(start);
            if (restart !== null) seen.text = '';
          },
          notice: (notice) => void seen.notices.push(notice),
          event(parts, data) {
            for (const part of parts) if (isVisible(part) && part.type === 'text') seen.text += part.text;
            if (data) seen.raw.push(data);
          },
          flush: () => !seen.full,
        },
      );
      return Object.assign(seen, { run });
    },
  };
}

/** Everything that was promised has been done. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
