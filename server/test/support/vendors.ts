/** A server with a vendor of its own behind it: the simulator in this process, speaking OpenAI's wire. */
import { type JournalEntry, type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { eventually, type Server, type ServerOptions, startServer } from './server.ts';

export const OPENAI_KEY = 'sk-test-openai-0001';
/** A model whose price and window the catalogue knows. */
export const MODEL = 'openai/gpt-4o-mini';

export interface House {
  server: Server;
  vendor: Simulator;
  close(): Promise<void>;
}

export const openaiEnv = (vendor: Simulator): Record<string, string> => ({
  OPENAI_API_KEY: OPENAI_KEY,
  OPENAI_BASE_URL: vendor.url,
});

/** For tests in which one vendor fails on purpose, again and again: its breaker stays closed, its retry budget full. */
export const PATIENT = {
  breaker: { consecutive: 1000, min_calls: 100_000 },
  retry_budget: { ratio: 10, reserve: 10_000 },
};

export async function startHouse(options: ServerOptions & { vendor?: Simulator } = {}): Promise<House> {
  const vendor = options.vendor ?? (await startSimulator({ journal: true, key: OPENAI_KEY }));
  const server = await startServer({
    ...options,
    settings: { ...PATIENT, ...options.settings },
    env: { ...openaiEnv(vendor), ...options.env },
  });
  return {
    server,
    vendor,
    async close() {
      await server.stop();
      await vendor.close();
    },
  };
}

/**
 * One vendor under a name for each fault: what a refused key or a limit teaches of one must not keep the others' calls
 * away. Settings of `providers`.
 */
export const underNames = (vendor: Pick<Simulator, 'url'>, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(
    names.map((name) => [
      name,
      { base_url: vendor.url, models: ['gpt-4o-mini'], free: true, key_env: 'OPENAI_API_KEY' },
    ]),
  );

interface Asked {
  messages?: { content?: unknown }[];
}

/** Calls for completions whose messages hold this text. */
export function callsWith(vendor: Pick<Simulator, 'journal'>, text: string): JournalEntry[] {
  return vendor
    .journal()
    .filter((entry) => JSON.stringify((entry.body as Asked | null)?.messages ?? '').includes(text));
}

/** Waits until the vendor has seen the end of every such call. */
export async function callsOver(vendor: Pick<Simulator, 'journal'>, text: string): Promise<JournalEntry[]> {
  return await eventually(() => {
    const calls = callsWith(vendor, text);
    return calls.length > 0 && calls.every((entry) => entry.endedAt !== null) ? calls : null;
  }, `the end of the calls with ${text}`);
}

/** What the vendor says to a prompt when nothing goes wrong: asked directly, unstreamed. */
export async function saidBy(
  vendor: Simulator,
  prompt: string,
): Promise<{
  text: string;
  calls: { name: string; arguments: string }[];
  usage: { prompt_tokens: number; completion_tokens: number };
}> {
  const answer = await fetch(`${vendor.url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${OPENAI_KEY}` },
    body: JSON.stringify({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: prompt }] }),
  });
  const body = (await answer.json()) as {
    choices: {
      message: { content: string | null; tool_calls?: { function: { name: string; arguments: string } }[] };
    }[];
    usage: { prompt_tokens: number; completion_tokens: number };
  };
  const message = body.choices[0]?.message;
  return {
    text: message?.content ?? '',
    calls: (message?.tool_calls ?? []).map((one) => one.function),
    usage: body.usage,
  };
}
