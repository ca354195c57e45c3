/**
 * Keys as other gateways export them: a list of objects, one object for each line, or one hash for each line. Names of
 * columns are ours, LiteLLM's (`token`, `key_alias`, `key_name`, `expires`, `blocked`), Helicone's (`api_key_hash`,
 * `api_key_name`, `soft_delete`) and TensorZero's (`hash`, `description`, `disabled_at`).
 */
import type { KeyFields } from './new-key.ts';
import { readHash } from './schemes.ts';

export interface ExportedKey extends KeyFields {
  hash: string;
  last_four?: string;
}

export interface ReadExport {
  keys: ExportedKey[];
  /** Those that are not taken over, and why. `wrong`: it is no entry of an export, so the file may be another one. */
  left: { line: number; why: string; wrong: boolean }[];
}

/** Means every model, in LiteLLM. */
const ALL_MODELS = 'all-proxy-models';
/** Names of LiteLLM that mean models which the export does not say. */
const UNSAID = ['all-team-models', 'no-default-models'];

/** Throws an `Error` whose message says which line cannot be read. */
export function readExport(text: string): ReadExport {
  const keys: ExportedKey[] = [];
  const left: ReadExport['left'] = [];
  for (const { line, row } of rowsOf(text)) {
    const read = readRow(typeof row === 'string' ? { hash: row } : row);
    if ('why' in read) left.push({ line, ...read });
    else keys.push(read);
  }
  return { keys, left };
}

type Row = string | Record<string, unknown>;

/** `line`: of the file, from 1; in a list the place of the entry. */
function rowsOf(text: string): { line: number; row: Row }[] {
  if (text.trimStart().startsWith('[')) return listOf(text).map((row, index) => ({ line: index + 1, row }));
  const rows: { line: number; row: Row }[] = [];
  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    const line = whole.trim();
    if (line === '') continue;
    try {
      rows.push({ line: index + 1, row: line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : line });
    } catch {
      throw new Error(`Line ${index + 1} is not JSON.`);
    }
  }
  return rows;
}

function listOf(text: string): Row[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    // What the parser says repeats a piece of the text.
    throw new Error('The file begins as a list does, but is not JSON.');
  }
  if (Array.isArray(list) && list.every(isRow)) return list;
  throw new Error('The file is a list, but not one of objects or texts.');
}

const isRow = (row: unknown): row is Row =>
  typeof row === 'string' || (typeof row === 'object' && row !== null && !Array.isArray(row));

const STORED = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)(?:Z|([+-]\d\d)(?::?(\d\d))?)?$/;

/** Databases write times with a blank, with a short zone, and where all are in UTC without one. */
function timeOf(text: string): string {
  const [, day, clock, hours, minutes = '00'] = STORED.exec(text) ?? [];
  return day === undefined ? text : `${day}T${clock}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`;
}

function readRow(row: Record<string, unknown>): ExportedKey | { why: string; wrong: boolean } {
  const text = (...names: string[]): string | undefined => {
    for (const name of names) {
      const value = Object.hasOwn(row, name) ? row[name] : undefined;
      if (typeof value === 'string' && value !== '') return value;
    }
    return undefined;
  };
  const hash = text('hash', 'token', 'api_key_hash');
  if (hash === undefined) return { why: 'it has no hash', wrong: true };
  if (readHash(hash) === null) return { why: 'its hash is no SHA-256 in hex or base64', wrong: true };
  if (row.blocked === true || row.soft_delete === true || text('disabled_at'))
    return { why: 'it is switched off', wrong: false };
  const models = Array.isArray(row.models) ? row.models.filter((one): one is string => typeof one === 'string') : [];
  if (models.some((one) => UNSAID.includes(one))) return { why: 'its models are said elsewhere', wrong: false };
  const expires = text('expires_at', 'expires');
  const name = text('name', 'key_alias', 'api_key_name', 'description')
    ?.replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 100);
  const lastFour = (text('last_four') ?? text('key_name'))?.slice(-4);
  const [role, team] = [text('role'), text('team')];
  return {
    hash,
    ...(name ? { name } : {}),
    ...(lastFour && /^[\x21-\x7e]+$/.test(lastFour) ? { last_four: lastFour } : {}),
    ...(models.length > 0 && !models.includes(ALL_MODELS) ? { models } : {}),
    ...(expires ? { expires_at: timeOf(expires) } : {}),
    ...(role ? { role } : {}),
    ...(team ? { team } : {}),
  };
}
