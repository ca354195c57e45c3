/**
 * Calls for vectors run as answers do. Their dialect is wrapped: the vendor's body is a usage and an end to it, nothing
 * of it a visible part, and the vectors are caught on their way.
 */
import type { AnswerCall, EmbedCall } from '../contract/call.ts';
import type { Dialect, EncodeTarget, Vectors } from '../contract/dialect.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Part, ProviderFailure } from '../contract/part.ts';

export interface EmbedTry {
  dialect: Dialect;
  /** What came; null before that. */
  vectors(): Vectors | null;
  /** The vendor's body has the vectors as the caller wants them: as base64, or as numbers. */
  asWanted(): boolean;
}

/** The texts of a call, or its lists of token numbers. */
function embedCallOf({ messages, embed = {}, native }: AnswerCall): EmbedCall {
  const { tokens, dimensions } = embed;
  return {
    kind: 'embed',
    inputs:
      tokens ?? messages.map(({ content }) => content.map((one) => (one.type === 'text' ? one.text : '')).join('')),
    ...(dimensions === undefined ? {} : { dimensions }),
    ...(native === undefined ? {} : { native }),
  };
}

const failure = (of: ProviderFailure): Part[] => [{ type: 'failure', failure: of }];
const NO_BODY: ProviderFailure = { code: 'upstream_protocol', detail: 'something else than a body of vectors' };
/** `"object": "embedding"` stands there too. */
const FIRST_VECTOR = /"embedding"\s*:\s*(["[])/;

/** Calls that are made for one: more take too long, and say that another model is meant. */
const MOST_CALLS = 100;

/**
 * For one attempt: one call, or several in the order of the inputs, where the vendor takes fewer in one. `encode` throws
 * `unsupported_by_target` where the dialect makes no vectors. Throws the same when too many calls are needed.
 */
export function embedTries(dialect: Dialect, call: AnswerCall, target: EncodeTarget): EmbedTry[] {
  const whole = embedCallOf(call);
  const { inputs } = whole;
  const most = dialect.vendor.embed?.most?.(target) ?? Number.POSITIVE_INFINITY;
  if (inputs.length > most * MOST_CALLS) {
    throw new GoblinError(
      'unsupported_by_target',
      `this provider takes ${most} ${most === 1 ? 'text' : 'texts'} in a call, so ${most * MOST_CALLS} are the most that are made of one; send fewer`,
    );
  }
  const tries: EmbedTry[] = [];
  for (let at = 0; at < Math.max(1, inputs.length); at += most) {
    const some = inputs.length <= most ? whole : { ...whole, inputs: inputs.slice(at, at + most) };
    tries.push(embedTry(dialect, some, call.embed?.base64 ?? false));
  }
  return tries;
}

function embedTry(dialect: Dialect, wanted: EmbedCall, base64: boolean): EmbedTry {
  const { embed } = dialect.vendor;
  let vectors: Vectors | null = null;
  let asBase64 = false;

  function whole(body: string): Part[] {
    const found = embed?.decode(body, wanted.inputs.length);
    if (found === undefined || 'code' in found) return failure(found ?? NO_BODY);
    vectors = found.vectors;
    asBase64 = FIRST_VECTOR.exec(body)?.[1] === '"';
    const { inputTokens } = found;
    const finish: Part = { type: 'finish', reason: 'stop' };
    if (inputTokens === null) return [finish];
    const none = { outputTokens: 0, cachedInputTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 };
    return [{ type: 'usage', usage: { inputTokens, ...none, source: 'reported' } }, finish];
  }

  return {
    dialect: {
      ...dialect,
      vendor: {
        ...dialect.vendor,
        encode(_call, target) {
          if (embed) return embed.encode(wanted, target);
          throw new GoblinError('unsupported_by_target', 'this provider makes no vectors');
        },
        whole,
        decoder: () => ({ push: () => failure(NO_BODY), end: () => failure(NO_BODY) }),
      },
    },
    vectors: () => vectors,
    asWanted: () => asBase64 === base64,
  };
}
