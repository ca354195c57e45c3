/** Whether a model can do what a call needs, as far as it is known. What is not known never refuses. */
import { GoblinError } from '../contract/errors.ts';
import type { ModelInfo } from '../contract/provider.ts';

export interface Needs {
  tools: boolean;
  images: boolean;
  /** Tokens of the prompt, as `inputBounds` gives them: no fewer than `least`, about `likely`. */
  inputTokens: { least: number; likely: number };
  /** The bound on the output that the caller set. */
  maxTokens?: number;
  /** Vectors of texts, not an answer. */
  embeds?: boolean;
}

export interface Dropped {
  provider: string;
  model: string;
  reason: string;
}

export type Lack = 'tools' | 'images' | 'context' | 'embeds' | 'chat';

const number = (tokens: number): string => tokens.toLocaleString('en-US');

export function lackOf(info: ModelInfo | null, needs: Needs): Lack | null {
  if (info === null) return null;
  if (needs.embeds) {
    // What does neither, as far as its name tells, may be a model that nobody has heard of.
    if (info.chat && info.embeds === false) return 'embeds';
  } else if (!info.chat && info.embeds === true) return 'chat';
  if (needs.tools && info.tools === false) return 'tools';
  if (needs.images && info.images === false) return 'images';
  if (info.contextWindow !== null && info.contextWindow < needs.inputTokens.least) return 'context';
  return null;
}

/** Prompt and answer share the window; a model where both fit is the better choice, if there is one. */
export function hasRoom(info: ModelInfo | null, needs: Needs): boolean {
  const window = info?.contextWindow ?? null;
  return window === null || window >= needs.inputTokens.likely + (needs.maxTokens ?? 0);
}

export function describeLack(lack: Lack, info: ModelInfo | null, needs: Needs): string {
  if (lack === 'tools') return 'it takes no tools';
  if (lack === 'images') return 'it takes no images';
  if (lack === 'embeds') return 'it makes no vectors';
  if (lack === 'chat') return 'it makes vectors and does not answer';
  return `it reads ${number(info?.contextWindow ?? 0)} tokens and the prompt has at least ${number(needs.inputTokens.least)}`;
}

/** Every target was dropped: says why, by the ability that is missing. */
export function nothingAble(dropped: readonly (Dropped & { lack: Lack })[]): GoblinError {
  const list = dropped
    .slice(0, 3)
    .map(({ provider, model, reason }) => `${provider}/${model}: ${reason}`)
    .join('; ');
  if (dropped.every(({ lack }) => lack === 'context')) {
    return new GoblinError(
      'context_too_long',
      `The prompt is longer than the model can read (${list}). Shorten it or choose a model with a larger window.`,
    );
  }
  return new GoblinError(
    'unsupported_by_target',
    `No chosen model can take this request (${list}). Choose a model that can, or leave that part out.`,
  );
}
