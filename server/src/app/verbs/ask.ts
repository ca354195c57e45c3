/** `goblin ask`: one question, the answer as it comes, and what it took. */
import { randomUUID } from 'node:crypto';
import { fstatSync } from 'node:fs';
import type { WireUsage } from '../../contract/part.ts';
import { type Config, readConfig } from '../config.ts';
import { FolderHeld } from '../folder.ts';
import { createScreen, type Screen } from './ask-screen.ts';
import { type End, follow, type Line, Lost, openLine } from './ask-stream.ts';
import { type Input, type Verb, VerbError } from './flags.ts';
import { bodyOf, reachServer } from './link.ts';

export const verb: Verb = {
  name: 'ask',
  usage: '"<prompt>" [flags]',
  about:
    'Asks a model and writes the answer as it comes; what it took goes to standard error. The prompt may come from a\n' +
    'pipe (in place of words, or for "-"); words and a pipe together make one prompt, the words first. Ctrl-C cancels.',
  words: { most: Number.MAX_SAFE_INTEGER },
  flags: {
    model: { value: 'name', help: 'provider/model, a bare name, an alias, or auto (default)' },
    provider: { value: 'name', help: 'the provider to try first' },
    system: { value: 'text', help: 'instructions before the prompt' },
    task: { value: 'type', help: 'task type, which chooses the route (default chat)' },
    'max-tokens': { value: 'n', from: 1, help: 'the longest answer, in tokens' },
    json: { help: 'print the result as JSON, at the end' },
  },
  examples: [
    'npm run goblin -- ask "What is a goblin?"',
    'git diff | npm run -s goblin -- ask "Write a commit message for this" --model openai/gpt-4.1-nano',
  ],
  run,
};

interface Result {
  text: string;
  finish_reason: string;
  provider: string;
  model: string;
  usage: WireUsage;
  cost_usd: number | null;
}

/** A server that went away may be starting again: it gets its folder first. */
const COMES_BACK_MS = 6000;
/** A pipe that does not end is waited for; after this long we say so. */
const PIPE_HINT_MS = 3000;

async function run(input: Input): Promise<number> {
  const config = readConfig(process.cwd(), process.env);
  const prompt = await readPrompt(input.words);
  const screen = createScreen(process.stdout, process.stderr, input.on('json'), process.env);
  const stop = listenForStop();
  try {
    return await ask(config, input, prompt, screen, stop);
  } finally {
    screen.close();
  }
}

async function ask(config: Config, input: Input, prompt: string, screen: Screen, stop: Stop): Promise<number> {
  screen.waiting('connecting');
  const line = await openLine(
    (again) => reachServer(config, again ? COMES_BACK_MS : 0),
    () => screen.waiting('connection lost, trying again'),
  );
  try {
    if (stop.signal.aborted) return stop.code();
    screen.waiting('submitting');
    // Not from the call: opening the folder is no part of the answer's time.
    const began = performance.now();
    const id = await submit(line, input, prompt);
    try {
      screen.waiting('queued');
      const end = await follow(line, id, screen.frame, stop.signal);
      return await conclude({ line, id, screen, json: input.on('json'), ms: performance.now() - began }, end);
    } catch (error) {
      if (stop.signal.aborted) {
        await cancel(line, id, screen);
        return stop.code();
      }
      if (!(error instanceof Lost) && !(error instanceof FolderHeld)) throw error;
      throw new VerbError(`${error.message} The request ${id} may still run there.`);
    }
  } finally {
    await line.close();
  }
}

async function submit(line: Line, input: Input, prompt: string): Promise<string> {
  const optional = {
    model: input.text('model'),
    system: input.text('system'),
    task_type: input.text('task'),
    provider_hint: input.text('provider'),
    max_tokens: input.number('max-tokens'),
  };
  const answer = await line.call('/mcp/v1/request', {
    method: 'POST',
    // With a key it can be sent again when the connection breaks, and still runs once.
    headers: { 'idempotency-key': randomUUID() },
    body: { prompt, ...optional },
  });
  return (await bodyOf<{ request_id: string }>(answer)).request_id;
}

interface Ended {
  line: Line;
  id: string;
  screen: Screen;
  json: boolean;
  ms: number;
}

/** Says how it ended and what it took. Answers the exit code. */
async function conclude({ line, id, screen, json, ms }: Ended, end: End | null): Promise<number> {
  const answer = await line.call(`/mcp/v1/request/${id}/result?wait=30`);
  const body: unknown = await answer.json();
  screen.close();
  if (json) process.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
  const tail = [`${(ms / 1000).toFixed(1)} s`, id];
  if (answer.status === 200) {
    const result = body as Result;
    if (end === null && !json) process.stdout.write(`${result.text}\n`);
    const cut = { length: 'cut at the token limit', content_filter: 'cut by a content filter' }[result.finish_reason];
    if (!json) screen.say([...summary(result), ...tail, ...(cut ? [cut] : [])].join('  '));
    return 0;
  }
  const { status, code, detail } = body as { status?: string; code?: string; detail?: string };
  const error = end?.error;
  screen.say(`${error?.code ?? code ?? status}: ${error?.message ?? detail ?? 'The request did not succeed.'}`);
  if (!json) screen.say([...(await whatItTook(line, id)), ...tail].join('  '));
  return 1;
}

function summary({
  provider,
  model,
  usage,
  cost_usd,
}: Pick<Result, 'provider' | 'model' | 'usage' | 'cost_usd'>): string[] {
  const about = usage.source === 'estimated' ? '~' : '';
  return [
    `${provider}/${model}`,
    `${about}${usage.input_tokens} tokens in, ${about}${usage.output_tokens} out`,
    priceOf(cost_usd),
  ];
}

function priceOf(usd: number | null): string {
  if (usd === null) return 'price unknown';
  if (usd === 0) return 'free';
  // Four digits that count, written out: $0.000021, never 2.1e-5.
  return `$${Number(usd.toPrecision(4))
    .toFixed(12)
    .replace(/\.?0+$/, '')}`;
}

/** The last attempt of a request that failed, and what all of them cost. */
async function whatItTook(line: Line, id: string): Promise<string[]> {
  const answer = await line.call(`/mcp/v1/request/${id}`);
  if (!answer.ok) return [];
  const { attempts = [], cost_usd } = (await answer.json()) as {
    attempts?: { provider: string; model: string }[];
    cost_usd: number | null;
  };
  const last = attempts.at(-1);
  if (!last) return ['not tried anywhere'];
  const tries = attempts.length === 1 ? '1 attempt' : `${attempts.length} attempts`;
  return [`${last.provider}/${last.model}`, tries, priceOf(cost_usd)];
}

async function cancel(line: Line, id: string, screen: Screen): Promise<void> {
  try {
    const answer = await line.call(`/mcp/v1/cancel/${id}`, { method: 'POST', signal: AbortSignal.timeout(5000) });
    const { status } = await bodyOf<{ status: string }>(answer);
    screen.say(status === 'cancelled' ? `cancelled  ${id}` : `It had ended already: ${status}  ${id}`);
  } catch {
    screen.say(`The cancellation did not reach the server; the request ${id} may still run there.`);
  }
}

interface Stop {
  signal: AbortSignal;
  /** 128 + the signal's number, as shells count. */
  code(): number;
}

function listenForStop(): Stop {
  const controller = new AbortController();
  let code = 130;
  const stop = (number: number) => () => {
    code = 128 + number;
    // A second one does not wait for the cancellation.
    if (controller.signal.aborted) process.exit(code);
    controller.abort();
  };
  process.on('SIGINT', stop(2));
  process.on('SIGTERM', stop(15));
  process.on('SIGHUP', stop(1));
  // Whoever read our output has gone (`goblin ask … | head -1`): nobody wants the rest.
  process.stdout.on('error', (error: { code?: string }) => {
    if (error.code !== 'EPIPE') throw error;
    if (!controller.signal.aborted) stop(13)();
  });
  return { signal: controller.signal, code: () => code };
}

async function readPrompt(words: readonly string[]): Promise<string> {
  const said = words.filter((word) => word !== '-').join(' ');
  const piped = words.includes('-') || hasPipe() ? await readPipe(said !== '') : '';
  const prompt = [said, piped.trimEnd()].filter((text) => text.trim() !== '').join('\n\n');
  if (prompt === '') throw new VerbError('goblin ask: say what to ask, e.g. goblin ask "What is a goblin?"');
  return prompt;
}

/** A pipe, a file or a socket: not a terminal, and not /dev/null. */
function hasPipe(): boolean {
  try {
    const stat = fstatSync(0);
    return stat.isFIFO() || stat.isFile() || stat.isSocket();
  } catch {
    return false;
  }
}

async function readPipe(hasWords: boolean): Promise<string> {
  const hint = setTimeout(() => {
    if (hasWords) console.error('goblin ask: waiting for standard input to end; add </dev/null to leave it out.');
  }, PIPE_HINT_MS);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  } finally {
    clearTimeout(hint);
  }
  return Buffer.concat(chunks).toString('utf8');
}
