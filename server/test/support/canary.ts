/**
 * Planted secrets, and the search for them in everything that a run leaves behind, however it is written: as it is,
 * escaped, percent-encoded, in base64 at any offset, in hexadecimal, and inside what is compressed.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';

export interface Leak {
  secret: string;
  place: string;
  /** How it was written. */
  as: string;
  /** What stands before it. */
  after: string;
}

export interface Canaries {
  /** Remembers a secret under a name and answers it. */
  plant(name: string, value: string): string;
  /** A new random one, with what its kind begins with. */
  make(name: string, prefix?: string): string;
  names(): string[];
  /** Searches one place. `except`: names of secrets that belong there. */
  look(place: string, content: string | Buffer, except?: readonly string[]): void;
  /** All that was found so far. */
  leaks(): readonly Leak[];
  /** Characters that were searched. */
  searched(): number;
}

/** Of a base64 text that holds the value somewhere, what is the same whatever stands around it. */
function base64Cores(value: string): string[] {
  return [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]).toString('base64');
    // The first and last groups of four have bits of the neighbours in them.
    return text.slice(offset === 0 ? 0 : 4, Math.floor((offset + Buffer.byteLength(value)) / 3) * 4);
  });
}

function spellings(value: string): Map<string, string> {
  const bytes = Buffer.from(value);
  const percent = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const all = new Map([
    ['plain', value],
    ['JSON', JSON.stringify(value).slice(1, -1)],
    ['percent-encoding', encodeURIComponent(value)],
    ['percent-encoding of all', percent],
    ['hexadecimal', bytes.toString('hex')],
    ['UTF-16', Buffer.from(value, 'utf16le').toString('latin1')],
  ]);
  for (const [what, inner] of [
    ['', value],
    [' of JSON', JSON.stringify(value).slice(1, -1)],
  ] as const) {
    for (const [offset, core] of base64Cores(inner).entries()) {
      all.set(`base64${what} at ${offset}`, core);
      all.set(`base64url${what} at ${offset}`, core.replaceAll('+', '-').replaceAll('/', '_'));
    }
  }
  return all;
}

const UNPACK: readonly ((data: Buffer) => Buffer)[] = [
  inflateRawSync,
  inflateSync,
  gunzipSync,
  brotliDecompressSync,
  zstdDecompressSync,
];

/** What may be inside of a value of bytes: itself, and what unpacks, also after a header of pieces. */
function unpacked(data: Buffer): Buffer[] {
  const found: Buffer[] = [];
  const pieces = data.length > 4 ? data.readUInt32LE(0) : 0;
  const starts = pieces > 0 && pieces < 10_000 && 4 + pieces * 16 < data.length ? [0, 4 + pieces * 16] : [0];
  for (const start of starts) {
    for (const unpack of UNPACK) {
      try {
        found.push(unpack(data.subarray(start)));
      } catch {
        // Not packed in this way.
      }
    }
  }
  return found;
}

export function createCanaries(): Canaries {
  const planted = new Map<string, Map<string, string>>();
  const leaks: Leak[] = [];
  let searched = 0;

  function search(place: string, text: string, except: readonly string[]): void {
    searched += text.length;
    const lower = text.toLowerCase();
    for (const [secret, ways] of planted) {
      if (except.includes(secret)) continue;
      for (const [as, way] of ways) {
        const loose = as === 'hexadecimal' || as === 'percent-encoding of all';
        const at = (loose ? lower : text).indexOf(way);
        if (at < 0) continue;
        leaks.push({ secret, place, as, after: text.slice(Math.max(0, at - 40), at) });
        break;
      }
    }
  }

  return {
    plant(name, value) {
      if (value.length < 12) throw new Error(`${name} is too short to be told from anything else`);
      planted.set(name, spellings(value));
      return value;
    },
    make(name, prefix = '') {
      // Letters and digits alone: no rule of the scanner must be what saves it.
      return this.plant(
        name,
        prefix +
          randomBytes(24)
            .toString('base64')
            .replace(/[^A-Za-z0-9]/g, 'x'),
      );
    },
    names: () => [...planted.keys()],
    look(place, content, except = []) {
      const text = typeof content === 'string' ? content : content.toString('latin1');
      search(place, text, except);
      if (typeof content !== 'string') {
        for (const inner of unpacked(content)) search(`${place}, unpacked`, inner.toString('latin1'), except);
      }
      // Bytes as PostgreSQL writes them in text.
      for (const [, hex] of text.matchAll(/\\x((?:[0-9a-f]{2}){8,})/g)) {
        for (const inner of unpacked(Buffer.from(hex ?? '', 'hex'))) {
          search(`${place}, unpacked`, inner.toString('latin1'), except);
        }
      }
    },
    leaks: () => leaks,
    searched: () => searched,
  };
}

/** Every row of every table in the schema, as text; partitions come with their parents. */
export async function dumpTables(
  query: (text: string) => Promise<Record<string, unknown>[]>,
): Promise<Map<string, string>> {
  const tables = await query(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not in ('pg_catalog', 'information_schema')`,
  );
  const dump = new Map<string, string>();
  for (const { name } of tables) {
    const rows = await query(`select row_to_json(t)::text as row from ${String(name)} t`);
    dump.set(String(name), rows.map(({ row }) => String(row)).join('\n'));
  }
  return dump;
}

/** Every file below a folder, by its path in it. */
export function filesOf(folder: string, inside = ''): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const name of readdirSync(join(folder, inside))) {
    const path = join(inside, name);
    const what = statSync(join(folder, path));
    if (what.isDirectory()) for (const [one, bytes] of filesOf(folder, path)) files.set(one, bytes);
    else if (what.isFile()) files.set(path, readFileSync(join(folder, path)));
  }
  return files;
}
