/** Reads a request as strictly as OpenAI does where that finds bugs in clients; fields it does not know are let pass. */
import { OrderError, type Orders, ordersInModel, ordersInText } from './directives.ts';
import { Refused } from './errors.ts';
import { type Prompt, readPrompt } from './prompt.ts';

type Body = Record<string, unknown>;

export interface OfferedTool {
  name: string;
  parameters: unknown;
}

export interface Ask {
  /** Without orders. */
  model: string;
  orders: Orders;
  prompt: Prompt;
  stream: boolean;
  includeUsage: boolean;
  obfuscate: boolean;
  maxTokens: number;
  stop: readonly string[];
  tools: readonly OfferedTool[];
  toolChoice: 'auto' | 'none' | 'required' | { name: string };
  parallel: boolean;
  format: 'text' | 'json' | { schema: unknown };
  reasoning: boolean;
}

function isBody(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typeOf(value: unknown): string {
  if (value === null) return 'null value';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'decimal';
  return typeof value === 'object' ? 'object' : typeof value;
}

function wrongType(param: string, expected: string, value: unknown): Refused {
  const a = (noun: string): string => `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
  return new Refused(
    400,
    `Invalid type for '${param}': expected ${a(expected)}, but got ${a(typeOf(value))} instead.`,
    param,
    'invalid_type',
  );
}

/** `null` counts as absent, as it does for OpenAI. */
function optional(body: Body, name: string): unknown {
  const value = body[name];
  return value === null ? undefined : value;
}

function optionalBoolean(body: Body, name: string): boolean | undefined {
  const value = optional(body, name);
  if (value !== undefined && typeof value !== 'boolean') throw wrongType(name, 'boolean', value);
  return value;
}

const ROLES = ['system', 'assistant', 'user', 'function', 'tool', 'developer'];

function readMessages(body: Body): Body[] {
  const messages = body.messages;
  if (messages === undefined || messages === null) {
    throw new Refused(400, "Missing required parameter: 'messages'.", 'messages', 'missing_required_parameter');
  }
  if (!Array.isArray(messages)) throw wrongType('messages', 'array of objects', messages);
  if (messages.length === 0) {
    const message =
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.";
    throw new Refused(400, message, 'messages', 'empty_array');
  }
  // Ids of tool calls that still wait for their results.
  let open = new Set<string>();
  messages.forEach((message: unknown, i) => {
    if (!isBody(message)) throw wrongType(`messages[${i}]`, 'object', message);
    const role = message.role;
    if (typeof role !== 'string' || !ROLES.includes(role)) {
      const known = "'system', 'assistant', 'user', 'function', 'tool', and 'developer'";
      const text = `Invalid value: '${String(role)}'. Supported values are: ${known}.`;
      throw new Refused(400, text, `messages[${i}].role`, 'invalid_value');
    }
    if (role === 'tool') {
      if (!open.delete(String(message.tool_call_id))) {
        const text =
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
        throw new Refused(400, text, `messages.[${i}].role`, null);
      }
      return;
    }
    refuseOpenCalls(open, i);
    open = new Set();
    if (role === 'assistant' && Array.isArray(message.tool_calls)) {
      for (const call of message.tool_calls) if (isBody(call)) open.add(String(call.id));
    } else if (message.content === undefined || message.content === null) {
      const text = `Invalid value for 'content': expected a string, got null.`;
      if (role !== 'assistant') throw new Refused(400, text, `messages.[${i}].content`, null);
    }
  });
  refuseOpenCalls(open, messages.length);
  return messages as Body[];
}

function refuseOpenCalls(open: Set<string>, i: number): void {
  if (open.size === 0) return;
  const text =
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
    `The following tool_call_ids did not have response messages: ${[...open].join(', ')}`;
  throw new Refused(400, text, `messages.[${i}].role`, null);
}

function readMaxTokens(body: Body): number {
  const old = optional(body, 'max_tokens');
  const current = optional(body, 'max_completion_tokens');
  if (old !== undefined && current !== undefined) {
    const text = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
    throw new Refused(400, text, 'max_tokens', 'invalid_parameter_combination');
  }
  const name = old === undefined ? 'max_completion_tokens' : 'max_tokens';
  const value = old ?? current;
  if (value === undefined) return Number.POSITIVE_INFINITY;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(name, 'integer', value);
  if (value < 1) {
    const text = `Invalid '${name}': integer below minimum value. Expected a value >= 1, but got ${value} instead.`;
    throw new Refused(400, text, name, 'integer_below_min_value');
  }
  return value;
}

function readStop(body: Body): string[] {
  const stop = optional(body, 'stop');
  if (stop === undefined) return [];
  const list = Array.isArray(stop) ? stop : [stop];
  if (list.length > 4) {
    const text = `Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length ${list.length} instead.`;
    throw new Refused(400, text, 'stop', 'array_above_max_length');
  }
  for (const item of list) if (typeof item !== 'string') throw wrongType('stop', 'string', item);
  return list.filter((item): item is string => typeof item === 'string' && item !== '');
}

function readTools(body: Body): Pick<Ask, 'tools' | 'toolChoice'> {
  const given = optional(body, 'tools');
  if (given !== undefined && !Array.isArray(given)) throw wrongType('tools', 'array of objects', given);
  const tools = (given ?? []).map((tool: unknown, i): OfferedTool => {
    const made = isBody(tool) && isBody(tool.function) ? tool.function : null;
    if (made === null || typeof made.name !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/.test(made.name)) {
      const param = `tools[${i}].function.name`;
      throw new Refused(400, `Missing required parameter: '${param}'.`, param, 'missing_required_parameter');
    }
    return { name: made.name, parameters: made.parameters };
  });
  if (given !== undefined && tools.length === 0) {
    const text =
      "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.";
    throw new Refused(400, text, 'tools', 'empty_array');
  }
  const choice = optional(body, 'tool_choice');
  if (choice === undefined) return { tools, toolChoice: 'auto' };
  if (tools.length === 0) {
    throw new Refused(400, "'tool_choice' is only allowed when 'tools' are specified.", 'tool_choice', null);
  }
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { tools, toolChoice: choice };
  const name = isBody(choice) && isBody(choice.function) ? choice.function.name : undefined;
  if (typeof name !== 'string') {
    const text = `Invalid value: '${typeOf(choice)}'. Supported values are: 'none', 'auto', and 'required'.`;
    throw new Refused(400, text, 'tool_choice', 'invalid_value');
  }
  if (!tools.some((tool) => tool.name === name)) {
    throw new Refused(400, `Tool choice '${name}' not found in 'tools' parameter.`, 'tool_choice', null);
  }
  return { tools, toolChoice: { name } };
}

function readFormat(body: Body, messages: readonly Body[]): Ask['format'] {
  const format = optional(body, 'response_format');
  if (format === undefined) return 'text';
  if (!isBody(format)) throw wrongType('response_format', 'object', format);
  if (format.type === 'text') return 'text';
  if (format.type === 'json_object') {
    if (!/json/i.test(JSON.stringify(messages))) {
      const text =
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
      throw new Refused(400, text, 'messages', null);
    }
    return 'json';
  }
  const schema = isBody(format.json_schema) ? format.json_schema : null;
  if (format.type === 'json_schema' && schema !== null && typeof schema.name === 'string') {
    return { schema: schema.schema ?? {} };
  }
  const text = "Missing required parameter: 'response_format.json_schema'.";
  throw new Refused(400, text, 'response_format.json_schema', 'missing_required_parameter');
}

function readOrders(model: string, prompt: Prompt, preset: Orders): { name: string; orders: Orders } {
  try {
    const { name, orders } = ordersInModel(model);
    return { name, orders: { ...preset, ...orders, ...ordersInText(prompt.lastUserRaw) } };
  } catch (error) {
    if (error instanceof OrderError) throw new Refused(400, error.message, 'messages', 'invalid_simulator_order');
    throw error;
  }
}

/** Throws `Refused` in OpenAI's words. `preset` holds the orders of the simulator's options. */
export function readAsk(body: unknown, preset: Orders): Ask {
  if (!isBody(body)) throw wrongType('body', 'object', body);
  if (typeof body.model !== 'string' || body.model === '') {
    throw new Refused(400, 'you must provide a model parameter', null, null);
  }
  const messages = readMessages(body);
  const stream = optionalBoolean(body, 'stream') ?? false;
  const options = optional(body, 'stream_options');
  if (options !== undefined && !isBody(options)) throw wrongType('stream_options', 'object', options);
  if (options !== undefined && !stream) {
    const text = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
    throw new Refused(400, text, 'stream_options', null);
  }
  const n = optional(body, 'n');
  if (n !== undefined && n !== 1) {
    throw new Refused(400, "Invalid 'n': the simulator answers with one choice.", 'n', 'invalid_value');
  }
  const prompt = readPrompt(messages);
  const { name, orders } = readOrders(body.model, prompt, preset);
  const effort = optional(body, 'reasoning_effort');
  return {
    model: name,
    orders,
    prompt,
    stream,
    includeUsage: options?.include_usage === true,
    obfuscate: options?.include_obfuscation !== false,
    maxTokens: readMaxTokens(body),
    stop: readStop(body),
    ...readTools(body),
    parallel: optionalBoolean(body, 'parallel_tool_calls') ?? true,
    format: readFormat(body, messages),
    reasoning: name.includes('reason') || (effort !== undefined && effort !== 'none'),
  };
}
