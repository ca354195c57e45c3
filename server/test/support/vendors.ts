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

export async function startHouse(options: ServerOptions = {}): Promise<House> {
  const vendor = await startSimulator({ journal: true, key: OPENAI_KEY });
  const server = await startServer({ ...options, env: { ...openaiEnv(vendor), ...options.env } });
  return {
    server,
    vendor,
    async close() {
      await server.stop();
      await vendor.close();
    },
  };
}

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
