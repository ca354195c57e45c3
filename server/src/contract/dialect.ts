/** The port of wire formats: what a dialect does for vendors that speak it and for callers who do. */
import type { AnswerCall, DialectName, EmbedCall } from './call.ts';
import type { FieldError } from './errors.ts';
import type { FinishReason, Part, ProviderFailure, Usage, VisiblePart, WireError } from './part.ts';
import type { Quirks } from './quirks.ts';

export interface EncodeTarget {
  provider: string;
  /** The vendor's own name of the model. */
  model: string;
  quirks: Quirks;
  /** Default bound for dialects that require one. Tokens. */
  maxOutput?: number;
  /** The beginning of the answer, already shown: the target goes on right after its last character (see `goesOn`). */
  prefix?: string;
  /** False when the catalogue knows that the model does not reason. Left out: it may. */
  reasons?: boolean;
}

/** Something of the call that was dropped or changed for this target; becomes a `notice` frame. */
export interface Notice {
  code: string;
  detail: string;
}

export interface WireRequest {
  /** Appended to the base URL, starts with a slash. */
  path: string;
  /** An ending of the base URL that `path` stands in place of, if it is there: `/v1`. */
  instead?: string;
  /** Without credentials: transport adds those. */
  headers: Record<string, string>;
  body: string;
  notices: Notice[];
  /** Of a call with a prefix: as much of it as was sent, where that is less (vendors that take no blanks at its end). */
  prefix?: string;
}

/** One event of a stream. `name` is empty when the vendor gave none. */
export interface WireEvent {
  name: string;
  data: string;
  /** Set by a decoder that knows it: this is the last event once more, but for the words of its only part. */
  alike?: boolean;
}

/**
 * Turns a vendor's events into parts. Pure and synchronous; knows nothing of sockets. Events after the terminal
 * signal yield only usage. Never throws: what cannot be understood is a failure part.
 */
export interface Decoder {
  push(event: WireEvent): readonly Part[];
  /** End of input: without a terminal signal it yields a failure part (`upstream_truncated`). */
  end(): readonly Part[];
}

/** What an answer turned out to be, for a door's unstreamed body. */
export interface Answer {
  parts: readonly VisiblePart[];
  finishReason: FinishReason;
  usage: Usage;
  /** Of a call for vectors. */
  vectors?: Vectors;
}

/** Facts about a request that a door writes into its body. `created` is in seconds. */
export interface DoorContext {
  requestId: string;
  model: string;
  created: number;
  /** When the answer ended, in seconds since the epoch like `created`: asked when it has. For dialects that say so. */
  ended?(): number;
  /** Whether the caller asked for usage in the stream. */
  includeUsage: boolean;
  /** About how many tokens the prompt has, for dialects that say so before the answer. */
  inputTokens?: number;
  /** The caller's own body, for dialects that repeat it. */
  request?: Record<string, unknown>;
  /** Vectors are wanted as base64. */
  base64?: boolean;
}

/** Our own facts for the caller, as `x_mcp` in the last chunk. */
export type Truth = Record<string, unknown>;

/** Makes bytes for the caller, in the door's dialect. Each string is ready to be written; it may be empty. */
export interface Encoder {
  part(part: VisiblePart): string;
  finish(reason: FinishReason, usage: Usage, truth: Truth): string;
  /** An error after the stream began: in-band, and nothing that looks like a regular end. */
  failure(error: WireError): string;
  whole(answer: Answer, truth: Truth): string;
  /**
   * Told of what a vendor of this dialect said when the door re-sends it: should another vendor have to go on, the
   * encoder goes on from there. For dialects whose streams have a state.
   */
  follow?(event: WireEvent): void;
}

/** `user`: the caller's label of an end user, where the dialect has a field for it. */
export type DoorDecoded = { call: AnswerCall; stream: boolean; includeUsage: boolean; user?: string };

export type Framing = 'sse' | 'ndjson' | 'aws-eventstream';

/** Cuts the bytes of a stream into events, whatever their slicing. Calls back within `push` and `end`, in order. */
export interface FrameParser {
  /**
   * True when the bytes held more than comments and blank lines; only that may reset an idle clock. Throws
   * `upstream_protocol` when the bytes are no frames, or one is too long; it must not be used after that.
   */
  push(chunk: Buffer): boolean;
  /** End of input: a last event that lacks its end is still given, marked as `tail`. */
  end(): boolean;
}

/** One for each input, in their order, all of one length. */
export type Vectors = readonly (readonly number[])[];

export interface Embeddings {
  vectors: Vectors;
  /** Null when the vendor said nothing sane. */
  inputTokens: number | null;
}

export interface Dialect {
  name: DialectName;
  framing: Framing;
  vendor: {
    /** Throws `unsupported_by_target` when the call cannot be expressed at all. */
    encode(call: AnswerCall, target: EncodeTarget, stream: boolean): WireRequest;
    decoder(quirks: Quirks): Decoder;
    /** Parts of an unstreamed answer (the JSON text), failure included. Never throws. */
    whole(body: string, quirks: Quirks): Part[];
    /** Classes an answer with an error status. `headers` have lower-case names. `now` is for `retry-after` dates. */
    failure(status: number, headers: Record<string, string>, body: string, now: number): ProviderFailure;
    /** Path of the list of models, and the ids in its body. */
    modelsPath: string;
    models(body: unknown): string[];
    /** Whether this model goes on from a given beginning of its answer (`EncodeTarget.prefix`). Left out: none does. */
    goesOn?(target: EncodeTarget): boolean;
    embed?: {
      /** Throws `unsupported_by_target`. */
      encode(call: EmbedCall, target: EncodeTarget): WireRequest;
      /** Inputs of one call at most; more are sent in several. Left out: as many as there are. */
      most?(target: EncodeTarget): number;
      /** `inputs` is how many vectors there must be. Never throws. */
      decode(body: string, inputs: number): Embeddings | ProviderFailure;
    };
  };
  door?: {
    /** Throws `GoblinError('invalid_request')` with a path for each field that cannot be accepted. */
    decode(body: Record<string, unknown>): DoorDecoded;
    encoder(context: DoorContext): Encoder;
    /** An error before the stream began: the JSON body in the door's own shape. */
    error(
      code: string,
      status: number,
      message: string,
      requestId: string | null,
      errors?: readonly FieldError[],
    ): string;
  };
}
