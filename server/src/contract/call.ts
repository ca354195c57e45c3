/**
 * What a caller asked for, in no vendor's words. Doors decode their wire format into a `Call`; vendor dialects
 * encode a `Call` into theirs. A union by `kind`, so that embeddings, reranking and ingestion join later.
 */

export type Kind = 'answer' | 'embed' | 'rerank' | 'ingest' | 'raw';

export type DialectName = 'openai' | 'responses' | 'anthropic' | 'gemini' | 'bedrock' | 'cohere' | 'ollama';

/** A field that only one dialect understands (a reasoning signature, a cache mark). Kept as it came, sent back as it came. */
export interface VendorField {
  dialect: DialectName;
  fields: Record<string, unknown>;
}

export interface TextContent {
  type: 'text';
  text: string;
  vendor?: VendorField;
}

/** Exactly one of `url` (http or https) and `data` (base64, with `mediaType`) is set. */
export interface ImageContent {
  type: 'image';
  url?: string;
  data?: string;
  mediaType?: string;
  /** OpenAI's `low`, `high` or `auto`; other dialects drop it. */
  detail?: string;
  vendor?: VendorField;
}

/** Content that only the named dialect can express (audio, files). Another dialect refuses it by `name`. */
export interface ForeignContent {
  type: 'foreign';
  name: string;
  dialect: DialectName;
  raw: unknown;
}

export interface ReasoningContent {
  type: 'reasoning';
  text: string;
  vendor?: VendorField;
}

export interface ToolCallContent {
  type: 'tool_call';
  id: string;
  name: string;
  /** JSON text, exactly as the model wrote it. */
  arguments: string;
  vendor?: VendorField;
}

export type UserContent = TextContent | ImageContent | ForeignContent;
export type AssistantContent = TextContent | ReasoningContent | ToolCallContent | ForeignContent;

export type Message =
  | { role: 'system'; content: TextContent[] }
  | { role: 'user'; content: UserContent[] }
  | { role: 'assistant'; content: AssistantContent[] }
  | { role: 'tool'; toolCallId: string; content: UserContent[]; isError?: boolean };

export interface Tool {
  name: string;
  description?: string;
  /** JSON Schema of the arguments. */
  parameters?: Record<string, unknown>;
  strict?: boolean;
}

export type ToolChoice = 'auto' | 'none' | 'required' | { name: string };

export type ResponseFormat =
  | { type: 'text' }
  | { type: 'json' }
  | { type: 'json_schema'; name: string; schema: Record<string, unknown>; strict?: boolean; description?: string };

export interface AnswerCall {
  /** `embed`: the messages are texts to make vectors of (see `embed`). `raw`: only in the record, without content. */
  kind: 'answer' | 'embed' | 'raw';
  messages: Message[];
  /** As the caller wrote it: `provider/model`, a bare name, an alias or `auto`. Left out means `auto`. */
  model?: string;
  /** Upper bound of output tokens, reasoning included. */
  maxTokens?: number;
  temperature?: number;
  topP?: number;
  stop?: string[];
  seed?: number;
  tools?: Tool[];
  toolChoice?: ToolChoice;
  parallelToolCalls?: boolean;
  responseFormat?: ResponseFormat;
  reasoningEffort?: string;
  /**
   * The caller's own body, when it came through a door. A vendor of the same dialect gets this body with only our
   * edits (model, usage option, limits), so fields that we have never heard of survive.
   */
  native?: {
    dialect: DialectName;
    body: Record<string, unknown>;
    /** What only vendors of this dialect can do, as in `tools of type "web_search_20260209"`: all others refuse the call. */
    only?: string[];
    /** The earlier response that the caller goes on from, where its dialect has such: what was said is in the messages. */
    previous?: string;
  };
  /** What a call for vectors has beside its texts. */
  embed?: EmbedWish;
}

export interface EmbedWish {
  /** Lists of token numbers, in place of texts; only vendors of the OpenAI dialect take them. */
  tokens?: readonly (readonly number[])[];
  /** Length of the vectors; left out: the model's own. */
  dimensions?: number;
  /** The caller wants base64 (little-endian floats of four bytes) rather than numbers. */
  base64?: boolean;
}

export interface EmbedCall {
  kind: 'embed';
  model?: string;
  /** Texts, or lists of token numbers, which only vendors of the OpenAI dialect take. */
  inputs: readonly (string | readonly number[])[];
  dimensions?: number;
  native?: { dialect: DialectName; body: Record<string, unknown> };
}

export type Call = AnswerCall;
