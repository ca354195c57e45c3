/** The vendors' own lists of models: fetched when somebody needs them, kept for ten minutes, never waited for twice. */
import type { Dialect } from '../contract/dialect.ts';
import type { Provider } from '../contract/provider.ts';
import type { Transport } from './transport.ts';

const KEEP_MS = 600_000;
/** After a failure it is not asked again at once. */
const PAUSE_MS = 60_000;
const TIMEOUT_MS = 3000;

export interface ModelLists {
  /** What is known now, without asking. */
  known(provider: Provider): readonly string[];
  /** Asks those whose list is old, all at once; resolves when each has answered or failed. */
  refresh(providers: readonly Provider[]): Promise<void>;
  /** Grows with every list that came in: a router built before it is old. */
  version(): number;
}

export function createModelLists(transport: Transport, dialect: (provider: Provider) => Dialect): ModelLists {
  const lists = new Map<string, { models: readonly string[]; until: number }>();
  const asking = new Map<string, Promise<void>>();
  let version = 0;

  async function ask(provider: Provider): Promise<void> {
    const vendor = dialect(provider).vendor;
    const before = lists.get(provider.name)?.models ?? [];
    try {
      const answer = await transport.get(provider, listPath(provider, vendor.modelsPath) ?? '', TIMEOUT_MS);
      if (answer.status !== 200) throw new Error(`status ${answer.status}`);
      lists.set(provider.name, { models: vendor.models(JSON.parse(answer.body)), until: Date.now() + KEEP_MS });
      version++;
    } catch {
      lists.set(provider.name, { models: before, until: Date.now() + PAUSE_MS });
    }
  }

  return {
    known: (provider) => lists.get(provider.name)?.models ?? [],
    async refresh(providers) {
      const now = Date.now();
      await Promise.all(
        providers.map((provider) => {
          const entry = lists.get(provider.name);
          if (provider.anyModel || listPath(provider, '') === null || (entry && entry.until > now)) return undefined;
          let running = asking.get(provider.name);
          if (!running) {
            running = ask(provider).finally(() => asking.delete(provider.name));
            asking.set(provider.name, running);
          }
          return running;
        }),
      );
    },
    version: () => version,
  };
}

/** Null for vendors without a list. */
function listPath(provider: Provider, usual: string): string | null {
  const own = provider.quirks.paths?.models;
  return own === undefined ? usual : own;
}
