/** Fields of a Responses request beside its input. `null` means left out, as it does at OpenAI. */
import type { AnswerCall, ResponseFormat, Tool, ToolChoice } from '../../contract/call.ts';
import { isObject, type Json } from '../json.ts';
import { addFunction, decodeResponseFormat } from '../openai/decode-fields.ts';
import { type FieldErrors, kindOf, wrong } from '../openai/field-errors.ts';

/** Fields that we cannot give their meaning, each with what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  conversation: 'conversations are not kept here; send the earlier items in "input"',
  prompt: 'prompt templates are kept by the vendor; send their text as "instructions" and "input"',
  moderation: 'is not done here; leave it out',
};

const LOGPROBS = 'log probabilities are not part of answers here; leave it out';
const INCLUDES = /^[a-z_]+(?:\.[a-z_]+)+$/;

export function refuseFields(body: Json, errors: FieldErrors): void {
  for (const [field, why] of Object.entries(REFUSED)) {
    if (body[field] !== undefined && body[field] !== null) wrong(errors, field, why);
  }
  if (body.top_logprobs !== undefined && body.top_logprobs !== null && body.top_logprobs !== 0) {
    wrong(errors, 'top_logprobs', LOGPROBS);
  }
}

/** What we hand out anyway (encrypted reasoning), or what belongs to tools that only a vendor of this dialect has. */
export function checkInclude(value: unknown, errors: FieldErrors): void {
  if (value === undefined || value === null) return;
  if (!Array.isArray(value)) {
    wrong(errors, 'include', `must be a list of names, not ${kindOf(value)}`);
    return;
  }
  value.forEach((name: unknown, i) => {
    if (typeof name !== 'string' || !INCLUDES.test(name)) {
      wrong(errors, `include.${i}`, 'must be a name such as "reasoning.encrypted_content"');
    } else if (name.endsWith('.logprobs')) wrong(errors, `include.${i}`, LOGPROBS);
  });
}

/** `{format: {type, name?, schema?, strict?}, verbosity?}`. */
export function decodeText(value: unknown, errors: FieldErrors): ResponseFormat | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) {
    wrong(errors, 'text', `must be an object, not ${kindOf(value)}`);
    return undefined;
  }
  const { format, verbosity } = value;
  if (verbosity !== undefined && verbosity !== null && typeof verbosity !== 'string') {
    wrong(errors, 'text.verbosity', 'must be "low", "medium" or "high"');
  }
  if (!isObject(format) || format.type !== 'json_schema') {
    return decodeResponseFormat(format, 'text.format', errors);
  }
  // The same fields as in OpenAI's other API, one level higher.
  const nested: FieldErrors = [];
  const decoded = decodeResponseFormat({ type: 'json_schema', json_schema: format }, 'text.format', nested);
  for (const error of nested) wrong(errors, error.path.replace('.json_schema', ''), error.message);
  return decoded;
}

/** Functions become tools of the call; tools of other types stay in the caller's own body. */
export function decodeResponsesTools(value: unknown, errors: FieldErrors): Tool[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) {
    wrong(errors, 'tools', `must be a list of tools, not ${kindOf(value)}`);
    return undefined;
  }
  const tools: Tool[] = [];
  value.forEach((entry: unknown, i) => {
    if (!isObject(entry)) wrong(errors, `tools.${i}`, `must be an object, not ${kindOf(entry)}`);
    else if (entry.type === 'function') addFunction(tools, entry, `tools.${i}`, errors);
    else if (typeof entry.type !== 'string' || entry.type === '') {
      wrong(errors, `tools.${i}.type`, 'must be "function", or the type of a tool that the provider has');
    }
  });
  return tools;
}

const CHOICE_RULE =
  'must be "auto", "none", "required", {"type": "function", "name": …}, {"type": "allowed_tools", …} or name one of "tools"';

/**
 * A choice among some of the tools takes the others out of the call: vendors of this dialect get the caller's own
 * list, so their caches stay warm. A choice of a tool that is no function is theirs alone.
 */
export function setToolChoice(call: AnswerCall, body: Json, errors: FieldErrors): void {
  const value = body.tool_choice;
  if (value === undefined || value === null) return;
  if (value === 'auto' || value === 'none' || value === 'required') {
    call.toolChoice = value;
    return;
  }
  if (!isObject(value) || typeof value.type !== 'string') {
    wrong(errors, 'tool_choice', CHOICE_RULE);
  } else if (value.type === 'function') {
    if (typeof value.name === 'string' && value.name !== '') call.toolChoice = { name: value.name };
    else wrong(errors, 'tool_choice.name', 'must be the name of a function among "tools"');
  } else if (value.type === 'allowed_tools') setAllowed(call, value, errors);
  else if (foreignTypes(body.tools).length === 0) wrong(errors, 'tool_choice', CHOICE_RULE);
}

function setAllowed(call: AnswerCall, value: Json, errors: FieldErrors): void {
  const { mode, tools } = value;
  // The specification gives the mode a default, OpenAI's own types do not.
  const choice: ToolChoice | null = mode === undefined || mode === 'auto' ? 'auto' : mode === 'required' ? mode : null;
  if (choice === null) wrong(errors, 'tool_choice.mode', 'must be "auto" or "required"');
  else call.toolChoice = choice;
  if (!Array.isArray(tools)) {
    wrong(errors, 'tool_choice.tools', `must be a list of tools, not ${kindOf(tools)}`);
    return;
  }
  const names = new Set(tools.map((tool) => (isObject(tool) && tool.type === 'function' ? tool.name : null)));
  if (call.tools) call.tools = call.tools.filter((tool) => names.has(tool.name));
}

/** Types of tools that are no functions: only vendors of this dialect have them. */
export function foreignTypes(tools: unknown): string[] {
  const types = new Set<string>();
  for (const tool of Array.isArray(tools) ? tools : []) {
    if (isObject(tool) && typeof tool.type === 'string' && tool.type !== 'function') types.add(tool.type.slice(0, 64));
  }
  return [...types];
}

const MOST_PAIRS = 16;
const LONGEST_KEY = 64;
const LONGEST_VALUE = 512;

/** Up to 16 pairs of texts, of 64 and 512 characters; null when there are none. */
export function decodeMetadata(value: unknown, errors: FieldErrors): Record<string, string> | null {
  if (value === undefined || value === null) return null;
  if (!isObject(value)) {
    wrong(errors, 'metadata', `must be an object of texts, not ${kindOf(value)}`);
    return null;
  }
  const pairs = Object.entries(value);
  if (pairs.length > MOST_PAIRS) wrong(errors, 'metadata', `takes ${MOST_PAIRS} entries at most`);
  const metadata: Record<string, string> = {};
  for (const [key, text] of pairs) {
    if (key.length > LONGEST_KEY || typeof text !== 'string' || text.length > LONGEST_VALUE) {
      wrong(
        errors,
        `metadata.${key.slice(0, LONGEST_KEY)}`,
        `must be a text of up to ${LONGEST_VALUE} characters under a name of up to ${LONGEST_KEY}`,
      );
    } else metadata[key] = text;
  }
  return metadata;
}
