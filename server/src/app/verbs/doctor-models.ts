/** Which model of a provider the doctor asks: a small one that answers with text, and another where it is gone. */
import { AUTO } from '../../catalogue/auto.ts';

/** Names of models that do not answer a chat. A wrong guess costs a try, not a wrong verdict. */
const OTHER =
  /embed|rerank|moderation|whisper|tts|audio|speech|voice|transcri|realtime|image|dall-e|sora|veo|video|ocr|guard|bge-|clip/i;
const TRIES = 3;

/** At most three, in the order in which to try them. `listed`: what the provider offers, without its own name. */
export function candidates(provider: string, listed: readonly string[], named: readonly string[]): string[] {
  const preferred = AUTO[provider] ?? [];
  const chat = listed.filter((model) => !OTHER.test(model));
  const order = [
    // What the owner named comes first: it is what will be used.
    ...named,
    ...preferred.filter((model) => listed.includes(model)),
    ...preferred,
    ...chat,
  ];
  return [...new Set(order)].slice(0, TRIES);
}
