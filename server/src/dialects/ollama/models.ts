/** What is known of models by their name. A name is the user's own choice, so only those of Ollama's library count. */
import type { EncodeTarget } from '../../contract/dialect.ts';

/**
 * A last assistant message is gone on from only where the model's prompt template leaves it open. It does in these of the
 * library (`{{ if not $last }}<|eot_id|>`, the renderer of qwen3-coder and qwen3-vl; ollama/ollama#6778). Those of gemma3,
 * gemma4 and the generic ones close it and begin a new turn; qwen3.5 trims the text first, so the join would show.
 */
const GOES_ON = /^(library\/)?(llama3\.[123]|qwen2\.5(-coder)?|qwen3-(coder|vl))(:|$)/;

/** `quirks.prefix` decides, where the catalogue or the user has set it. */
export function goesOn(target: EncodeTarget): boolean {
  const { prefix } = target.quirks;
  return prefix === undefined ? GOES_ON.test(target.model) : prefix !== null;
}
