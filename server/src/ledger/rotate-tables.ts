/** What rests in the record under a secret, table by table: how it is found there, and how it is sealed anew. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Row } from '../contract/ports.ts';
import { SEALED } from '../contract/record.ts';
import type { Content } from './content.ts';
import { RESULT_PLACE } from './settle.ts';
import { bodyPlace, piecePlace, pieceScope } from './unpack.ts';
import { framePlace, PARTIAL_PLACE } from './write.ts';

export interface RotateDeps {
  content: Content;
  /** What placeholders stand for (guard/vault.ts), sealed anew; null: no secret opens it. */
  resealVault(tenant: string, sealed: string): string | null;
}

export interface Found extends Row {
  key: string[];
  tenant: string;
  key_id: string | null;
  encoding: string | null;
  /** Of a body or a piece; of others when they are encrypted. */
  bytes: Uint8Array | null;
  /** Of others when they are not. */
  text: string | null;
}

export interface Resealed {
  encoding?: string;
  bytes?: Buffer;
  text?: string;
  /** Nothing in it depends on a secret. */
  none?: boolean;
}

export interface Table {
  name: string;
  /** Columns of the key with how they become text and are read again. */
  key: readonly (readonly [column: string, text: string, read: (n: string) => string])[];
  bytes: string;
  text: string | null;
  /** SQL: what else may depend on a secret, beside rows that say so. $1 is the current one. */
  more: string;
  tenant: string;
  /** Null: no secret opens it. */
  reseal(deps: RotateDeps, row: Found): Resealed | null;
}

const uuid = (column: string) => [column, `${column}::text`, (n: string) => `(${n})::uuid`] as const;
const OF_REQUEST = '(select r.tenant from mcp_request r where r.id = t.request_id)';

/** A text of JSON that may carry what its placeholders stand for: itself, or in its field `message`. */
function resealJson(
  { resealVault }: RotateDeps,
  tenant: string,
  text: string,
  where: 'itself' | 'message',
): string | null {
  const value = JSON.parse(text) as Record<string, unknown>;
  const inside = (where === 'message' ? value.message : value) as Record<string, unknown>;
  const sealed = inside[SEALED];
  if (typeof sealed !== 'string') return text;
  const again = resealVault(tenant, sealed);
  if (again === null) return null;
  inside[SEALED] = again;
  return JSON.stringify(value);
}

/** Of a result, a frame or a shown text. */
function resealColumns(
  deps: RotateDeps,
  row: Found,
  place: string,
  json: 'itself' | 'message' | null,
): Resealed | null {
  const id = row.key[0] as string;
  const { content } = deps;
  const { tenant, bytes, text: plain } = row;
  const text = bytes ? content.tryOpen(tenant, id, place, row.key_id ?? '', bytes) : plain;
  if (text === null) return null;
  const again = json ? resealJson(deps, tenant, text, json) : text;
  if (again === null) return null;
  if (!bytes) return { text: again };
  return { bytes: Buffer.from(content.seal(tenant, id, place, again).sealed, 'base64') };
}

function resealBody(deps: RotateDeps, row: Found): Resealed | null {
  const { content, resealVault } = deps;
  const { tenant, key } = row;
  const id = key[0] as string;
  const whole = Buffer.from(row.bytes ?? []);
  const pieces = row.encoding?.startsWith('pieces+') === true;
  const start = pieces ? 4 + 16 * whole.readUInt32LE(0) : 0;
  const list = whole.subarray(pieces ? 4 : 0, start);
  let encoding = (row.encoding ?? 'json').slice(pieces ? 7 : 0);
  const sealed = encoding.startsWith('sealed+');
  if (sealed) encoding = encoding.slice(7);
  const rest = whole.subarray(start);
  const plain = sealed ? content.openBytes(tenant, id, bodyPlace(list, encoding), row.key_id ?? '', rest) : rest;
  if (plain === null || !['json', 'deflate'].includes(encoding)) return null;
  const body = JSON.parse((encoding === 'json' ? plain : inflateRawSync(plain)).toString('utf8')) as { vault?: string };
  let bytes = plain;
  if (body.vault !== undefined) {
    const vault = resealVault(tenant, body.vault);
    if (vault === null) return null;
    const text = JSON.stringify({ ...body, vault });
    bytes = encoding === 'json' ? Buffer.from(text) : deflateRawSync(text, { level: 1 });
  } else if (!sealed) return { none: true };
  const again = sealed ? content.sealBytes(tenant, id, bodyPlace(list, encoding), bytes) : bytes;
  return { bytes: Buffer.concat([whole.subarray(0, start), again]), encoding: row.encoding ?? 'json' };
}

function resealPiece({ content }: RotateDeps, row: Found): Resealed | null {
  const [tenant, hash, day] = row.key as [string, string, string];
  const inner = (row.encoding ?? '').replace(/^sealed\+/, '');
  const place = piecePlace(hash, inner);
  const plain = content.openBytes(tenant, pieceScope(day), place, row.key_id ?? '', row.bytes ?? Buffer.alloc(0));
  return plain && { bytes: content.sealBytes(tenant, pieceScope(day), place, plain), encoding: row.encoding ?? '' };
}

export const TABLES: readonly Table[] = [
  {
    name: 'mcp_body',
    key: [uuid('request_id')],
    bytes: 'data',
    text: null,
    // Of a build that did not say.
    more: 'key_id is null',
    tenant: OF_REQUEST,
    reseal: resealBody,
  },
  {
    name: 'mcp_piece',
    key: [
      ['tenant', 'tenant', (n) => n],
      ['hash', "encode(hash, 'hex')", (n) => `decode(${n}, 'hex')`],
      ['day', 'day::text', (n) => `(${n})::date`],
    ],
    bytes: 'data',
    text: null,
    more: 'false',
    tenant: 't.tenant',
    reseal: resealPiece,
  },
  {
    name: 'mcp_result',
    key: [uuid('request_id')],
    bytes: 'sealed',
    text: 'message',
    more: `key_id is null and message::text like '%"${SEALED}"%'`,
    tenant: 't.tenant',
    reseal: (deps, row) => resealColumns(deps, row, RESULT_PLACE, row.bytes ? 'message' : 'itself'),
  },
  {
    name: 'mcp_partial',
    key: [uuid('request_id')],
    bytes: 'sealed',
    text: 'text',
    more: 'false',
    tenant: OF_REQUEST,
    reseal: (deps, row) => resealColumns(deps, row, PARTIAL_PLACE, null),
  },
  {
    name: 'mcp_frame',
    key: [uuid('request_id'), ['seq', 'seq::text', (n) => `(${n})::int`]],
    bytes: 'sealed',
    text: 'data',
    more: `key_id is null and data::text like '%"${SEALED}"%'`,
    tenant: OF_REQUEST,
    reseal: (deps, row) => resealColumns(deps, row, framePlace(Number(row.key[1])), 'itself'),
  },
];
