/**
 * Lines of JSON (`application/x-ndjson`), linear in the bytes whatever their slicing. A line ends with LF or CRLF; blank
 * lines and white space before a line are passed over and hold nothing.
 */
import { StringDecoder } from 'node:string_decoder';
import type { FrameParser, WireEvent } from '../contract/dialect.ts';
import { GoblinError } from '../contract/errors.ts';

/** 4 Mi characters: no vendor's honest line comes near, and it bounds what one stream can hold in memory. */
const MAX_LINE_CHARS = 4 * 1024 * 1024;
/** Small pieces are joined in batches: a flat array of single characters would cost 8 bytes each. */
const BATCH = 1024;
const BOM = 0xfeff;
const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;

export interface NdjsonEvent extends WireEvent {
  /** The input ended inside this line, so its data may be cut. */
  tail: boolean;
}

/**
 * `onEvent` is called within `push` and `end`, in order; names are empty. Throws `upstream_protocol` when one line is
 * longer than `maxLineChars`; the parser must not be used after that.
 */
export function createNdjsonParser(options: { onEvent(event: NdjsonEvent): void; maxLineChars?: number }): FrameParser {
  const { onEvent } = options;
  const max = options.maxLineChars ?? MAX_LINE_CHARS;
  const utf8 = new StringDecoder('utf8');
  /** Text of the open line from earlier chunks. It is joined once, when the line ends: that keeps us linear. */
  let joined: string[] = [];
  let pieces: string[] = [];
  let held = 0;
  let first = true;

  function check(chars: number): void {
    if (held + chars > max) {
      throw new GoblinError('upstream_protocol', `one line of the stream is longer than ${max} characters`);
    }
  }

  function hold(text: string): void {
    check(text.length);
    held += text.length;
    pieces.push(text);
    if (pieces.length === BATCH) {
      joined.push(pieces.join(''));
      pieces = [];
    }
  }

  function take(text: string): string {
    if (held === 0) return text;
    const whole = joined.join('') + pieces.join('') + text;
    joined = [];
    pieces = [];
    held = 0;
    return whole;
  }

  function emit(text: string, tail: boolean): void {
    check(text.length);
    const line = take(text);
    const data = line.charCodeAt(line.length - 1) === CR ? line.slice(0, -1) : line;
    onEvent({ name: '', data, tail });
  }

  function consume(text: string): boolean {
    let pos = 0;
    if (first && text.length > 0) {
      first = false;
      if (text.charCodeAt(0) === BOM) pos = 1;
    }
    let real = false;
    while (pos < text.length) {
      if (held === 0) {
        pos = afterBlanks(text, pos);
        if (pos === text.length) break;
      }
      real = true;
      const end = text.indexOf('\n', pos);
      if (end === -1) {
        hold(pos === 0 ? text : text.slice(pos));
        break;
      }
      emit(text.slice(pos, end), false);
      pos = end + 1;
    }
    return real;
  }

  return {
    push: (chunk) => consume(utf8.write(chunk)),
    end() {
      const real = consume(utf8.end());
      if (held > 0) emit('', true);
      return real;
    },
  };
}

function afterBlanks(text: string, from: number): number {
  let pos = from;
  for (; pos < text.length; pos++) {
    const char = text.charCodeAt(pos);
    if (char !== LF && char !== CR && char !== SPACE && char !== TAB) break;
  }
  return pos;
}
