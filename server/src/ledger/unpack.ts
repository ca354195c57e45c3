/** Content as it was, from how bodies.ts stored it. */
import { setImmediate as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { inflateRaw, inflateRawSync } from 'node:zlib';
import type { Row, Sql } from '../contract/ports.ts';
import type { StoredBody } from '../contract/record.ts';
import type { Content } from './content.ts';

/** Fields of a call that are the same in every turn: pieces, beside its messages. */
export const FIELDS = ['tools', 'responseFormat'] as const;

export interface StoredRow {
  id: string;
  tenant: string;
  /** `YYYY-MM-DD`, of the request's creation. */
  day: string;
  encoding: string | null;
  /** Null: the body is gone. */
  data: Uint8Array | null;
  key_id?: string | null;
}

/** To which what is sealed is bound (content.ts). */
export const bodyPlace = (hashes: Uint8Array, encoding: string): string =>
  `body ${encoding} ${Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength).toString('base64')}`;
export const pieceScope = (day: string): string => `pieces of ${day}`;
export const piecePlace = (hash: string, encoding: string): string => `piece ${encoding} ${hash}`;

// Reads pieces of the days from $2 to $3: the bounds keep the plan out of all other partitions.
const PIECES = `
select p.tenant, p.day::text as day, encode(p.hash, 'hex') as hash, p.encoding, p.data, p.key_id
from json_to_recordset($1::json) as x(tenant text, day date, hash text)
join mcp_piece p on p.tenant = x.tenant and p.hash = decode(x.hash, 'hex') and p.day = x.day
where p.day between $2::date and $3::date`;

interface PieceRow extends Row {
  tenant: string;
  day: string;
  hash: string;
  encoding: string;
  data: Uint8Array;
  key_id: string | null;
}

interface Opened {
  text: string;
  hashes: string[];
}

/** Bytes that another thread decompresses. */
const LONG = 32 * 1024;
/** Characters that are parsed without a pause: some 10 ms. */
const STRETCH = 1024 * 1024;

const inflate = promisify(inflateRaw) as (data: Uint8Array) => Promise<Buffer>;

/** What stands for a body that retention has dropped, or that cannot be read: a call without messages. */
const lostBody = (): StoredBody => ({ call: { kind: 'answer', messages: [] }, hints: [], metadata: null });

/** Bodies in the order of the rows. One query more when any of them has pieces. Throws only what `sql` throws. */
export async function unpackBodies(
  sql: Pick<Sql, 'query'>,
  rows: readonly StoredRow[],
  content: Content | null = null,
): Promise<StoredBody[]> {
  const opened: (Opened | null)[] = [];
  for (const row of rows) opened.push(row.data ? await open(row, row.data, content) : null);
  const pieces = await fetchPieces(sql, rows, opened, content);
  const bodies: StoredBody[] = [];
  const breathe = createBreath();
  for (const [at, row] of rows.entries()) {
    const parts = opened[at];
    const texts = parts?.hashes.map((hash) => pieces.get(keyOf({ ...row, hash })));
    if (!parts || !texts?.every((text) => text !== undefined)) {
      bodies.push(lostBody());
      continue;
    }
    bodies.push((await join(parts.text, texts, breathe)) ?? lostBody());
  }
  return bodies;
}

/** Null for what this build cannot read: a claim must go on with the others. */
async function open(row: StoredRow, data: Uint8Array, content: Content | null): Promise<Opened | null> {
  const encoding = row.encoding ?? 'json';
  const withPieces = encoding.startsWith('pieces+');
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const count = withPieces ? bytes.readUInt32LE(0) : 0;
  const start = withPieces ? 4 + 16 * count : 0;
  const list = bytes.subarray(withPieces ? 4 : 0, start);
  const rest = plainOf(withPieces ? encoding.slice(7) : encoding, bytes.subarray(start), (inner, sealed) =>
    content?.openBytes(row.tenant, row.id, bodyPlace(list, inner), row.key_id ?? '', sealed),
  );
  const text = rest && (await textOf(rest.encoding, rest.data));
  if (text === null) return null;
  const hashes = Array.from({ length: count }, (_, n) => bytes.toString('hex', 4 + 16 * n, 20 + 16 * n));
  return { text, hashes };
}

/** What is encrypted, decrypted; null when that cannot be done. */
function plainOf(
  encoding: string,
  data: Uint8Array,
  unseal: (inner: string, sealed: Uint8Array) => Buffer | null | undefined,
): { encoding: string; data: Uint8Array } | null {
  if (!encoding.startsWith('sealed+')) return { encoding, data };
  const inner = encoding.slice(7);
  const opened = unseal(inner, data);
  return opened ? { encoding: inner, data: opened } : null;
}

async function textOf(encoding: string, data: Uint8Array): Promise<string | null> {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (encoding === 'json') return bytes.toString('utf8');
  if (encoding !== 'deflate') return null;
  try {
    return (bytes.length > LONG ? await inflate(bytes) : inflateRawSync(bytes)).toString('utf8');
  } catch {
    return null;
  }
}

const keyOf = (piece: { tenant: string; day: string; hash: string }) => `${piece.day}\n${piece.tenant}\n${piece.hash}`;

async function fetchPieces(
  sql: Pick<Sql, 'query'>,
  rows: readonly StoredRow[],
  opened: readonly (Opened | null)[],
  content: Content | null,
): Promise<Map<string, string>> {
  const wanted = new Map<string, { tenant: string; day: string; hash: string }>();
  for (const [at, { tenant, day }] of rows.entries()) {
    for (const hash of opened[at]?.hashes ?? []) wanted.set(keyOf({ tenant, day, hash }), { tenant, day, hash });
  }
  const texts = new Map<string, string>();
  if (wanted.size === 0) return texts;
  const days = [...wanted.values()].map(({ day }) => day).sort();
  const found = await sql.query<PieceRow>(PIECES, [
    JSON.stringify([...wanted.values()]),
    days.at(0) as string,
    days.at(-1) as string,
  ]);
  const breathe = createBreath();
  for (const row of found) {
    const plain = plainOf(row.encoding, row.data, (inner, sealed) =>
      content?.openBytes(row.tenant, pieceScope(row.day), piecePlace(row.hash, inner), row.key_id ?? '', sealed),
    );
    const text = plain && (await textOf(plain.encoding, plain.data));
    if (text === null) continue;
    texts.set(keyOf(row), text);
    await breathe(text.length);
  }
  return texts;
}

/** Puts the pieces back in the order in which they were taken out. */
async function join(text: string, pieces: readonly string[], breathe: Breath): Promise<StoredBody | null> {
  let next = 0;
  const take = async (): Promise<unknown> => {
    const piece = pieces[next++] ?? '';
    const pausing = breathe(piece.length);
    if (pausing) await pausing;
    return JSON.parse(piece);
  };
  try {
    const body = JSON.parse(text) as StoredBody;
    if (pieces.length === 0) return body;
    const call = body.call as unknown as Record<string, unknown>;
    const messages: unknown[] = [];
    for (const value of call.messages as unknown[]) messages.push(value === 0 ? await take() : value);
    call.messages = messages;
    for (const field of FIELDS) if (call[field] === 0) call[field] = await take();
    const native = call.native as Record<string, unknown> | undefined;
    if (native?.body === 0) native.body = await take();
    return body;
  } catch {
    return null;
  }
}

type Breath = (characters: number) => Promise<void> | undefined;

/** Lets others have their turn after every stretch of work. */
function createBreath(): Breath {
  let busy = 0;
  return (characters) => {
    busy += characters;
    if (busy < STRETCH) return undefined;
    busy = 0;
    return pause();
  };
}
