/** Tools, their choice, and the format of the answer: what Cohere can be held to. */
import type { AnswerCall, Tool } from '../../contract/call.ts';
import type { Notice } from '../../contract/dialect.ts';
import { jsonInWords, offeredTools, unsupported } from '../asked.ts';
import { isObject, type Json } from '../json.ts';
import { note } from '../notices.ts';
import type { Traits } from './models.ts';
import { structured } from './schema.ts';

export function setTools(body: Json, call: AnswerCall, traits: Traits, notices: Notice[]): void {
  const { toolChoice } = call;
  const offered = offeredTools(call);
  const tools = typeof toolChoice === 'object' ? offered.filter((tool) => tool.name === toolChoice.name) : offered;
  if (tools.length === 0) {
    if (typeof toolChoice === 'object') throw unsupported(`the tool "${toolChoice.name}" is not among the tools`);
    return;
  }
  const strict = isStrict(tools, traits, notices);
  body.tools = tools.map((tool) => encodeTool(tool, strict, notices));
  if (strict) body.strict_tools = true;
  if (toolChoice === 'none') body.tool_choice = 'NONE';
  // A certain tool cannot be named: it is forced by being the only one.
  else if (toolChoice === 'required' || typeof toolChoice === 'object') body.tool_choice = 'REQUIRED';
  if (call.parallelToolCalls === false) {
    note(notices, 'dropped', 'parallel_tool_calls: this provider cannot be held to one call at a time');
  }
}

/** All of them or none, and each must require a parameter. */
function isStrict(tools: readonly Tool[], traits: Traits, notices: Notice[]): boolean {
  const wanted = tools.filter((tool) => tool.strict === true);
  if (wanted.length === 0) return false;
  if (!traits.strictTools) note(notices, 'dropped', 'strict tools: not documented for this model');
  else if (wanted.length < tools.length) note(notices, 'dropped', 'strict tools: here all tools are strict or none is');
  else if (!tools.every(requiresSome)) {
    note(notices, 'dropped', 'strict tools: here each tool must have a required parameter');
  } else return true;
  return false;
}

function requiresSome(tool: Tool): boolean {
  const required = tool.parameters?.required;
  return Array.isArray(required) && required.length > 0;
}

function encodeTool(tool: Tool, strict: boolean, notices: Notice[]): Json {
  const { name, description } = tool;
  let parameters: Json = { type: 'object', properties: {}, ...tool.parameters };
  const fitted = strict ? structured(parameters) : null;
  if (fitted) {
    parameters = fitted.schema;
    if (fitted.changed) note(notices, 'changed', 'tool schemas: some constraints cannot be enforced here');
  }
  return { type: 'function', function: { name, description, parameters } };
}

/** Beside tools the format cannot be enforced, so the model is asked in words. */
export function setFormat(body: Json, call: AnswerCall, notices: Notice[]): void {
  const format = call.responseFormat;
  if (format === undefined || format.type === 'text') return;
  const fitted = format.type === 'json_schema' ? structured(format.schema) : null;
  if (body.tools !== undefined || (format.type === 'json_schema' && fitted === null)) {
    const messages = Array.isArray(body.messages) ? body.messages : [];
    const first = messages.findIndex((message) => !isObject(message) || message.role !== 'system');
    messages.splice(first === -1 ? messages.length : first, 0, { role: 'system', content: jsonInWords(format) });
    note(notices, 'changed', 'response_format: this model is asked for JSON in words, which it may ignore');
    return;
  }
  body.response_format = fitted ? { type: 'json_object', json_schema: fitted.schema } : { type: 'json_object' };
  if (fitted?.changed) note(notices, 'changed', 'response_format: some constraints cannot be enforced here');
}
