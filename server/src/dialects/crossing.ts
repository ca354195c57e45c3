/**
 * What happens to every call that came through a door of another dialect, whatever the dialect it is encoded in. A
 * vendor of the door's own dialect gets the caller's body as it is and answers for it itself.
 */
import type { AnswerCall, DialectName } from '../contract/call.ts';
import type { Dialect, EncodeTarget, Notice } from '../contract/dialect.ts';
import { GoblinError } from '../contract/errors.ts';
import { note } from './notices.ts';

export function crossing(dialects: Record<DialectName, Dialect>): Record<DialectName, Dialect> {
  const crossed = Object.entries(dialects).map(([name, dialect]) => [name, withCrossing(dialect)]);
  return Object.fromEntries(crossed) as Record<DialectName, Dialect>;
}

function withCrossing(dialect: Dialect): Dialect {
  const { encode } = dialect.vendor;
  return {
    ...dialect,
    vendor: {
      ...dialect.vendor,
      encode(call, target, stream) {
        const { native } = call;
        if (native === undefined || native.dialect === dialect.name) return encode(call, target, stream);
        const [first] = native.only ?? [];
        if (first !== undefined) {
          throw new GoblinError('unsupported_by_target', `${first} cannot be sent to this provider`);
        }
        const notices: Notice[] = [];
        const request = encode(withinReach(call, target, notices), target, stream);
        for (const { code, detail } of notices) note(request.notices, code as 'dropped' | 'changed', detail);
        return request;
      },
    },
  };
}

/** Clients of one maker ask for as much as its models can do; others refuse a number or a word that is beyond them. */
function withinReach(call: AnswerCall, target: EncodeTarget, notices: Notice[]): AnswerCall {
  let out = call;
  const { maxOutput } = target;
  if (maxOutput !== undefined && call.maxTokens !== undefined && call.maxTokens > maxOutput) {
    out = { ...out, maxTokens: maxOutput };
    note(notices, 'changed', `max_tokens: lowered to ${maxOutput}, the most that this model writes`);
  }
  if (target.reasons === false && call.reasoningEffort !== undefined) {
    const { reasoningEffort, ...rest } = out;
    out = rest;
    if (reasoningEffort !== 'none') note(notices, 'dropped', 'reasoning_effort: this model does not reason');
  }
  return out;
}
