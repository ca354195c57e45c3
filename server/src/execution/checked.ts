/**
 * An answer that a guardrail looks at. Where it is held back, nothing of it is shown before that; a stream that is not
 * held back is checked at its end, when there is nothing left to do but to say so.
 */

import type { Dialect } from '../contract/dialect.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Part } from '../contract/part.ts';
import { type AnswerAbout, blockedBy, type Guardrails } from '../guard/hook.ts';
import type { AnswerSink, Run, RunEnd, RunInput, RunSink } from './terms.ts';

type After = NonNullable<Guardrails['after']>;

const NOTHING = { parts: [], text: '', finishReason: null, body: null } as const;

export function startChecked(
  guard: After,
  input: RunInput,
  sink: AnswerSink,
  begin: (input: RunInput, sink: RunSink) => Run,
): Run {
  const held = guard.buffer || !input.stream;
  let said: { parts: readonly Part[]; data: string; dialect: Dialect }[] = [];
  let last: Dialect | null = null;

  const about = (end: RunEnd): AnswerAbout => ({
    request: input.id,
    tenant: input.by?.tenant ?? '',
    key: input.by?.key ?? null,
    provider: end.last?.provider ?? null,
    model: end.last?.model ?? null,
  });

  async function checkShown(end: RunEnd): Promise<RunEnd> {
    // Its caller has it: the end does not wait.
    if (end.parts.length > 0) {
      const of = about(end);
      guard.check(of, end.parts).then(
        (verdict) => guard.flag(of, verdict),
        (error: unknown) => error instanceof GoblinError && guard.flag(of, error),
      );
    }
    return end;
  }

  async function checkHeld(end: RunEnd): Promise<RunEnd> {
    const all = said;
    said = [];
    // What nobody looked at is shown to nobody.
    if (end.state !== 'succeeded') return { ...end, ...NOTHING, parts: [] };
    try {
      const verdict = await guard.check(about(end), end.parts);
      if (verdict.action === 'block') {
        const error = { code: 'guardrail_blocked', message: blockedBy(verdict.reason) } as const;
        return { ...end, ...NOTHING, parts: [], state: 'blocked', error };
      }
      if (verdict.action === 'replace') {
        const { text } = verdict;
        const parts = [{ type: 'text' as const, text }];
        if (last) sink.event(parts, null, last);
        sink.flush();
        const finishReason = end.finishReason === 'tool_calls' ? 'stop' : end.finishReason;
        return { ...end, parts, text, finishReason, body: null };
      }
    } catch (error) {
      const known = error instanceof GoblinError ? error : new GoblinError('internal', 'The answer was not checked.');
      const told = { code: known.code, message: known.detail };
      return { ...end, ...NOTHING, parts: [], state: 'failed', error: told, retryAfterMs: known.retryAfterMs ?? null };
    }
    for (const { parts, data, dialect } of all) sink.event(parts, data, dialect);
    sink.flush();
    return end;
  }

  if (!held) {
    const run = begin(input, sink);
    return { ...run, done: run.done.then(checkShown) };
  }
  const run = begin(input, {
    attempt(start, restart) {
      if (restart !== null) said = [];
      sink.attempt(start, restart);
    },
    notice: sink.notice,
    event(parts, data, dialect) {
      last = dialect;
      said.push({ parts, data, dialect });
    },
    flush: () => true,
  });
  return {
    ...run,
    done: run.done.then(checkHeld),
    soFar: () => ({ ...run.soFar(), parts: [] }),
  };
}
