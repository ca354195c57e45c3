/**
 * How content is stored: parts of calls once per tenant and day, however often an agent sends its whole conversation
 * again, and larger texts compressed.
 *
 * Encodings, all of which are read for ever. `json`: JSON in UTF-8. `deflate`: the same through raw deflate. Before a
 * `+`, `pieces`: first come the number of pieces (4 bytes, little-endian) and their hashes (16 bytes each), then JSON
 * in which every 0 among the messages, or in place of another field that may be a piece (those of `FIELDS` in their
 * order, then the body in `native`), stands for the next of them.
 * After `pieces+` or alone, `sealed+`: what comes next is encrypted (content.ts). Hashes stay outside, and are keyed then:
 * they say nothing to others. A tenant whose content is erased after its end has no pieces: nothing is shared.
 * Deflate, because Node 24 still calls its zstd experimental; at these sizes both take 20 µs for 1.5 kB.
 */
import { createHash, hash } from 'node:crypto';
import { setImmediate as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { deflateRaw, deflateRawSync } from 'node:zlib';
import type { AnswerCall } from '../contract/call.ts';
import type { StoredBody } from '../contract/record.ts';
import type { Content } from './content.ts';
import { dayOf } from './ids.ts';
import { createKnown, saltOf } from './known.ts';
import { bodyPlace, FIELDS, piecePlace, pieceScope } from './unpack.ts';

export interface PackedBody {
  id: string;
  day: string;
  encoding: string;
  /** Base64. */
  data: string;
  /** Which secret something in it depends on; empty: on none. */
  keyId: string;
}

export interface Piece {
  tenant: string;
  /** 32 hex digits. */
  hash: string;
  day: string;
  encoding: string;
  /** Base64. */
  data: string;
  key_id: string | null;
}

export interface Packed {
  /** In the order of the items. */
  bodies: PackedBody[];
  /** Those that this process has not stored yet, in one fixed order: two that insert the same do not wait in a ring. */
  pieces: Piece[];
}

interface Item {
  id: string;
  tenant: string;
  body: StoredBody;
}

export interface BodyPacker {
  /** A promise only when there is so much that the event loop would notice. */
  pack(items: readonly Item[]): Packed | Promise<Packed>;
  /** To be called after the commit that stored them: they are not sent again. */
  stored(pieces: readonly Piece[]): void;
  /** After a loss of the database: what comes back may be a standby that lacks the last commits. */
  forget(): void;
}

/** Below, neither pieces nor compression are worth their 20 µs. Sizes here are characters of JSON. */
const PLAIN = 1024;
/** A shorter message costs less inside the body than as a row. */
const PIECE = 256;
/** A call of one message has no conversation yet, and most never get one. */
const LONE_PIECE = 4096;
/** Characters that are handled without a pause: about 2 ms. */
const STRETCH = 128 * 1024;
/** A longer text is compressed by another thread. */
const LONG_TEXT = 64 * 1024;
/** Pieces that a process remembers: 2 MB. */
const SLOTS = 1 << 17;

const deflate = promisify(deflateRaw) as (text: string, options: { level: number }) => Promise<Buffer>;
/** Level 1: 20 µs for 1.5 kB of English and 40 % less of it; level 6 takes twice as long for 5 % more. */
const LEVEL = { level: 1 };

interface BodyDraft {
  id: string;
  tenant: string;
  day: string;
  text: string;
  hashes: Buffer[];
  keyId: string;
  /** Null: it is not encrypted. */
  content: Content | null;
}

interface PieceDraft {
  tenant: string;
  day: string;
  hash: Buffer;
  text: string;
  content: Content | null;
}

interface Drafts {
  bodies: BodyDraft[];
  pieces: PieceDraft[];
}

const isLong = ({ text }: { text: string }): boolean => text.length >= LONG_TEXT;

/** `content` null: nothing is encrypted. */
export function createBodyPacker(slots: number = SLOTS, content: Content | null = null): BodyPacker {
  const known = createKnown(slots);

  /** Takes bodies apart; yields the characters that it just handled, so that a pause can be made. */
  function* split(items: readonly Item[]): Generator<number, Drafts> {
    const bodies: BodyDraft[] = [];
    const fresh = new Map<string, PieceDraft>();
    for (const { id, tenant, body } of items) {
      const day = dayOf(id);
      const hashes: Buffer[] = [];
      const mode = content?.of(tenant) ?? 'stored';
      const sealing = mode === 'stored' ? null : content;
      const keyId = sealing || body.vault !== undefined ? (content?.keyId ?? '') : '';
      const draft: BodyDraft = { id, tenant, day, text: '', hashes, keyId, content: sealing };
      bodies.push(draft);
      if (mode === 'erased') {
        draft.text = JSON.stringify(body);
        yield draft.text.length;
        continue;
      }
      if (sizeOf(body.call) < PLAIN) {
        draft.text = JSON.stringify(body);
        if (draft.text.length < PLAIN) continue;
      }
      const salt = saltOf(tenant, day);
      function* piece(text: string): Generator<number, 0> {
        const plain = yield* digestOf(text);
        const digest = sealing ? sealing.digest(tenant, plain) : plain;
        hashes.push(digest);
        if (!known.has(salt, digest)) {
          fresh.set(`${day}\n${tenant}\n${digest.toString('hex')}`, {
            tenant,
            day,
            hash: digest,
            text,
            content: sealing,
          });
        }
        return 0;
      }
      const call: Record<string, unknown> = { ...body.call };
      const { messages } = body.call;
      const least = messages.length > 1 ? PIECE : LONE_PIECE;
      const kept: unknown[] = [];
      for (const message of messages) {
        const text = JSON.stringify(message);
        kept.push(text.length < least ? message : yield* piece(text));
        yield text.length;
      }
      call.messages = kept;
      for (const field of FIELDS) {
        if (body.call[field] === undefined) continue;
        const text = JSON.stringify(body.call[field]);
        if (text.length >= PIECE) call[field] = yield* piece(text);
        yield text.length;
      }
      const { native } = body.call;
      if (native) {
        const text = JSON.stringify(native.body);
        if (text.length >= PIECE) call.native = { ...native, body: yield* piece(text) };
        yield text.length;
      }
      draft.text = JSON.stringify({ ...body, call });
      yield draft.text.length;
    }
    const order = [...fresh.keys()].sort();
    return { bodies, pieces: order.map((key) => fresh.get(key) as PieceDraft) };
  }

  async function splitLater(items: readonly Item[]): Promise<Drafts> {
    const work = split(items);
    let busy = 0;
    for (let step = work.next(); ; step = work.next()) {
      if (step.done) return step.value;
      busy += step.value;
      if (busy < STRETCH) continue;
      busy = 0;
      await pause();
    }
  }

  async function encodeLater(drafts: Drafts): Promise<Packed> {
    let busy = 0;
    const encode = async (text: string): Promise<Buffer | null> => {
      busy += text.length;
      if (busy > STRETCH) {
        busy = 0;
        await pause();
      }
      return text.length < LONG_TEXT ? null : await deflate(text, LEVEL);
    };
    const packed: Packed = { bodies: [], pieces: [] };
    for (const draft of drafts.pieces) packed.pieces.push(toPiece(draft, await encode(draft.text)));
    for (const draft of drafts.bodies) packed.bodies.push(toBody(draft, await encode(draft.text)));
    return packed;
  }

  return {
    pack(items) {
      let size = 0;
      for (const { body } of items) size += sizeOf(body.call);
      if (size > STRETCH) return splitLater(items).then(encodeLater);
      const work = split(items);
      let step = work.next();
      while (!step.done) step = work.next();
      const { bodies, pieces } = step.value;
      // What `sizeOf` does not see: large metadata.
      if (bodies.some(isLong) || pieces.some(isLong)) return encodeLater(step.value);
      return {
        bodies: bodies.map((draft) => toBody(draft, null)),
        pieces: pieces.map((draft) => toPiece(draft, null)),
      };
    },
    stored(pieces) {
      for (const { tenant, day, hash } of pieces) known.add(saltOf(tenant, day), Buffer.from(hash, 'hex'));
    },
    forget: known.forget,
  };
}

function* digestOf(text: string): Generator<number, Buffer> {
  if (text.length < LONG_TEXT) return hash('sha256', text, 'buffer').subarray(0, 16);
  // 10 MB take 25 ms.
  const sum = createHash('sha256');
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += LONG_TEXT) {
    sum.update(bytes.subarray(at, at + LONG_TEXT));
    yield LONG_TEXT;
  }
  return sum.digest().subarray(0, 16);
}

/** About how long the JSON of a call is, without making it. What cannot be told counts as long. */
function sizeOf(call: AnswerCall): number {
  let size = call.tools ? PLAIN * call.tools.length : 0;
  for (const { content } of call.messages) {
    size += 64;
    for (const item of content) {
      if (item.type === 'text' || item.type === 'reasoning') size += item.text.length;
      else if (item.type === 'tool_call') size += item.arguments.length;
      else if (item.type === 'image') size += item.data?.length ?? item.url?.length ?? 0;
      else size += STRETCH;
    }
  }
  return size;
}

function toPiece({ tenant, hash, day, text, content }: PieceDraft, deflated: Buffer | null): Piece {
  const { encoding, bytes } = encodeText(text, deflated);
  const name = hash.toString('hex');
  if (content === null) return { tenant, hash: name, day, encoding, data: bytes.toString('base64'), key_id: null };
  const data = content.sealBytes(tenant, pieceScope(day), piecePlace(name, encoding), bytes).toString('base64');
  return { tenant, hash: name, day, encoding: `sealed+${encoding}`, data, key_id: content.keyId };
}

function toBody({ id, tenant, day, text, hashes, keyId, content }: BodyDraft, deflated: Buffer | null): PackedBody {
  let { encoding, bytes }: { encoding: string; bytes: Buffer } = encodeText(text, deflated);
  const list = Buffer.concat(hashes);
  if (content) {
    bytes = content.sealBytes(tenant, id, bodyPlace(list, encoding), bytes);
    encoding = `sealed+${encoding}`;
  }
  if (hashes.length === 0) return { id, day, encoding, data: bytes.toString('base64'), keyId };
  const count = Buffer.alloc(4);
  count.writeUInt32LE(hashes.length);
  const data = Buffer.concat([count, list, bytes]).toString('base64');
  return { id, day, encoding: `pieces+${encoding}`, data, keyId };
}

function encodeText(text: string, deflated: Buffer | null): { encoding: 'json' | 'deflate'; bytes: Buffer } {
  if (deflated) return { encoding: 'deflate', bytes: deflated };
  if (text.length < PLAIN) return { encoding: 'json', bytes: Buffer.from(text) };
  return { encoding: 'deflate', bytes: deflateRawSync(text, LEVEL) };
}
