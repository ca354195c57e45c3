/** `goblin drill`: a fire drill for one API key, test requests under it, and what came of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from '../config.ts';
import { type Attempt, type Case, report } from './drill-report.ts';
import { type Input, type Verb, VerbError } from './flags.ts';
import { bodyOf, type Link, reachServer } from './link.ts';

export const verb: Verb = {
  name: 'drill',
  usage: '<provider> --fault <name> --key <API key>',
  about: [
    'Lets the calls of one API key to a provider fail, sends requests with that key, and says what was saved, restarted,',
    'continued and lost, what it cost, and how long it took. Nobody else’s calls are touched, and nothing that is learnt of',
    'the provider meanwhile counts. Faults are those of the simulator (docs/simulator.md) that bytes of a vendor can have.',
    'The requests are real: other providers answer them, and are paid for it. The exit code is 1 when one was lost.',
  ].join('\n'),
  words: { most: 1 },
  flags: {
    fault: { value: 'name', help: 'what happens to its calls, e.g. cut-after-40, status-500, stall-after-5' },
    key: { value: 'key', help: 'the API key whose calls fail: one that is used for nothing else' },
    requests: { value: 'n', from: 1, help: 'how many are sent (default 20)' },
    model: { value: 'name', help: 'what is asked: provider/model, a bare name, an alias, or auto (default)' },
    prompt: { value: 'text', help: 'what they say' },
    detached: { help: 'by POST /mcp/v1/request, which restarts what broke; else streams of POST /v1/chat/completions' },
    failover: { value: 'mode', help: 'continue, restart (with --detached) or fail, instead of what is usual there' },
    json: { help: 'print the report as JSON' },
  },
  examples: ['npm run goblin -- drill openai --fault cut-after-40 --key gob_… --model careful'],
  run,
};

interface Drill {
  id: string;
}

interface Told {
  status: string;
  cost_usd: number | null;
  attempts: Attempt[];
  error: { code: string } | null;
}

const PROMPT = 'Write about fire drills in offices, in ten sentences.';
const AT_ONCE = 4;
const MOST_REQUESTS = 1000;
/** Longer than any drill takes: it ends by itself if this process cannot end it. */
const MINUTES = 60;
const MAX_TOKENS = 400;

async function run(input: Input): Promise<number> {
  const [provider] = input.words;
  const [fault, key] = [input.text('fault'), input.text('key')];
  if (provider === undefined || fault === undefined || key === undefined) {
    throw new VerbError(
      'goblin drill: name the provider, the fault and the key: goblin drill openai --fault status-500 --key gob_…',
    );
  }
  const requests = Math.min(input.number('requests') ?? 20, MOST_REQUESTS);
  const config = readConfig(process.cwd(), process.env);
  const link = await reachServer(config);
  try {
    const body = { provider, fault, key, minutes: MINUTES };
    const drill = await bodyOf<Drill>(await link.call('/mcp/v1/admin/drills', { method: 'POST', body }));
    const stop = new AbortController();
    const interrupted = (): void => stop.abort();
    process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
    let cases: Case[] = [];
    try {
      cases = await send(link, key, requests, input, stop.signal);
    } finally {
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
      await end(link, drill.id);
    }
    const { text, lost } = report({ provider, fault, cases, asked: requests }, input.on('json'));
    console.log(text);
    return stop.signal.aborted ? 130 : lost > 0 ? 1 : 0;
  } finally {
    await link.close();
  }
}

/** It must not go on after us. */
async function end(link: Link, id: string): Promise<void> {
  try {
    await bodyOf(await link.call(`/mcp/v1/admin/drills/${encodeURIComponent(id)}`, { method: 'DELETE' }));
  } catch (error) {
    console.error(
      `The drill could not be ended (${(error as Error).message}); it ends by itself within ${MINUTES} minutes.`,
    );
  }
}

async function send(link: Link, key: string, requests: number, input: Input, signal: AbortSignal): Promise<Case[]> {
  const cases: Case[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < requests && !signal.aborted) {
      next++;
      const made = await one(link, key, input, signal);
      if (made !== null) cases.push(made);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, requests) }, worker));
  return cases;
}

/** One request, from its beginning to what the record says of it. Null: it was interrupted. */
async function one(link: Link, key: string, input: Input, signal: AbortSignal): Promise<Case | null> {
  const headers = { authorization: `Bearer ${key}` };
  const began = performance.now();
  try {
    const asked = input.on('detached')
      ? await submit(link, headers, input, signal)
      : await ask(link, headers, input, signal);
    const ms = performance.now() - began;
    if (asked.id === null)
      return { id: null, ms, status: 'failed', attempts: [], restarted: false, costUsd: 0, error: asked.error };
    const told = await settled(link, headers, asked.id, signal);
    return {
      id: asked.id,
      ms,
      status: told.status,
      attempts: told.attempts,
      restarted: asked.restarted,
      costUsd: told.cost_usd,
      error: told.error?.code ?? null,
    };
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

interface Asked {
  /** Null: it was refused. */
  id: string | null;
  restarted: boolean;
  error: string | null;
}

type Headers = Record<string, string>;

async function ask(link: Link, headers: Headers, input: Input, signal: AbortSignal): Promise<Asked> {
  const failover = input.text('failover');
  const answer = await link.call('/v1/chat/completions', {
    method: 'POST',
    headers: { ...headers, 'x-mcp-cache': 'off', ...(failover === undefined ? {} : { 'x-mcp-failover': failover }) },
    body: {
      model: input.text('model') ?? 'auto',
      stream: true,
      max_tokens: MAX_TOKENS,
      messages: [{ role: 'user', content: input.text('prompt') ?? PROMPT }],
    },
    signal,
  });
  const id = answer.headers.get('x-mcp-request-id');
  const text = await answer.text().catch(() => '');
  if (answer.headers.get('x-mcp-attempts') === null && answer.status >= 400) refusedByUs(answer.status, text);
  return { id, restarted: false, error: null };
}

async function submit(link: Link, headers: Headers, input: Input, signal: AbortSignal): Promise<Asked> {
  const failover = input.text('failover');
  const answer = await link.call('/mcp/v1/request', {
    method: 'POST',
    headers: { ...headers, 'x-mcp-cache': 'off' },
    body: {
      prompt: input.text('prompt') ?? PROMPT,
      model: input.text('model') ?? 'auto',
      max_tokens: MAX_TOKENS,
      ...(failover === undefined ? {} : { failover }),
    },
    signal,
  });
  const { request_id: id } = await bodyOf<{ request_id: string }>(answer);
  // Its frames say whether it began anew.
  const stream = await link.call(`/mcp/v1/stream/${id}`, { headers, signal });
  const frames = await stream.text();
  return { id, restarted: /^event: restart$/m.test(frames), error: null };
}

/** What is wrong with the call itself is no outcome of a drill. */
function refusedByUs(status: number, text: string): never {
  let body: { error?: { message?: string }; detail?: string } = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // Said by its status.
  }
  throw new VerbError(`The request was refused: ${body.error?.message ?? body.detail ?? `status ${status}`}`);
}

/** The end is written behind the answer. */
async function settled(link: Link, headers: Headers, id: string, signal: AbortSignal): Promise<Told> {
  for (let tries = 0; ; tries++) {
    const told = await bodyOf<Told>(await link.call(`/mcp/v1/request/${id}`, { headers, signal }));
    if ((told.status !== 'running' && told.status !== 'queued') || tries >= 100) return told;
    await sleep(100);
  }
}
