/** A request that asks the vendor while others may hear its answer; a whole one is kept for those who come later. */
import { isVisible, type VisiblePart } from '../contract/part.ts';
import type { AttemptStart } from '../contract/record.ts';
import type { ResponseCache } from './cache.ts';
import { createLive } from './feed.ts';
import { startRun } from './run.ts';
import type { Run, RunDeps, RunEnd, RunInput, RunSink } from './terms.ts';

type Named = { provider: string; model: string };

export interface Leading {
  /** Under which it can be followed. */
  key: string;
  /** Under which the answer of a target is kept. */
  keyOf(target: Named): string | null;
  /** Nothing of an answer is lost when it is told again in our own words. */
  plain: boolean;
}

export const missed = (start: AttemptStart): AttemptStart => ({ ...start, cache: 'miss' });

/** How far its own caller may be behind those who hear it too. Bytes. */
const MOST_BEHIND = 4 * 1024 * 1024;

export function startLead(
  deps: RunDeps & { cache: ResponseCache },
  input: RunInput,
  sink: RunSink,
  { key, keyOf, plain }: Leading,
): Run {
  const { cache } = deps;
  const [first] = input.plan.targets;
  let run: Run | null = null;
  let attempts = 0;
  let shown = false;
  /** The answer is made of several. */
  let joined = false;
  /** Its caller has left, while others hear the answer. */
  let left = false;
  let behind = 0;

  const live = createLive({
    id: input.id,
    provider: first?.provider ?? '',
    model: first?.model ?? '',
    at: Date.now(),
    verbatim: !plain,
    shown: () => run?.soFar().parts ?? [],
    closed: () => place?.leave(),
    alone() {
      if (left) run?.stop('left');
    },
  });
  // Without a place somebody else leads: this one is on its own, and its answer is kept all the same.
  const place = cache.lead(key, input.stream, live.feed);

  run = startRun(
    {
      ...deps,
      observe(start, end) {
        if (end.error) live.fail({ code: end.error.code, detail: end.error.detail }, false);
        deps.observe(start, end);
      },
    },
    input,
    {
      attempt(start, restart) {
        attempts++;
        if (attempts > 1) {
          if (shown && restart === null) joined = true;
          live.clear();
          shown = false;
        } else if (start.provider !== first?.provider || start.model !== first.model) {
          // Who follows has planned this very target.
          live.fail({ code: 'interrupted', detail: 'another target was asked' }, true);
        }
        sink.attempt(missed(start), restart);
      },
      notice(notice) {
        live.say({ notice });
        sink.notice(notice);
      },
      event(parts, data, dialect) {
        // Placeholders of this answer stand for nothing in another's.
        if (input.answer?.changed) live.fail({ code: 'interrupted', detail: 'a secret is in the answer' }, true);
        shown ||= parts.some(isVisible);
        live.say({ parts, data, dialect });
        sink.event(parts, data, dialect);
        if (behind > 0) behind += data.length;
      },
      flush() {
        live.flush();
        if (sink.flush()) {
          behind = 0;
          return true;
        }
        if (!live.followed()) return false;
        // A caller who reads slowly slows down nobody else, as long as what gathers for him is bounded.
        behind = Math.max(behind, 1);
        if (behind <= MOST_BEHIND) return true;
        live.fail({ code: 'interrupted', detail: 'its own caller reads too slowly' }, true);
        return false;
      },
    },
  );

  void run.done.then((end) => {
    const { state, finishReason, usage, last, parts, body } = end;
    if (state !== 'succeeded' || !finishReason || !usage || !last) {
      // A vendor's failure was told before: this one was stopped.
      live.fail({ code: 'interrupted', detail: end.error?.message ?? 'stopped' }, true);
      return;
    }
    const by = { id: input.id, provider: last.provider, model: last.model };
    const under = joined || input.answer?.changed || !isWhole(end) ? null : keyOf(by);
    const said = under === null ? null : live.said(parts);
    if (under !== null && said !== null) {
      cache.keep(under, by, said, { ok: true, finishReason, usage, body: plain ? null : body });
    }
    live.done({ ok: true, finishReason, usage, body });
  });

  const { stop } = run;
  return {
    ...run,
    stop(reason) {
      if (reason === 'left' && live.followed()) left = true;
      else stop(reason);
    },
  };
}

/** What a filter stopped, or a tool call that cannot be read, would be no better the next time. */
const isWhole = ({ finishReason, parts }: RunEnd): boolean =>
  finishReason !== 'content_filter' && parts.every((part) => part.type !== 'tool_call' || canBeRead(part));

function canBeRead({ arguments: text }: Extract<VisiblePart, { type: 'tool_call' }>): boolean {
  try {
    JSON.parse(text === '' ? '{}' : text);
    return true;
  } catch {
    return false;
  }
}
