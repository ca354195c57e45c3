/**
 * Server-sent events as in the WHATWG HTML standard (§9.2.6), linear in the bytes whatever their slicing.
 * Measured on 263-byte OpenAI chunks: 660 MB/s with an event per network chunk, 2,600 MB/s in chunks of 16 kB, and
 * 3.9 MB in one line in 11 ms (chunks of 1 kB) or 0.8 s (3.9 million chunks of one byte).
 */
import { StringDecoder } from 'node:string_decoder';
import type { WireEvent } from '../contract/dialect.ts';
import { GoblinError } from '../contract/errors.ts';

/** 4 Mi characters: no vendor's honest event comes near, and it bounds what one stream can hold in memory. */
const MAX_EVENT_CHARS = 4 * 1024 * 1024;
/** One-byte chunks are joined in batches: a flat array of single characters would cost 8 bytes each. */
const BATCH = 1024;
const LF = 10;
const CR = 13;
const COLON = 58;
const SPACE = 32;

export interface SseEvent extends WireEvent {
  /** The exact text of the event's block, its blank line included, so that a door of the same dialect can re-send it. */
  raw: string;
  /** The input ended inside this event (its blank line never came), so its data may be cut. `raw` was completed. */
  tail: boolean;
}

export interface SseParser {
  /** True when the bytes held more than comments and blank lines; only that may reset an idle clock. */
  push(chunk: Buffer): boolean;
  /** End of input: emits a last event that lacks its blank line. */
  end(): boolean;
}

/**
 * `onEvent` is called within `push` and `end`, in order. Throws `upstream_protocol` when one line or event is longer
 * than `maxEventChars`; the parser must not be used after that. Events without data are not emitted (the standard).
 */
export function createSseParser(options: { onEvent(event: SseEvent): void; maxEventChars?: number }): SseParser {
  const { onEvent } = options;
  const max = options.maxEventChars ?? MAX_EVENT_CHARS;
  const utf8 = new StringDecoder('utf8');
  /** Text of the open block from earlier chunks. It is joined once, when the block ends: that keeps us linear. */
  let joined: string[] = [];
  let pieces: string[] = [];
  let held = 0;
  /** A field line of a block was begun. Comments before it are dropped, so an endless flood of them holds nothing. */
  let open = false;
  /** The current line has characters already. */
  let lineOpen = false;
  let comment = false;
  let commentChars = 0;
  /** The last character was a CR that ended a line: a LF that follows belongs to it. */
  let skipLf = false;
  /** That CR was the blank line's, in a stream of CRLF: the event waits for its LF, so that `raw` is exact. */
  let deferred = false;
  let crlf = false;
  let first = true;

  function tooLong(): never {
    throw new GoblinError('upstream_protocol', `one event of the stream is longer than ${max} characters`);
  }

  function hold(text: string): void {
    if (text.length === 0) return;
    held += text.length;
    if (held > max) tooLong();
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

  function finish(text: string): void {
    open = false;
    deferred = false;
    const raw = take(text);
    if (raw.length > max) tooLong();
    emitBlock(raw, false);
  }

  function emitBlock(raw: string, tail: boolean): void {
    const lines = raw.includes('\r') ? raw.replaceAll('\r\n', '\n').replaceAll('\r', '\n') : raw;
    let name = '';
    let data: string | null = null;
    for (let from = 0; from < lines.length; ) {
      let to = lines.indexOf('\n', from);
      if (to === -1) to = lines.length;
      if (lines.startsWith('data', from) && isFieldEnd(lines, from + 4, to)) {
        const value = lines.slice(valueStart(lines, from + 4, to), to);
        data = data === null ? value : `${data}\n${value}`;
      } else if (lines.startsWith('event', from) && isFieldEnd(lines, from + 5, to)) {
        name = lines.slice(valueStart(lines, from + 5, to), to);
      }
      from = to + 1;
    }
    if (data !== null) onEvent({ name, data, raw, tail });
  }

  /** Whole events of a chunk without a CR. Returns where the first event that is not whole begins. */
  function wholeEvents(text: string, start: number): number {
    let pos = start;
    while (pos < text.length) {
      const eol = text.indexOf('\n', pos);
      if (eol === -1) return pos;
      const head = text.charCodeAt(pos);
      if (eol === pos || head === COLON) {
        if (eol - pos > max) tooLong();
        pos = eol + 1;
        continue;
      }
      if (text.charCodeAt(eol + 1) === LF) {
        if (eol + 2 - pos > max) tooLong();
        const raw = text.slice(pos, eol + 2);
        if (raw.startsWith('data:')) {
          onEvent({ name: '', data: raw.slice(raw.charCodeAt(5) === SPACE ? 6 : 5, -2), raw, tail: false });
        } else emitBlock(raw, false);
        pos = eol + 2;
        continue;
      }
      const blank = text.indexOf('\n\n', eol + 1);
      if (blank === -1) return pos;
      if (blank + 2 - pos > max) tooLong();
      emitBlock(text.slice(pos, blank + 2), false);
      pos = blank + 2;
    }
    return pos;
  }

  function consume(chunk: string): boolean {
    let text = chunk;
    if (first && text.length > 0) {
      first = false;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    const size = text.length;
    let cr = text.indexOf('\r');
    let lf = -2;
    let real = false;
    let start = 0;
    let pos = 0;
    while (pos < size) {
      if (cr === -1 && !open && !lineOpen && !skipLf) {
        const after = wholeEvents(text, pos);
        // Between events only comments and blank lines are passed over; they alone leave `real` as it was.
        if (!real && after > pos) real = hasFields(text, pos, after);
        pos = after;
        if (pos === size) break;
      }
      if (skipLf) {
        skipLf = false;
        crlf = text.charCodeAt(pos) === LF;
        if (crlf) pos++;
        if (deferred) finish(text.slice(start, pos));
        if (crlf) continue;
      }
      if (cr !== -1 && cr < pos) cr = text.indexOf('\r', pos);
      if (lf !== -1 && lf < pos) lf = text.indexOf('\n', pos);
      const eol = cr === -1 ? lf : lf === -1 ? cr : Math.min(cr, lf);
      const lineEnd = eol === -1 ? size : eol;
      const blank = !lineOpen && lineEnd === pos;
      if (!blank && !lineOpen) {
        comment = text.charCodeAt(pos) === COLON;
        commentChars = 0;
        if (!comment && !open) {
          open = true;
          start = pos;
        }
      }
      if (comment) {
        commentChars += lineEnd - pos;
        if (commentChars > max) tooLong();
      } else if (lineEnd > pos) real = true;
      if (eol === -1) {
        lineOpen = true;
        break;
      }
      lineOpen = false;
      pos = eol + 1;
      if (text.charCodeAt(eol) === CR) {
        const waits = blank && crlf;
        crlf = text.charCodeAt(pos) === LF;
        if (crlf) pos++;
        else if (pos === size) {
          skipLf = true;
          deferred = waits && open;
        }
      } else crlf = false;
      if (blank && open && !deferred) finish(text.slice(start, pos));
    }
    if (open) hold(start === 0 ? text : text.slice(start));
    return real;
  }

  return {
    push: (chunk) => consume(utf8.write(chunk)),
    end() {
      const real = consume(utf8.end());
      if (!open) return real;
      open = false;
      const block = take('');
      if (deferred) emitBlock(block, false);
      else emitBlock(block + (lineOpen ? '\n\n' : '\n'), true);
      return real;
    },
  };
}

/** A field name ends with a colon, or with its line (an empty value). */
function isFieldEnd(text: string, at: number, lineEnd: number): boolean {
  return at === lineEnd || text.charCodeAt(at) === COLON;
}

function valueStart(text: string, at: number, lineEnd: number): number {
  if (at >= lineEnd) return lineEnd;
  return text.charCodeAt(at + 1) === SPACE ? at + 2 : at + 1;
}

/** Whether whole lines hold anything but comments. The first line almost always answers. */
function hasFields(text: string, start: number, end: number): boolean {
  for (let pos = start; pos < end; ) {
    const head = text.charCodeAt(pos);
    if (head !== COLON && head !== LF) return true;
    pos = text.indexOf('\n', pos) + 1;
    if (pos === 0) return false;
  }
  return false;
}
