/** JSON Schema as `parametersJsonSchema` and `responseJsonSchema` take it: a subset, of which the rest is not enforced. */
import { isObject, type Json } from '../json.ts';

/** From the reference of `GenerationConfig.responseJsonSchema`. */
const ENFORCED = new Set([
  '$id',
  '$anchor',
  '$ref',
  'type',
  'format',
  'title',
  'description',
  'enum',
  'items',
  'prefixItems',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
  'anyOf',
  'oneOf',
  'properties',
  'additionalProperties',
  'required',
  'propertyOrdering',
]);
/** Keywords that restrict nothing. */
const HARMLESS = new Set(['default', 'examples', 'deprecated', 'readOnly', 'writeOnly', '$comment']);
const LISTS = new Set(['anyOf', 'oneOf', 'prefixItems']);
/** Deeper than any real schema; the walk must not run out of stack on a hostile one. */
const DEEPEST = 100;

export interface TakenSchema {
  schema: Json;
  /** Keywords that are sent and not enforced, such as `pattern`. */
  loose: string[];
}

/**
 * `$schema` is left out, `definitions` become `$defs`, a `const` becomes an `enum` of one value (tagged unions live of
 * it), and a `$ref` stands alone, because the API refuses anything beside it.
 */
export function takenSchema(schema: Json): TakenSchema {
  const loose = new Set<string>();
  const taken = take(schema, loose, 0);
  return { schema: unfolded(taken), loose: [...loose].sort() };
}

function take(schema: Json, loose: Set<string>, depth: number): Json {
  if (depth > DEEPEST) return {};
  const inner = (value: unknown) => (isObject(value) ? take(value, loose, depth + 1) : value);
  const map = (value: Json) => Object.fromEntries(Object.entries(value).map(([name, child]) => [name, inner(child)]));
  const out: Json = {};
  for (const [key, value] of Object.entries(schema)) {
    if ((key === '$defs' || key === 'definitions') && isObject(value)) out.$defs = { ...defsOf(out), ...map(value) };
    else if (key === '$ref' && typeof value === 'string') out.$ref = value.replace(/^#\/definitions\//, '#/$defs/');
    else if (key === 'const' && (typeof value === 'string' || typeof value === 'number')) out.enum = [value];
    else if (key === 'properties' && isObject(value)) out[key] = map(value);
    else if (LISTS.has(key) && Array.isArray(value)) out[key] = value.map(inner);
    else if (key === 'items' || key === 'additionalProperties') out[key] = inner(value);
    else if (ENFORCED.has(key)) out[key] = value;
    else if (key !== '$schema') {
      out[key] = value;
      if (!HARMLESS.has(key)) loose.add(key);
    }
  }
  return '$ref' in out ? onlyReference(out) : out;
}

function onlyReference(schema: Json): Json {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key.startsWith('$')));
}

/** Generators write `{$ref: "#/$defs/X", $defs}`; the outermost schema must say itself that it is an object. */
function unfolded(schema: Json): Json {
  const name = typeof schema.$ref === 'string' ? /^#\/\$defs\/([^/]+)$/.exec(schema.$ref)?.[1] : undefined;
  const defs = defsOf(schema);
  const target = name === undefined || !Object.hasOwn(defs, name) ? null : defs[name];
  return isObject(target) && !('$ref' in target) ? { ...target, $defs: defs } : schema;
}

function defsOf(schema: Json): Json {
  return isObject(schema.$defs) ? schema.$defs : {};
}
