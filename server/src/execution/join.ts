/**
 * Where an answer goes on at another target: what that target says again of the beginning is taken out, so that no word
 * stands twice. Some vendors answer with the whole beginning first; some begin again a few words before the break; those
 * that take no blanks at the end of a beginning say these themselves.
 */

/** A shorter repetition may be meant so ("ha ha ha"). Characters. */
const SURE = 16;
/** The whole beginning again, from its first character, is an echo also when it is short. */
const SHORTEST_ECHO = 4;

export interface Join {
  /** What is to be shown of the next piece; text is held back while it may still be a repetition. */
  push(text: string): string;
  /** What was held back. */
  end(): string;
}

/** `sent`: as much of the beginning as the target was given. */
export function createJoin(shown: string, sent: string = shown): Join {
  /** Blanks that the target was not given: it is expected to say them. */
  const missing = shown.startsWith(sent) ? shown.slice(sent.length) : '';
  let held = '';
  let open = shown.length >= SHORTEST_ECHO || missing !== '';

  /** Whether `held` may yet turn out to repeat the end of what was shown. */
  function undecided(): boolean {
    if (missing !== '' && held.length < missing.length && missing.startsWith(held)) return true;
    if (held.length < shown.length && shown.startsWith(held)) return true;
    if (held.length < sent.length && sent.startsWith(held)) return true;
    const at = shown.indexOf(held);
    return at !== -1 && at <= shown.length - SURE && at + held.length < shown.length && lastChance(at);
  }

  /** A later occurrence may be the one that reaches the end. */
  function lastChance(first: number): boolean {
    for (let at = first; at !== -1 && at <= shown.length - SURE; at = shown.indexOf(held, at + 1)) {
      if (at + held.length < shown.length) return true;
    }
    return false;
  }

  function decided(): string {
    open = false;
    let rest = held;
    held = '';
    for (const whole of [shown, sent]) {
      if (whole.length >= SHORTEST_ECHO && rest.startsWith(whole)) {
        rest = rest.slice(whole.length);
        return whole === sent ? withoutMissing(rest) : rest;
      }
    }
    for (let length = Math.min(rest.length, shown.length); length >= SURE; length--) {
      if (shown.endsWith(rest.slice(0, length))) return rest.slice(length);
    }
    return withoutMissing(rest);
  }

  function withoutMissing(text: string): string {
    let same = 0;
    while (same < missing.length && text[same] === missing[same]) same++;
    return text.slice(same);
  }

  return {
    push(text) {
      if (!open) return text;
      held += text;
      return held === '' || undecided() ? '' : decided();
    },
    end: () => (open ? decided() : ''),
  };
}
