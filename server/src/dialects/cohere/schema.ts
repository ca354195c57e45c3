/** JSON Schema as Cohere's structured outputs take it ("Structured outputs": parameter types, unsupported features). */
import { isObject, type Json } from '../json.ts';

const FORMATS = new Set(['date-time', 'uuid', 'date', 'time']);
/** Keywords that are taken as they are. */
const KEPT = new Set(['type', 'enum', 'const', 'required', 'title', 'description', 'default', '$ref']);
/** Keywords whose values are schemas by name. */
const MAPS = new Set(['properties', '$defs', 'definitions']);
/** Keywords that say nothing about the value. */
const MUTE = new Set(['$schema', '$id', '$comment']);
/** Deeper than any real schema; the walk must not run out of stack on a hostile one. */
const DEEPEST = 100;

interface State {
  changed: boolean;
}

/**
 * `changed` tells that constraints were taken out (`minimum`, `maxLength`, `allOf`, …), or that a field became required
 * (every object must have one). What was taken out is written into the description, where the model still reads it; what
 * fits the result fits the schema but for that. Null for what can be no answer here: the top must be an object.
 */
export function structured(schema: Json): { schema: Json; changed: boolean } | null {
  if (schema.type !== 'object' || !isObject(schema.properties)) return null;
  const state = { changed: false };
  return { schema: fit(schema, state, 0), changed: state.changed };
}

function fit(schema: Json, state: State, depth: number): Json {
  if (depth > DEEPEST) return {};
  const out: Json = {};
  const lost: Json = {};
  const inner = (value: unknown) => (isObject(value) ? fit(value, state, depth + 1) : value);
  for (const [key, value] of Object.entries(schema)) {
    if (KEPT.has(key)) out[key] = value;
    else if (MAPS.has(key) && isObject(value)) {
      out[key] = Object.fromEntries(Object.entries(value).map(([name, child]) => [name, inner(child)]));
    } else if (key === 'items' || key === 'additionalProperties') out[key] = inner(value);
    else if ((key === 'anyOf' || key === 'oneOf') && Array.isArray(value)) out.anyOf = value.map(inner);
    else if (key === 'allOf' && Array.isArray(value) && value.length === 1) Object.assign(out, inner(value[0]));
    else if (key === 'format' && typeof value === 'string' && FORMATS.has(value)) out[key] = value;
    else if (key === 'pattern' && plainPattern(value) !== null) out[key] = plainPattern(value);
    else if (!MUTE.has(key)) lost[key] = value;
  }
  requireOne(out, state);
  describe(out, lost, state);
  return Array.isArray(out.type) ? eachType(out, out.type) : out;
}

/** The patterns here are of the whole text: anchors at both ends go without saying, others are not known. */
function plainPattern(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const plain = value.startsWith('^') && value.endsWith('$') ? value.slice(1, -1) : value;
  return /[\^$]|\(\?[=!]/.test(plain) ? null : plain;
}

function requireOne(out: Json, state: State): void {
  if (!isObject(out.properties)) return;
  const [first] = Object.keys(out.properties);
  if (first === undefined || (Array.isArray(out.required) && out.required.length > 0)) return;
  out.required = [first];
  state.changed = true;
}

function describe(out: Json, lost: Json, state: State): void {
  const words = Object.entries(lost).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  if (words.length === 0) return;
  state.changed = true;
  const described = typeof out.description === 'string' ? `${out.description}\n` : '';
  out.description = `${described}(${words.join(', ')})`;
}

/** Lists of types are not in the table of what is taken; `anyOf` is. */
function eachType(out: Json, types: readonly unknown[]): Json {
  const { description, ...rest } = out;
  const anyOf = types.map((type) => ({ ...rest, type }));
  return description === undefined ? { anyOf } : { anyOf, description };
}
