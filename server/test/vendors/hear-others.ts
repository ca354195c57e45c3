/** Requests of Anthropic ("Messages"), Cohere ("Chat", v2) and Ollama (`/api/chat`). */
import { checkRequest } from './anthropic-check.ts';
import {
  type Body,
  base64Of,
  type Heard,
  heardTurns,
  Invalid,
  isBody,
  listOf,
  objectOf,
  only,
  stringOf,
  type Turn,
} from './heard.ts';

const textIn = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : Array.isArray(content)
      ? content.map((block: Body) => (block.type === 'text' ? String(block.text) : '')).join('')
      : '';

/** As strictly as the API itself: see anthropic-check.ts. Any signature is taken. */
export function hearAnthropic(body: Body): Heard {
  const { messages } = checkRequest(body, () => '');
  const turns = messages.flatMap(({ role, content }): Turn[] => {
    const blocks: Body[] = Array.isArray(content) ? (content as Body[]) : [{ type: 'text', text: content }];
    const results = blocks.filter(({ type }) => type === 'tool_result');
    const rest = blocks.filter(({ type }) => type !== 'tool_result');
    const images = (list: readonly Body[]) => list.filter(({ type }) => type === 'image').length;
    const made: Turn[] = results.map((result) => ({
      role: 'tool',
      text: textIn(result.content),
      images: Array.isArray(result.content) ? images(result.content as Body[]) : 0,
      calls: [String(result.tool_use_id)],
    }));
    const calls = rest.flatMap(({ type, id }) => (type === 'tool_use' ? [String(id)] : []));
    if (rest.length > 0) {
      made.push({ role: role === 'assistant' ? 'assistant' : 'user', text: textIn(rest), images: images(rest), calls });
    }
    return made;
  });
  const choice = isBody(body.tool_choice) ? body.tool_choice : {};
  const format = isBody(body.output_config) ? body.output_config.format : null;
  return {
    ...heardTurns(turns),
    system: textIn(body.system),
    tools: (Array.isArray(body.tools) ? (body.tools as Body[]) : []).map((tool) => ({
      name: String(tool.name),
      parameters: tool.input_schema,
    })),
    choice:
      choice.type === 'tool'
        ? { name: String(choice.name) }
        : choice.type === 'any'
          ? 'required'
          : choice.type === 'none'
            ? 'none'
            : 'auto',
    schema: isBody(format) ? format.schema : null,
    maxTokens: Number(body.max_tokens),
  };
}

const COHERE =
  'model messages stream max_tokens temperature p k seed stop_sequences tools tool_choice strict_tools response_format ' +
  'thinking frequency_penalty presence_penalty safety_mode documents citation_options';

function cohereTurn(message: Body, path: string): Turn {
  const turn = { text: '', images: 0 };
  if (typeof message.content === 'string') turn.text = message.content;
  else {
    for (const part of message.content === undefined ? [] : listOf(message.content, `${path}.content`)) {
      if (part.type === 'text') turn.text += stringOf(part.text, `${path}.text`);
      else if (part.type === 'image_url') {
        const url = stringOf(objectOf(part.image_url, `${path}.image_url`).url, `${path}.url`);
        if (!/^(https:|data:image\/)/.test(url)) throw new Invalid(`${path}: not an image`);
        turn.images++;
      } else if (part.type !== 'thinking') throw new Invalid(`${path}: unknown part ${String(part.type)}`);
    }
  }
  if (message.role === 'tool') {
    return { role: 'tool', ...turn, calls: [stringOf(message.tool_call_id, `${path}.tool_call_id`)] };
  }
  const calls = message.tool_calls === undefined ? [] : listOf(message.tool_calls, `${path}.tool_calls`);
  for (const call of calls) {
    const written: unknown = JSON.parse(stringOf(objectOf(call.function, 'function').arguments, 'arguments'));
    objectOf(written, `${path}.arguments`);
  }
  if (turn.text === '' && turn.images === 0 && calls.length === 0) throw new Invalid(`${path} is empty`);
  return {
    role: message.role === 'assistant' ? 'assistant' : 'user',
    ...turn,
    calls: calls.map((call) => stringOf(call.id, `${path}.id`)),
  };
}

export function hearCohere(body: Body): Heard {
  only(body, COHERE, 'body');
  const messages = listOf(body.messages, 'messages');
  const turns: Turn[] = [];
  let system = '';
  for (const [i, message] of messages.entries()) {
    if (!['system', 'user', 'assistant', 'tool'].includes(String(message.role))) throw new Invalid('invalid role');
    if (message.role === 'system') system += textIn(message.content);
    else turns.push(cohereTurn(message, `messages.${i}`));
  }
  const format = isBody(body.response_format) ? body.response_format : {};
  const json = format.type === 'json_object';
  if (json && body.tools !== undefined) throw new Invalid('response_format with tools is not supported');
  const { tool_choice: choice } = body;
  if (choice !== undefined && choice !== 'REQUIRED' && choice !== 'NONE') throw new Invalid('invalid tool_choice');
  return {
    ...heardTurns(turns),
    system,
    tools: (body.tools === undefined ? [] : listOf(body.tools, 'tools')).map((tool) => {
      const { name, parameters } = objectOf(tool.function, 'tools.function');
      return { name: stringOf(name, 'tools.name'), parameters };
    }),
    choice: choice === 'REQUIRED' ? 'required' : choice === 'NONE' ? 'none' : 'auto',
    schema: json ? (format.json_schema ?? format.schema ?? 'json') : null,
    maxTokens: typeof body.max_tokens === 'number' ? body.max_tokens : null,
  };
}

export function hearOllama(body: Body): Heard {
  only(body, 'model messages stream tools format options think keep_alive truncate', 'body');
  const options = isBody(body.options) ? body.options : {};
  let system = '';
  const turns: Turn[] = [];
  for (const [i, message] of listOf(body.messages, 'messages').entries()) {
    const path = `messages.${i}`;
    const text = stringOf(message.content, `${path}.content`);
    const images = Array.isArray(message.images) ? message.images : [];
    for (const image of images) base64Of(image, `${path}.images`);
    const calls = message.tool_calls === undefined ? [] : listOf(message.tool_calls, `${path}.tool_calls`);
    for (const call of calls) objectOf(objectOf(call.function, 'function').arguments, `${path}.arguments`);
    if (message.role === 'system') system += text;
    else if (message.role === 'tool') {
      turns.push({ role: 'tool', text, images: 0, calls: [stringOf(message.tool_name, `${path}.tool_name`)] });
    } else if (message.role === 'user' || message.role === 'assistant') {
      const names = calls.map((call) => stringOf(objectOf(call.function, 'function').name, `${path}.name`));
      turns.push({ role: message.role, text, images: images.length, calls: names });
    } else throw new Invalid(`${path}: invalid role`);
  }
  return {
    ...heardTurns(turns),
    system,
    tools: (body.tools === undefined ? [] : listOf(body.tools, 'tools')).map((tool) => {
      const { name, parameters } = objectOf(tool.function, 'tools.function');
      return { name: stringOf(name, 'tools.name'), parameters };
    }),
    choice: 'auto',
    schema: body.format ?? null,
    maxTokens: typeof options.num_predict === 'number' ? options.num_predict : null,
  };
}
