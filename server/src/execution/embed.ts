/**
 * Calls for vectors run as answers do. Their dialect is wrapped: the vendor's body is a usage and an end to it, nothing
 * of it a visible part, and the vectors are caught on their way.
 */
import type { AnswerCall, EmbedCall } from '../contract/call.ts';
import type { Dialect, Vectors } from '../contract/dialect.ts';
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

/** For one attempt. `encode` throws `unsupported_by_target` where the dialect makes no vectors. */
export function embedTry(dialect: Dialect, call: AnswerCall): EmbedTry {
  const { embed } = dialect.vendor;
  const wanted = embedCallOf(call);
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
    asWanted: () => asBase64 === (call.embed?.base64 ?? false),
  };
}
