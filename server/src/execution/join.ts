/**
 * Where an answer goes on at another target: what that target says again of the beginning is taken out, so that no word
 * stands twice. Some vendors answer with the whole beginning first; some begin again a few words before the break; those
 * that take no blanks at the end of a beginning say these themselves.
 */

/** A shorter repetition may be meant so. Characters. */
const SURE = 16;

export interface Join {
  /** What is to be shown of the next piece; text is held back while it may still be a repetition. */
  push(text: string): string;
  /** What was held back. */
  end(): string;
}

/**
 * `sent`: as much of the beginning as the target was given. `repeats`: the vendor is known to say it all again first. Of
 * others a repetition is taken out only when it cannot be a text that goes on as it was ("ha ha ha", rows of a table).
 */
export function createJoin(shown: string, sent: string = shown, repeats = false): Join {
  /** Blanks that the target was not given: it is expected to say them. */
  const missing = shown.startsWith(sent) ? shown.slice(sent.length) : '';
  let held = '';
  const shortest = repeats ? 1 : SURE;
  let open = shown.length >= shortest || missing !== '';

  /** Whether `held` may yet turn out to repeat the end of what was shown. */
  function undecided(): boolean {
    if (missing !== '' && held.length < missing.length && missing.startsWith(held)) return true;
    if (held.length < shown.length && shown.startsWith(held)) return true;
    if (held.length < sent.length && sent.startsWith(held)) return true;
    if (shown.length < SURE) return false;
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
      if (whole.length >= shortest && rest.startsWith(whole) && (repeats || isOnce(whole))) {
        rest = rest.slice(whole.length);
        return whole === sent ? withoutMissing(rest) : rest;
      }
    }
    for (let length = Math.min(rest.length, shown.length); length >= SURE; length--) {
      const again = rest.slice(0, length);
      // What stands earlier too may go on as it did.
      if (shown.endsWith(again) && shown.indexOf(again) === shown.length - length && isOnce(again))
        return rest.slice(length);
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

/** Whether a text is not one thing said twice or more: its end is not its beginning again, by half or more of it. */
function isOnce(text: string): boolean {
  const borders: number[] = [0];
  for (let at = 1; at < text.length; at++) {
    let same = borders[at - 1] as number;
    while (same > 0 && text[same] !== text[at]) same = borders[same - 1] as number;
    borders.push(text[same] === text[at] ? same + 1 : 0);
  }
  return (borders.at(-1) as number) * 2 < text.length;
}
