/**
 * The fields that the OpenAI door and our own API have in common. Hand-written: a schema compiler in the way of every
 * body costs more than the rest of the door. `null` means left out, as it does at OpenAI.
 */
import type { ResponseFormat, Tool, ToolChoice } from '../../contract/call.ts';
import { isObject } from '../json.ts';
import { type FieldErrors, kindOf, wrong } from './field-errors.ts';

export { decodeMessages } from './decode-messages.ts';

const NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const NAME_RULE = 'must be 1 to 64 letters, digits, hyphens or underscores';
const MOST_STOPS = 16;

export function decodeNumber(
  value: unknown,
  path: string,
  errors: FieldErrors,
  range: { min: number; max: number; integer?: boolean },
): number | undefined {
  if (value === undefined || value === null) return undefined;
  const { min, max, integer } = range;
  const fits = typeof value === 'number' && value >= min && value <= max && (!integer || Number.isInteger(value));
  if (fits) return value;
  const kind = integer ? 'a whole number' : 'a number';
  wrong(
    errors,
    path,
    `must be ${kind} ${max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`}`,
  );
  return undefined;
}

export function decodeBoolean(value: unknown, path: string, errors: FieldErrors): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return value;
  wrong(errors, path, `must be true or false, not ${kindOf(value)}`);
  return undefined;
}

export function decodeString(value: unknown, path: string, errors: FieldErrors, longest: number): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '' && value.length <= longest) return value;
  wrong(errors, path, `must be a text of 1 to ${longest} characters`);
  return undefined;
}

/** A text or up to 16 of them. */
export function decodeStop(value: unknown, path: string, errors: FieldErrors): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const list = Array.isArray(value) ? value : [value];
  if (list.length <= MOST_STOPS && list.every((stop) => typeof stop === 'string' && stop !== '')) return list;
  wrong(errors, path, `must be a text or a list of up to ${MOST_STOPS} texts, none of them empty`);
  return undefined;
}

/** `{type: "text"}`, `{type: "json_object"}` or `{type: "json_schema", json_schema: {name, schema, strict?}}`. */
export function decodeResponseFormat(value: unknown, path: string, errors: FieldErrors): ResponseFormat | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) {
    wrong(errors, path, `must be an object with a "type", not ${kindOf(value)}`);
    return undefined;
  }
  if (value.type === 'text') return { type: 'text' };
  if (value.type === 'json_object') return { type: 'json' };
  if (value.type !== 'json_schema') {
    wrong(errors, `${path}.type`, 'must be "text", "json_object" or "json_schema"');
    return undefined;
  }
  const spec = value.json_schema;
  const at = `${path}.json_schema`;
  if (!isObject(spec)) {
    wrong(errors, at, `must be an object with "name" and "schema", not ${kindOf(spec)}`);
    return undefined;
  }
  const { name, schema } = spec;
  if (typeof name !== 'string' || !NAME.test(name)) wrong(errors, `${at}.name`, NAME_RULE);
  if (!isObject(schema)) wrong(errors, `${at}.schema`, `must be a JSON Schema object, not ${kindOf(schema)}`);
  const strict = decodeBoolean(spec.strict, `${at}.strict`, errors);
  if (typeof name !== 'string' || !isObject(schema)) return undefined;
  const format: ResponseFormat = { type: 'json_schema', name, schema };
  if (strict !== undefined) format.strict = strict;
  if (typeof spec.description === 'string') format.description = spec.description;
  return format;
}

/**
 * Function tools. With `foreign`, tools of other types pass unchecked and are not in the result: the OpenAI door keeps
 * them in the caller's own body, and other dialects refuse them.
 */
export function decodeTools(
  value: unknown,
  path: string,
  errors: FieldErrors,
  options: { foreign?: boolean } = {},
): Tool[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) {
    wrong(errors, path, `must be a list of tools, not ${kindOf(value)}`);
    return undefined;
  }
  const tools: Tool[] = [];
  for (let i = 0; i < value.length; i++) {
    const entry: unknown = value[i];
    if (!isObject(entry)) wrong(errors, `${path}.${i}`, `must be an object, not ${kindOf(entry)}`);
    else if (entry.type === 'function') addFunction(tools, entry.function, `${path}.${i}.function`, errors);
    else if (typeof entry.type !== 'string' || !options.foreign) {
      wrong(errors, `${path}.${i}.type`, 'must be "function"');
    }
  }
  return tools;
}

/** OpenAI's older `functions`. */
export function decodeFunctions(value: unknown, path: string, errors: FieldErrors): Tool[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) {
    wrong(errors, path, `must be a list of functions, not ${kindOf(value)}`);
    return undefined;
  }
  const tools: Tool[] = [];
  for (let i = 0; i < value.length; i++) addFunction(tools, value[i], `${path}.${i}`, errors);
  return tools;
}

export function addFunction(tools: Tool[], value: unknown, path: string, errors: FieldErrors): void {
  if (!isObject(value)) {
    wrong(errors, path, `must be an object with a "name", not ${kindOf(value)}`);
    return;
  }
  const { name, description, parameters } = value;
  if (typeof name !== 'string' || !NAME.test(name)) {
    wrong(errors, `${path}.name`, NAME_RULE);
    return;
  }
  const tool: Tool = { name };
  if (typeof description === 'string') tool.description = description;
  else if (description !== undefined && description !== null) wrong(errors, `${path}.description`, 'must be a text');
  if (isObject(parameters)) tool.parameters = parameters;
  else if (parameters !== undefined && parameters !== null) {
    wrong(errors, `${path}.parameters`, `must be a JSON Schema object, not ${kindOf(parameters)}`);
  }
  const strict = decodeBoolean(value.strict, `${path}.strict`, errors);
  if (strict !== undefined) tool.strict = strict;
  tools.push(tool);
}

const CHOICE_RULE =
  'must be "auto", "none", "required" or {"type": "function", "function": {"name": …}} with the name of a tool';

/** `allowed_tools` becomes its mode: the list itself is kept only in the caller's own body. */
export function decodeToolChoice(value: unknown, path: string, errors: FieldErrors): ToolChoice | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === 'auto' || value === 'none' || value === 'required') return value;
  // Mistral's word for it.
  if (value === 'any') return 'required';
  if (isObject(value)) {
    const named = value.type === 'custom' ? value.custom : value.function;
    if (isObject(named) && typeof named.name === 'string' && NAME.test(named.name)) return { name: named.name };
    const allowed = value.type === 'allowed_tools' && isObject(value.allowed_tools) ? value.allowed_tools.mode : null;
    if (allowed === 'auto' || allowed === 'required') return allowed;
  }
  wrong(errors, path, CHOICE_RULE);
  return undefined;
}
