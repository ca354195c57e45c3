/**
 * What Cohere's models take. From docs.cohere.com: "Reasoning", "Image inputs", "Structured outputs" (`strict_tools`)
 * and the page of each model. A model that we do not know is newer than this table.
 */

export interface Traits {
  /** Thinks in `thinking` blocks, and takes `thinking`. The others plan in `tool_plan` before they call tools. */
  reasons: boolean;
  images: boolean;
  /** `strict_tools` is documented for it. */
  strictTools: boolean;
}

const REASONING = /command-a-(plus|reasoning)/;
const STRICT_TOOLS = /command-r/;
const TEXT_ONLY = /command-(r|light|nightly|a-(03|reasoning|translate))|aya-expanse/;

export function traitsOf(model: string): Traits {
  const name = model.toLowerCase();
  return { reasons: REASONING.test(name), images: !TEXT_ONLY.test(name), strictTools: STRICT_TOOLS.test(name) };
}

/** Longest answer of the reasoning models, thinking included. Tokens. */
export const MOST_OUTPUT = 32_000;
