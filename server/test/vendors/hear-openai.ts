/** Requests of OpenAI's two APIs ("Create chat completion", "Create a model response"). */
import {
  type Body,
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

const CHAT =
  'model messages stream stream_options max_tokens max_completion_tokens temperature top_p stop seed tools tool_choice ' +
  'parallel_tool_calls response_format reasoning_effort user n logprobs metadata store frequency_penalty presence_penalty';
const RESPONSES =
  'model input instructions stream max_output_tokens temperature top_p tools tool_choice parallel_tool_calls text ' +
  'reasoning include store metadata user truncation previous_response_id prompt_cache_key service_tier';

function contentOf(content: unknown, path: string, text: string, image: string): { text: string; images: number } {
  if (content === null || content === undefined) return { text: '', images: 0 };
  if (typeof content === 'string') return { text: content, images: 0 };
  let said = '';
  let images = 0;
  for (const part of listOf(content, path)) {
    if (part.type === text || part.type === 'output_text') said += stringOf(part.text, `${path}.text`);
    else if (part.type === image) {
      const { image_url: at } = part;
      const url = stringOf(isBody(at) ? at.url : at, `${path}.image_url`);
      if (!/^(https:|data:image\/\w+;base64,)/.test(url)) throw new Invalid(`${path}: not an image`);
      images++;
    } else throw new Invalid(`${path}: unknown part ${String(part.type)}`);
  }
  return { text: said, images };
}

function choiceOf(choice: unknown, name: (body: Body) => unknown): Heard['choice'] {
  if (choice === undefined) return 'auto';
  if (choice === 'auto' || choice === 'none' || choice === 'required') return choice;
  return { name: stringOf(name(objectOf(choice, 'tool_choice')), 'tool_choice') };
}

function schemaOf(format: unknown, nested: boolean): unknown {
  if (!isBody(format) || format.type === 'text') return null;
  if (format.type === 'json_object') return 'json';
  const named = nested ? objectOf(format.json_schema, 'json_schema') : format;
  stringOf(named.name, 'json_schema.name');
  return objectOf(named.schema, 'schema');
}

export function hearOpenai(body: Body): Heard {
  only(body, CHAT, 'body');
  const turns: Turn[] = [];
  let system = '';
  for (const [i, message] of listOf(body.messages, 'messages').entries()) {
    const path = `messages.${i}`;
    const said = contentOf(message.content, `${path}.content`, 'text', 'image_url');
    switch (message.role) {
      case 'system':
      case 'developer':
        system += said.text;
        break;
      case 'user':
        turns.push({ role: 'user', ...said, calls: [] });
        break;
      case 'assistant': {
        const calls = message.tool_calls === undefined ? [] : listOf(message.tool_calls, `${path}.tool_calls`);
        for (const call of calls) stringOf(objectOf(call.function, 'function').arguments, 'arguments');
        turns.push({ role: 'assistant', ...said, calls: calls.map((call) => stringOf(call.id, `${path}.id`)) });
        break;
      }
      case 'tool':
        turns.push({ role: 'tool', ...said, calls: [stringOf(message.tool_call_id, `${path}.tool_call_id`)] });
        break;
      default:
        throw new Invalid(`${path}.role is unknown`);
    }
  }
  const limit = body.max_completion_tokens ?? body.max_tokens;
  return {
    ...heardTurns(turns),
    system,
    tools: (body.tools === undefined ? [] : listOf(body.tools, 'tools')).map((tool) => {
      const { name, parameters } = objectOf(tool.function, 'tools.function');
      return { name: stringOf(name, 'tools.name'), parameters };
    }),
    choice: choiceOf(body.tool_choice, (choice) => objectOf(choice.function, 'tool_choice.function').name),
    schema: schemaOf(body.response_format, true),
    maxTokens: typeof limit === 'number' ? limit : null,
  };
}

/** A call and its text are items of one turn. */
function withCall(turns: Turn[], id: string): void {
  const last = turns.at(-1);
  if (last?.role === 'assistant') turns[turns.length - 1] = { ...last, calls: [...last.calls, id] };
  else turns.push({ role: 'assistant', text: '', images: 0, calls: [id] });
}

export function hearResponses(body: Body): Heard {
  only(body, RESPONSES, 'body');
  const turns: Turn[] = [];
  let system = typeof body.instructions === 'string' ? body.instructions : '';
  const items = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : listOf(body.input, 'input');
  for (const [i, item] of items.entries() as IterableIterator<[number, Body]>) {
    const path = `input.${i}`;
    if (item.type === 'function_call') {
      stringOf(item.arguments, `${path}.arguments`);
      withCall(turns, stringOf(item.call_id, `${path}.call_id`));
    } else if (item.type === 'function_call_output') {
      const said = contentOf(item.output, `${path}.output`, 'input_text', 'input_image');
      turns.push({ role: 'tool', ...said, calls: [stringOf(item.call_id, `${path}.call_id`)] });
    } else if (item.type !== 'reasoning') {
      const said = contentOf(item.content, `${path}.content`, 'input_text', 'input_image');
      if (item.role === 'system' || item.role === 'developer') system += said.text;
      else if (item.role === 'user' || item.role === 'assistant') turns.push({ role: item.role, ...said, calls: [] });
      else throw new Invalid(`${path}: neither a message nor a known item`);
    }
  }
  // The API has no place for the beginning of an answer.
  if (turns.at(-1)?.role === 'assistant') throw new Invalid('the conversation ends with the assistant');
  return {
    ...heardTurns(turns),
    system,
    tools: (body.tools === undefined ? [] : listOf(body.tools, 'tools')).map((tool) => {
      if (tool.type !== 'function') throw new Invalid(`tools: unknown type ${String(tool.type)}`);
      return { name: stringOf(tool.name, 'tools.name'), parameters: objectOf(tool.parameters, 'tools.parameters') };
    }),
    choice: choiceOf(body.tool_choice, (choice) => choice.name),
    schema: schemaOf(isBody(body.text) ? body.text.format : null, false),
    maxTokens: typeof body.max_output_tokens === 'number' ? body.max_output_tokens : null,
  };
}
