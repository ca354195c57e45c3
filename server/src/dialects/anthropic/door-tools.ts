/** Tools, the choice among them, and the schema of the answer, as callers of Anthropic give them. */
import type { AnswerCall, ResponseFormat, Tool } from '../../contract/call.ts';
import { isObject, type Json } from '../json.ts';
import { decodeBoolean } from '../openai/decode-fields.ts';
import { type FieldErrors, kindOf, wrong } from '../openai/field-errors.ts';

const NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const NAME_RULE = 'must be 1 to 128 letters, digits, hyphens or underscores';
/** Deeper than any real schema. */
const DEEPEST = 64;

/** Tools that the vendor defines or runs (`web_search_…`, `bash_…`, toolsets) are named in `only`: others lack them. */
export function decodeTools(value: unknown, path: string, errors: FieldErrors, only: string[]): Tool[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) {
    wrong(errors, path, `must be a list of tools, not ${kindOf(value)}`);
    return undefined;
  }
  const tools: Tool[] = [];
  for (let i = 0; i < value.length; i++) {
    const entry: unknown = value[i];
    const at = `${path}.${i}`;
    if (!isObject(entry)) {
      wrong(errors, at, `must be an object, not ${kindOf(entry)}`);
      continue;
    }
    const type = entry.type ?? 'custom';
    if (typeof type !== 'string') wrong(errors, `${at}.type`, `must be a text, not ${kindOf(type)}`);
    else if (type !== 'custom') only.push(`tools of type "${type.slice(0, 64)}"`);
    else addTool(tools, entry, at, errors);
  }
  return tools;
}

function addTool(tools: Tool[], entry: Json, path: string, errors: FieldErrors): void {
  const { name, description, input_schema: parameters } = entry;
  if (typeof name !== 'string' || !NAME.test(name)) {
    wrong(errors, `${path}.name`, NAME_RULE);
    return;
  }
  if (!isObject(parameters)) {
    wrong(errors, `${path}.input_schema`, `must be a JSON Schema object, not ${kindOf(parameters)}`);
    return;
  }
  const tool: Tool = { name, parameters };
  if (typeof description === 'string') tool.description = description;
  else if (description !== undefined && description !== null) wrong(errors, `${path}.description`, 'must be a text');
  if (decodeBoolean(entry.strict, `${path}.strict`, errors) && isStrict(parameters)) tool.strict = true;
  tools.push(tool);
}

/**
 * Whether a schema is one that OpenAI's strict mode takes: every object closed, all of its properties required.
 * Anthropic enforces more than these; where strict mode would refuse the schema it is sent without.
 */
function isStrict(schema: unknown, depth = 0): boolean {
  if (Array.isArray(schema)) return schema.every((one) => isStrict(one, depth + 1));
  if (!isObject(schema)) return true;
  if (depth > DEEPEST) return false;
  const { properties, required } = schema;
  if (schema.type === 'object' || properties !== undefined) {
    if (schema.additionalProperties !== false || !isObject(properties)) return false;
    const names = new Set(Array.isArray(required) ? required : []);
    if (!Object.keys(properties).every((name) => names.has(name))) return false;
  }
  return Object.values(schema).every((inner) => isStrict(inner, depth + 1));
}

/** `auto`, `any`, `tool` with a name, or `none`; each may also say one call at a time. */
export function decodeChoice(value: unknown, path: string, errors: FieldErrors, call: AnswerCall): void {
  if (value === undefined || value === null) return;
  if (!isObject(value)) {
    wrong(errors, path, `must be an object with a "type", not ${kindOf(value)}`);
    return;
  }
  const { type, name } = value;
  if (type === 'auto' || type === 'none') call.toolChoice = type;
  else if (type === 'any') call.toolChoice = 'required';
  else if (type !== 'tool') wrong(errors, `${path}.type`, 'must be "auto", "any", "tool" or "none"');
  else if (typeof name === 'string' && NAME.test(name)) call.toolChoice = { name };
  else wrong(errors, `${path}.name`, NAME_RULE);
  const single = decodeBoolean(value.disable_parallel_tool_use, `${path}.disable_parallel_tool_use`, errors);
  if (single !== undefined) call.parallelToolCalls = !single;
}

/** `output_config.format`, and `output_format` as the beta had it: `{type: "json_schema", schema}`. */
export function decodeFormat(value: unknown, path: string, errors: FieldErrors): ResponseFormat | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) {
    wrong(errors, path, `must be an object with a "type", not ${kindOf(value)}`);
    return undefined;
  }
  if (value.type !== 'json_schema') {
    wrong(errors, `${path}.type`, 'must be "json_schema"');
    return undefined;
  }
  const { schema } = value;
  if (!isObject(schema)) {
    wrong(errors, `${path}.schema`, `must be a JSON Schema object, not ${kindOf(schema)}`);
    return undefined;
  }
  const format: ResponseFormat = { type: 'json_schema', name: 'answer', schema };
  if (isStrict(schema)) format.strict = true;
  return format;
}
