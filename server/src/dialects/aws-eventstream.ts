/**
 * Amazon's binary event stream (application/vnd.amazon.eventstream), linear in the bytes whatever their slicing. A
 * message is: total length, length of the headers, CRC of these two (u32 each, big-endian), headers, payload, CRC of all
 * before it. Source: "Event stream encoding" in the Amazon Lex V2 guide; the limits (payload 16 MB, headers 128 kB) are
 * those of Amazon's own SDKs.
 */
import { crc32 } from 'node:zlib';
import type { FrameParser, WireEvent } from '../contract/dialect.ts';
import { GoblinError } from '../contract/errors.ts';

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const MAX_HEADER_BYTES = 128 * 1024;
/** The two lengths and their CRC. */
const PRELUDE = 12;
/** Prelude and final CRC: what a message without headers and payload has. */
const EMPTY = PRELUDE + 4;
/** First size of the buffer for a message that comes in pieces. It doubles, so it never holds more than twice what came. */
const FIRST_BUFFER = 8 * 1024;
/** A larger buffer is not kept for the messages after it. */
const LARGE = 1024 * 1024;

/** Value types with a fixed size, by number: true, false, byte, short, integer, long; timestamp and UUID. */
const SIZES: Readonly<Record<number, number>> = { 0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16 };
const BYTES = 6;
const STRING = 7;

interface Headers {
  /** The header block as it came: almost all messages of a stream have one of three. */
  raw: Buffer;
  name: string;
  /** For a message of the type `error`, whose words are in its headers. */
  data: string | null;
}

/**
 * The `name` of an event is its `:event-type`; of an exception `exception:` and its `:exception-type`; of an error
 * `error`, with `{"code","message"}` as data. A message cut short by the end of input is not given: nobody can check it.
 */
export function createAwsEventStreamParser(options: {
  onEvent(event: WireEvent & { tail: boolean }): void;
  maxMessageBytes?: number;
}): FrameParser {
  const { onEvent } = options;
  const max = options.maxMessageBytes ?? MAX_MESSAGE_BYTES;
  /** The open message, when it came in pieces. */
  let buffer = Buffer.alloc(0);
  let held = 0;
  /** Bytes that are needed before the next look: the prelude, then the whole message. */
  let need = PRELUDE;
  let known: Headers[] = [];

  /** Takes bytes from `chunk` until the open message has `need` of them. Answers how many it took. */
  function hold(chunk: Buffer, from: number): number {
    const size = Math.min(need - held, chunk.length - from);
    if (held + size > buffer.length) {
      const grown = Buffer.allocUnsafe(Math.min(Math.max(FIRST_BUFFER, 2 * (held + size)), max));
      buffer.copy(grown, 0, 0, held);
      buffer = grown;
    }
    chunk.copy(buffer, held, from, from + size);
    held += size;
    return size;
  }

  function emit(message: Buffer): void {
    const end = message.length - 4;
    if (crc32(message.subarray(0, end)) !== message.readUInt32BE(end)) broken('a message with a wrong checksum');
    const headersEnd = PRELUDE + message.readUInt32BE(4);
    const headers = headersOf(message.subarray(PRELUDE, headersEnd));
    const data = headers.data ?? message.toString('utf8', headersEnd, end);
    onEvent({ name: headers.name, data, tail: false });
  }

  function headersOf(raw: Buffer): Headers {
    for (const headers of known) if (headers.raw.equals(raw)) return headers;
    const headers = readHeaders(Buffer.from(raw));
    // More than a handful of kinds is not a model's answer; then they are simply read each time.
    known = known.length < 8 ? [...known, headers] : known;
    return headers;
  }

  return {
    push(chunk) {
      let at = 0;
      while (at < chunk.length) {
        if (held === 0 && chunk.length - at >= PRELUDE) {
          const total = totalOf(chunk, at, max);
          if (chunk.length - at >= total) {
            emit(chunk.subarray(at, at + total));
            at += total;
            continue;
          }
          need = total;
        }
        at += hold(chunk, at);
        if (held < need) break;
        if (need === PRELUDE) need = totalOf(buffer, 0, max);
        if (held < need) continue;
        const message = buffer.subarray(0, held);
        held = 0;
        need = PRELUDE;
        if (buffer.length > LARGE) buffer = Buffer.alloc(0);
        emit(message);
      }
      return chunk.length > 0;
    },
    end() {
      held = 0;
      buffer = Buffer.alloc(0);
      return false;
    },
  };
}

function broken(what: string): never {
  throw new GoblinError('upstream_protocol', `the event stream has ${what}`);
}

/** Checked before anything is kept for it: a length that is not one must not make us wait for gigabytes. */
function totalOf(bytes: Buffer, at: number, max: number): number {
  const total = bytes.readUInt32BE(at);
  const headers = bytes.readUInt32BE(at + 4);
  if (crc32(bytes.subarray(at, at + 8)) !== bytes.readUInt32BE(at + 8)) broken('a prelude with a wrong checksum');
  if (total > max) broken(`a message of ${total} bytes, more than ${max}`);
  if (headers > MAX_HEADER_BYTES || total < EMPTY + headers) broken('lengths that do not fit together');
  return total;
}

function readHeaders(raw: Buffer): Headers {
  const values = new Map<string, string>();
  for (let at = 0; at < raw.length; ) {
    const nameEnd = at + 1 + (raw[at] ?? 0);
    const type = raw[nameEnd];
    if (type === undefined) broken('headers that end too early');
    const name = raw.toString('utf8', at + 1, nameEnd);
    const fixed = SIZES[type];
    let from = nameEnd + 1;
    let size = fixed ?? 0;
    if (fixed === undefined) {
      if (type !== BYTES && type !== STRING) broken('a header of an unknown type');
      if (from + 2 > raw.length) broken('headers that end too early');
      size = raw.readUInt16BE(from);
      from += 2;
    }
    if (from + size > raw.length) broken('headers that end too early');
    if (type === STRING) values.set(name, raw.toString('utf8', from, from + size));
    at = from + size;
  }
  return { raw, ...meaningOf(values) };
}

function meaningOf(values: ReadonlyMap<string, string>): { name: string; data: string | null } {
  const type = values.get(':message-type');
  if (type === 'exception') return { name: `exception:${values.get(':exception-type') ?? ''}`, data: null };
  if (type !== 'error') return { name: values.get(':event-type') ?? '', data: null };
  const error = { code: values.get(':error-code') ?? '', message: values.get(':error-message') ?? '' };
  return { name: 'error', data: JSON.stringify(error) };
}
