/**
 * The answer of a vendor that speaks Anthropic's dialect, for callers who do: its events are sent on as they came, each
 * under its name. The last two wait for the end, because `message_delta` carries our own facts.
 */

import type { Encoder } from '../contract/dialect.ts';
import { isVisible, type Part } from '../contract/part.ts';
import { anthropicUsage, ending, messageEnd } from '../dialects/anthropic/door-events.ts';
import type { Relay } from './relay.ts';

type Json = Record<string, unknown>;

export function anthropicRelay(encoder: () => Encoder): Relay {
  /** Null until the first event. Streams that are not formed as the API's are told again in the regular form. */
  let mode: 'as it came' | 'again' | null = null;
  let last: Json | null = null;
  let ended = false;

  const again = (parts: readonly Part[]): string =>
    parts
      .filter(isVisible)
      .map((part) => encoder().part(part))
      .join('');

  function isEnd(parts: readonly Part[]): boolean {
    return parts.some((part) => part.type === 'finish');
  }

  return {
    attempt(shown) {
      // A second message cannot begin in the middle of the first: what goes on is told in its blocks.
      mode = shown ? 'again' : null;
      last = null;
      ended = false;
    },
    event(parts, data) {
      const name = nameOf(data);
      if (name === 'message_delta' && (ended || isEnd(parts))) {
        const said = objectOf(data);
        last = ended && last ? { ...last, usage: said.usage ?? last.usage } : said;
        ended = true;
        return mode === 'again' ? again(parts) : '';
      }
      if (ended) return '';
      if (isEnd(parts)) {
        // `message_stop` without a reason before it.
        ended = true;
        return again(parts);
      }
      if (name === '' && parts.some(isVisible)) mode = 'again';
      if (mode === null && name !== 'ping' && name !== '') mode = name === 'message_start' ? 'as it came' : 'again';
      if (mode === 'again' || name === '') return again(parts);
      if (name !== 'content_block_delta' || isMark(parts)) encoder().follow?.({ name, data });
      // A blank line inside would end the event: between tokens a newline is as good as a blank.
      return `event: ${name}\ndata: ${data.includes('\n') ? data.replaceAll('\n', ' ') : data}\n\n`;
    },
    finish(reason, usage, _wire, truth) {
      if (mode === 'again' || last === null) return encoder().finish(reason, usage, truth);
      const { type: _type, delta, usage: told, ...rest } = last;
      // What the vendor counted stands, unless it was nothing that can be true.
      const counts = usage.source === 'reported' && isObject(told) ? told : anthropicUsage(usage);
      return messageEnd(isObject(delta) ? delta : ending(reason), counts, truth, rest);
    },
  };
}

/** A signature: its block needs no other. */
function isMark(parts: readonly Part[]): boolean {
  const [part] = parts;
  return part?.type === 'reasoning' && part.vendor !== undefined;
}

const NAME = /^\s*\{\s*"type"\s*:\s*"([a-z_]+)"/;

/** Nearly every event begins with its type; the others are read. Empty: none, or no name that can stand in a line. */
function nameOf(data: string): string {
  const known = NAME.exec(data)?.[1];
  if (known !== undefined) return known;
  const { type } = objectOf(data);
  return typeof type === 'string' && /^[\w.-]{1,64}$/.test(type) ? type : '';
}

/** Events reach us only after the decoder could read them; `[DONE]` of some servers is none. */
function objectOf(data: string): Json {
  try {
    const value: unknown = JSON.parse(data);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
