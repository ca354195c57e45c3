/** Makes a value that fits a JSON Schema, as far as the usual keywords go. Deterministic. */
type Schema = Record<string, unknown>;

const FORMATS: Record<string, string> = {
  date: '2026-01-31',
  time: '12:00:00Z',
  'date-time': '2026-01-31T12:00:00Z',
  email: 'goblin@example.com',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
};

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function number(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}

/** `words` fills strings; schemas that refer to themselves stop at eight levels. */
export function sample(schema: unknown, words: () => string, root: unknown = schema, depth = 0): unknown {
  if (!isSchema(schema) || depth > 8) return null;
  if (typeof schema.$ref === 'string') return sample(resolve(schema.$ref, root), words, root, depth + 1);
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0] ?? null;
  for (const key of ['anyOf', 'oneOf', 'allOf']) {
    const options = schema[key];
    if (Array.isArray(options) && options.length > 0 && schema.type === undefined) {
      return sample(options[0], words, root, depth + 1);
    }
  }
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === 'object' || (type === undefined && isSchema(schema.properties))) {
    return sampleObject(schema, words, root, depth);
  }
  if (type === 'array') {
    const length = Math.min(8, Math.max(1, number(schema.minItems, 1)));
    const items = schema.items ?? { type: 'string' };
    return Array.from({ length }, () => sample(items, words, root, depth + 1));
  }
  if (type === 'integer' || type === 'number') return sampleNumber(schema, type === 'integer');
  if (type === 'boolean') return true;
  if (type === 'null') return null;
  return sampleString(schema, words);
}

function sampleObject(schema: Schema, words: () => string, root: unknown, depth: number): Schema {
  const properties = isSchema(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required : Object.keys(properties);
  // No prototype: a schema may well name a property `__proto__`.
  const made: Schema = Object.create(null);
  for (const name of required) {
    if (typeof name === 'string') made[name] = sample(properties[name] ?? {}, words, root, depth + 1);
  }
  return made;
}

function sampleNumber(schema: Schema, whole: boolean): number {
  const low = number(schema.minimum, number(schema.exclusiveMinimum, Number.NEGATIVE_INFINITY) + 1);
  const high = number(schema.maximum, number(schema.exclusiveMaximum, Number.POSITIVE_INFINITY) - 1);
  const value = Math.min(Math.max(7, low), high);
  return whole ? Math.round(value) : value;
}

function sampleString(schema: Schema, words: () => string): string {
  const known = typeof schema.format === 'string' ? FORMATS[schema.format] : undefined;
  if (known !== undefined) return known;
  const least = Math.min(1_000, number(schema.minLength, 1));
  const most = Math.max(0, number(schema.maxLength, 1_000));
  let text = words().trim();
  while (text.length < least) text += words();
  return text.slice(0, most);
}

function resolve(reference: string, root: unknown): unknown {
  if (!reference.startsWith('#')) return {};
  let at: unknown = root;
  for (const part of reference.slice(1).split('/')) {
    if (part === '') continue;
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    at = isSchema(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return at ?? {};
}
