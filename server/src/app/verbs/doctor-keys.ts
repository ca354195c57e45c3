/** One call with each of several keys of a provider: the server takes whichever it likes, so a broken one would hide. */
import { LOCAL_VENDORS, VENDORS } from '../../catalogue/vendors.ts';
import { ERRORS } from '../../contract/errors.ts';
import type { Provider, ProviderKey } from '../../contract/provider.ts';
import { DIALECTS } from '../../dialects/index.ts';
import { startAttempt } from '../../execution/attempt.ts';
import type { AttemptOutcome } from '../../execution/outcome.ts';
import { configuredProviders } from '../../providers/registry.ts';
import { createTransport } from '../../providers/transport.ts';
import { createWheel } from '../../providers/wheel.ts';
import { type Config, mask } from '../config.ts';
import { VERSION } from '../version.ts';

export interface KeyFound {
  /** Its variable, and its last four characters. */
  key: string;
  ok: boolean;
  text: string;
}

/** With a call that costs next to nothing. */
const CALL = {
  kind: 'answer' as const,
  messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'Say ok.' }] }],
  maxTokens: 16,
};
const CALL_MS = 20_000;

/** Providers that have several keys, by name. Nothing here is thrown that `configuredLines` did not throw before. */
export function severalKeys({ env, settings }: Config, isOurs: (url: URL) => boolean): Map<string, Provider> {
  const input = { env, entries: settings.providers, vendors: VENDORS, locals: LOCAL_VENDORS, isOurs };
  const found = configuredProviders(input).filter(({ keys, signer }) => (keys?.length ?? 0) > 1 && !signer);
  return new Map(found.map((provider) => [provider.name, provider]));
}

/** All at once. `model`: one that the provider has answered with. */
export async function tryKeys(config: Config, provider: Provider, model: string): Promise<KeyFound[]> {
  const wheel = createWheel();
  const { connectMs } = config.settings.clocks;
  const transport = createTransport({
    connectMs,
    hop: 'doctor',
    userAgent: `goblin-mcp/${VERSION}`,
    proxy: config.proxy,
  });

  function tryOne(key: ProviderKey): Promise<KeyFound> {
    const dialect = DIALECTS[provider.dialect];
    // A key that is for other models only is asked for one of those.
    const asked = key.models === null || key.models.includes(model) ? model : (key.models[0] ?? model);
    const target = { provider: provider.name, model: asked, quirks: provider.quirks };
    return new Promise((resolve, reject) => {
      startAttempt(
        { transport, wheel },
        {
          dialect,
          provider,
          request: dialect.vendor.encode(CALL, target, false),
          stream: false,
          hop: null,
          clocks: { headersMs: CALL_MS, answerMs: CALL_MS, firstTokenMs: CALL_MS, idleMs: CALL_MS },
          key: key.key,
        },
        {
          event() {},
          flush: () => true,
          done: (outcome) => resolve({ key: `${key.id} ${mask(key.key)}`, ...toldOf(outcome, asked) }),
        },
      );
      setTimeout(() => reject(new Error('no answer')), 3 * CALL_MS).unref();
    });
  }

  try {
    return await Promise.all((provider.keys ?? []).map(tryOne));
  } finally {
    await transport.close();
  }
}

function toldOf({ failure, latencyMs }: AttemptOutcome, model: string): Pick<KeyFound, 'ok' | 'text'> {
  const took = `${model}  ${Math.round(latencyMs)} ms`;
  return failure === null
    ? { ok: true, text: took }
    : { ok: false, text: `${took}  ${failure.code}: ${ERRORS[failure.code].title}` };
}
