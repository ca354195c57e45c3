/**
 * Tools and their choice. Converse knows no single call; for Claude, Anthropic's own field says it. Nor does it know
 * "none", and behind Bedrock Claude has been seen to refuse that too.
 */
import type { AnswerCall, Tool, ToolChoice } from '../../contract/call.ts';
import type { Notice } from '../../contract/dialect.ts';
import { closedSchema } from '../anthropic/schema.ts';
import { offeredTools, unsupported } from '../asked.ts';
import { isObject, type Json } from '../json.ts';
import { note } from '../notices.ts';
import { cachePoint } from './messages.ts';
import type { Traits } from './models.ts';
import { toolName } from './names.ts';

export interface ToolsInput {
  call: AnswerCall;
  traits: Traits;
  /** Called earlier in the conversation: Converse refuses such a conversation when no tools are declared. */
  usedTools: ReadonlySet<string>;
  /** The model goes on from a text. */
  goesOn: boolean;
  system: Json[];
}

/** Sets `toolConfig`, and in `more` (`additionalModelRequestFields`) Claude's `tool_choice`. */
export function setTools(body: Json, more: Json, input: ToolsInput, notices: Notice[]): void {
  const { call, traits, usedTools } = input;
  const { toolChoice } = call;
  const offered = offeredTools(call);
  if (typeof toolChoice === 'object' && !offered.some((tool) => tool.name === toolChoice.name)) {
    throw unsupported(`the tool "${toolChoice.name}" is not among the tools`);
  }
  if (offered.length === 0 || toolChoice === 'none') {
    if (usedTools.size > 0) declareUnused(body, offered, input, notices);
    return;
  }
  const forced = toolChoice === 'required' || typeof toolChoice === 'object';
  if (forced) checkForce(traits, input.goesOn);
  // A model that cannot be told which tool is offered that one alone.
  const alone = typeof toolChoice === 'object' && traits.forces === 'any';
  const tools = alone ? offered.filter((tool) => tool.name === toolChoice.name) : offered;
  const config: Json = { tools: declared(tools, input, notices) };
  if (call.parallelToolCalls === false && traits.claude) {
    more.tool_choice = { ...claudeChoice(toolChoice), disable_parallel_tool_use: true };
  } else if (call.parallelToolCalls === false) {
    note(notices, 'dropped', 'parallel_tool_calls: this model cannot be held to one call at a time');
  }
  // Both at once are refused.
  if (more.tool_choice === undefined && toolChoice !== undefined) {
    config.toolChoice = alone ? { any: {} } : converseChoice(toolChoice);
  }
  body.toolConfig = config;
}

function checkForce(traits: Traits, goesOn: boolean): void {
  if (traits.forces === 'none') {
    throw unsupported('this model cannot be forced to call a tool; use tool_choice "auto"');
  }
  if (goesOn) throw unsupported('a forced tool call cannot go on from a text');
}

/** Without a declaration the whole conversation would be refused, and with one nothing but words keeps a model from it. */
function declareUnused(body: Json, offered: readonly Tool[], input: ToolsInput, notices: Notice[]): void {
  const tools = offered.length > 0 ? offered : [...input.usedTools].map((name): Tool => ({ name }));
  body.toolConfig = { tools: declared(tools, input, notices) };
  input.system.push({ text: 'Do not call any tool in your next answer.' });
  note(notices, 'changed', 'tool_choice: tools of earlier turns must be declared; the model is asked not to call them');
}

function converseChoice(choice: Exclude<ToolChoice, 'none'>): Json {
  if (typeof choice === 'object') return { tool: { name: choice.name } };
  return choice === 'required' ? { any: {} } : { auto: {} };
}

function claudeChoice(choice: ToolChoice | undefined): Json {
  if (typeof choice === 'object') return { type: 'tool', name: choice.name };
  return { type: choice === 'required' ? 'any' : 'auto' };
}

function declared(tools: readonly Tool[], { call, traits }: ToolsInput, notices: Notice[]): Json[] {
  const marks = marksOf(call);
  return tools.flatMap((tool) => {
    const mark = traits.claude ? marks.get(tool.name) : undefined;
    const point = mark ? cachePoint({ vendor: { dialect: 'anthropic', fields: { cache_control: mark } } }, traits) : [];
    return [{ toolSpec: toolSpec(tool, traits, notices) }, ...point];
  });
}

/** Cache marks on tools are in the caller's own body, when it came through Anthropic's door. */
function marksOf(call: AnswerCall): Map<unknown, unknown> {
  const tools = call.native?.dialect === 'anthropic' ? call.native.body.tools : null;
  const marked = Array.isArray(tools) ? tools.filter((tool) => isObject(tool) && isObject(tool.cache_control)) : [];
  return new Map(marked.map((tool) => [tool.name, tool.cache_control]));
}

function toolSpec(tool: Tool, traits: Traits, notices: Notice[]): Json {
  const spec: Json = { name: toolName(tool.name) };
  if (tool.description !== undefined && tool.description.trim() !== '') spec.description = tool.description;
  const schema: Json = { ...tool.parameters, type: 'object' };
  if (tool.strict === true && traits.schema) {
    const closed = closedSchema(schema);
    if (closed.changed)
      note(notices, 'changed', 'tool schemas: constraints that cannot be enforced became descriptions');
    return { ...spec, inputSchema: { json: closed.schema }, strict: true };
  }
  if (tool.strict === true) note(notices, 'dropped', 'strict tools: this model does not enforce schemas');
  return { ...spec, inputSchema: { json: schema } };
}
