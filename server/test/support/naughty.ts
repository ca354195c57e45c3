/** Strings that break programs, and bodies made from the document of the API, so that a new route is tried unasked. */

/** As a caller can send them: JSON text between quotes, so that lone surrogates and NUL come as escapes. */
export const NAUGHTY: readonly string[] = [
  '',
  ' ',
  '\\u0000',
  'a\\u0000b',
  '\\ud800',
  '\\udc00x',
  '\\ud83d\\ud83d',
  '\\ufffe\\uffff',
  '\\u202eabc\\u202d',
  '\\u200b\\u200d\\ufeff',
  '\\r\\nset-cookie: a=b',
  '\\n\\n',
  '\\u0085\\u2028\\u2029',
  '\\u0001\\u0007\\u001b[31m\\u007f',
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  '__defineGetter__',
  'then',
  'null',
  'undefined',
  'NaN',
  'true',
  '-1',
  '1e309',
  '0x10',
  '../../../etc/passwd',
  "' or 1=1 --",
  "'; drop table mcp_request; --",
  '$1',
  '%s%n%x',
  '\\u0024{7*7}{{7*7}}#{7*7}',
  '<script>alert(1)</script>',
  '\\\\',
  '\\"',
  'a,b;c|d`e',
  '(((((((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+',
  'İıſK',
  'ﷺ﷽',
  'Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞',
  '👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿',
  'مرحبا שלום',
  '[[secret:password:0123456789]]',
  '[[sim error=500]]',
  'data: [DONE]',
  'a'.repeat(5000),
  '💥'.repeat(3000),
  'e\\u0301'.repeat(500),
];

/** Other things in the place of a text. */
export const OTHER: readonly string[] = [
  'null',
  'true',
  '0',
  '-1',
  '1e400',
  '1.5',
  '9007199254740993',
  '[]',
  '{}',
  '[[]]',
  '[null]',
  '{"__proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  '{"toString":1,"valueOf":1,"then":1}',
  '{"length":1e9}',
  '{"$ne":null}',
];

export interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  patternProperties?: Record<string, Schema>;
  additionalProperties?: unknown;
  format?: string;
}

/** Values that the server takes, by the name of a field; what is not here comes from the schema. */
export type Known = Readonly<Record<string, unknown>>;

/** A body with every field that the document names. */
export function sample(schema: Schema, known: Known, name = ''): unknown {
  if (Object.hasOwn(known, name)) return known[name];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const choice = schema.anyOf ?? schema.oneOf;
  if (choice) return sample(choice[0] ?? {}, known, name);
  if (schema.properties) {
    return Object.fromEntries(
      Object.entries(schema.properties).map(([field, inner]) => [field, sample(inner, known, field)]),
    );
  }
  if (schema.type === 'array') return [sample(schema.items ?? {}, known, '')];
  if (schema.type === 'boolean') return false;
  if (schema.type === 'number' || schema.type === 'integer') return schema.minimum ?? 1;
  if (schema.type === 'object') return { a: 'b' };
  return 'text';
}

const MARK = '\u0001here\u0001';

/** The body as JSON, once for every place in it, with a mark in that place. */
export function places(body: unknown): { path: string; json: string }[] {
  const found: { path: string; json: string }[] = [];
  const visit = (value: unknown, path: string, put: (inner: unknown) => unknown): void => {
    found.push({ path, json: JSON.stringify(put(MARK)) });
    if (Array.isArray(value)) {
      for (const [at, item] of value.entries()) {
        visit(item, `${path}.${at}`, (inner) => put(value.with(at, inner)));
      }
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        visit(item, path === '' ? key : `${path}.${key}`, (inner) => put({ ...value, [key]: inner }));
      }
      // A key of the caller's own choice.
      found.push({ path: `${path}.(key)`, json: JSON.stringify(put({ ...value, [MARK]: 'x' })) });
    }
  };
  visit(body, '', (inner) => inner);
  return found;
}

const QUOTED = JSON.stringify(MARK);

/** With text as it stands between quotes; or, in the place of a value, with other JSON. */
export function filled(json: string, text: string, isText: boolean): string | null {
  if (isText) return json.split(QUOTED.slice(1, -1)).join(text);
  return json.includes(`${QUOTED}:`) ? null : json.split(QUOTED).join(text);
}
