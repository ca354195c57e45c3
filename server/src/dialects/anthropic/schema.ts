/** JSON Schema as Anthropic's structured outputs take it: a subset, and every object closed. */
import { isObject, type Json } from '../json.ts';

const FORMATS = new Set(['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid']);
/** Keywords that are taken as they are. */
const KEPT = new Set(['type', 'enum', 'const', 'required', 'title', 'description', 'default', '$ref']);
/** Keywords whose values are schemas, by shape. */
const LISTS = new Set(['anyOf', 'allOf', 'prefixItems']);
const MAPS = new Set(['properties', '$defs', 'definitions']);
/** Deeper than any real schema; the walk must not run out of stack on a hostile one. */
const DEEPEST = 100;

/**
 * `changed` tells that constraints were taken out (`minimum`, `pattern`, open objects, …). They are written into the
 * description, where the model still reads them; nobody enforces them any more.
 */
export function closedSchema(schema: Json): { schema: Json; changed: boolean } {
  const state = { changed: false };
  return { schema: close(schema, state, 0), changed: state.changed };
}

function close(schema: Json, state: { changed: boolean }, depth: number): Json {
  if (depth > DEEPEST) return {};
  const out: Json = {};
  const lost: Json = {};
  const inner = (value: unknown) => (isObject(value) ? close(value, state, depth + 1) : value);
  for (const [key, value] of Object.entries(schema)) {
    if (KEPT.has(key)) out[key] = value;
    else if (MAPS.has(key) && isObject(value)) {
      out[key] = Object.fromEntries(Object.entries(value).map(([name, child]) => [name, inner(child)]));
    } else if (LISTS.has(key) && Array.isArray(value)) out[key] = value.map(inner);
    else if (key === 'oneOf' && Array.isArray(value)) out.anyOf = value.map(inner);
    else if (key === 'items') out[key] = inner(value);
    else if (key === 'format' && typeof value === 'string' && FORMATS.has(value)) out[key] = value;
    else if (key === 'minItems' && (value === 0 || value === 1)) out[key] = value;
    else if (key !== '$schema' && key !== '$id' && !(key === 'additionalProperties' && value === false))
      lost[key] = value;
  }
  if (out.type === 'object' || 'properties' in out) out.additionalProperties = false;
  const words = Object.entries(lost).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  if (words.length > 0) {
    state.changed = true;
    const described = typeof out.description === 'string' ? `${out.description}\n` : '';
    out.description = `${described}(${words.join(', ')})`;
  }
  return out;
}
