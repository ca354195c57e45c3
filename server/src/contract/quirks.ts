/** What a vendor must do differently from its dialect's norm. Data in the catalogue, read by the dialect. */

/** How a vendor that goes on from a given beginning of its answer wants that to be said. */
export interface PrefixQuirk {
  /** Field that is `true` on the assistant message which ends the conversation. Left out: the message alone says it. */
  mark?: 'prefix' | 'partial';
  /** Its answer begins with the given beginning, said again. */
  repeats?: true;
  /** Fields of the body that go along, in place of what the call says. */
  body?: Readonly<Record<string, unknown>>;
  /** Fields of the body that must not go along: dropped with a notice. */
  drops?: readonly string[];
  /** Path of such calls, see `WireRequest.path` and `.instead`. */
  path?: string;
  instead?: string;
}

/** Words for the effort of reasoning, in the order of effort. */
export const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;

/** What becomes of `reasoning_effort` (OpenAI dialect). */
export interface EffortQuirk {
  /**
   * Words that the vendor takes; others become the nearest of them. Empty: it does not take the field. Left out: every
   * word goes as it is.
   */
  words?: readonly string[];
  /** A field of its own that turns reasoning on and off; what is left out cannot be said. */
  switch?: { field: string; on?: unknown; off?: unknown };
}

/** How reasoning of earlier turns goes back to the vendor (OpenAI dialect). Left out: as `reasoning_content`. */
export interface ReplayQuirk {
  /**
   * `reasoning`: under that name. `chunks`: as parts of type `thinking` in the content. `tags`: in front of the text,
   * between `<think>` and `</think>`. `none`: the vendor refuses it, so it stays here.
   */
  as: 'reasoning_content' | 'reasoning' | 'chunks' | 'tags' | 'none';
  /** Only since the last message of the user: reasoning of finished turns is refused, or would be a waste. */
  sinceUser?: boolean;
  /** Every assistant message must have the field; one without reasoning gets an empty one. */
  required?: boolean;
  /** Signed blocks go back as `reasoning_details`, those of other makers too. */
  details?: boolean;
}

export interface EmbedQuirk {
  /** Asks for vectors as base64: a quarter of the bytes. Left out: as the vendor likes, which is numbers everywhere. */
  base64?: boolean;
  /** The vendor's name for `dimensions`; null: it has no such choice, and a call with one is refused. */
  dimensions?: string | null;
  /** Lists of token numbers are refused. */
  textOnly?: boolean;
  /** Inputs of one call at most; left out: as many as the door takes. */
  most?: number;
}

export interface Quirks {
  /** The field that bounds output tokens (OpenAI dialect). Default `max_tokens`. */
  maxTokensField?: 'max_tokens' | 'max_completion_tokens';
  /** `stream_options: { include_usage: true }` is refused, so it is not sent. */
  noStreamOptions?: boolean;
  /** Fields of the dialect that the vendor refuses: dropped with a notice. */
  refuses?: readonly string[];
  /** Fields that the vendor has under another name: `{ seed: 'random_seed' }`. */
  renames?: Readonly<Record<string, string>>;
  /** The vendor counts reasoning tokens beside `completion_tokens`, not inside; `uncounted`: not in the total either. */
  reasoningBesideOutput?: boolean | 'uncounted';
  /**
   * Paths that differ from the dialect's. `{model}` stands for the model, percent-encoded. `models: null`: the vendor
   * has no list of models.
   */
  paths?: { chat?: string; embeddings?: string; models?: string | null };
  /** Null or left out: a model that is told the beginning of its answer starts anew. */
  prefix?: PrefixQuirk | null;
  effort?: EffortQuirk;
  replay?: ReplayQuirk;
  /** Takes the role `developer`; elsewhere it is sent as `system`. */
  developerRole?: boolean;
  /** System messages first, then user and assistant strictly in turns, the user last. */
  alternates?: boolean;
  /** Reasoning stands in front of the text, between `<think>` and `</think>`. */
  thinkTags?: boolean;
  /** Knows `json_object` only: a JSON Schema is told in words. */
  noSchema?: boolean;
  embeddings?: EmbedQuirk;
  /**
   * `num_ctx` is set from the size of the call, in powers of two from 4,096 up to this many tokens (Ollama dialect). Left
   * out: the server decides, and refuses what is longer.
   */
  contextUpTo?: number;
  /** Google's cloud (Vertex AI) at the other end of the Gemini dialect: embeddings and thought signatures of its own. */
  vertex?: boolean;
  /** Quirks of some models, over those of the vendor; later rules win. */
  forModels?: readonly ModelQuirks[];
}

export interface ModelQuirks {
  models: RegExp;
  quirks: Omit<Quirks, 'forModels'>;
}

/** The quirks that hold for a model. */
export function quirksFor(quirks: Quirks, model: string): Quirks {
  if (quirks.forModels === undefined) return quirks;
  let own = quirks;
  for (const rule of quirks.forModels) if (rule.models.test(model)) own = { ...own, ...rule.quirks };
  return own;
}
