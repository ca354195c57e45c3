/** Streams and answers as OpenAI's reference shows them (developers.openai.com, Responses: create, streaming events). */

export const event = (value: { type: string; [field: string]: unknown }): string =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

/** "Create a model response", streaming, byte for byte; where it says "..." stand the deltas that it leaves out. */
export const HELLO = `event: response.created
data: {"type":"response.created","response":{"id":"resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654","object":"response","created_at":1741290958,"status":"in_progress","error":null,"incomplete_details":null,"instructions":"You are a helpful assistant.","max_output_tokens":null,"model":"gpt-4.1-2025-04-14","output":[],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"store":true,"temperature":1.0,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","usage":null,"user":null,"metadata":{}}}

event: response.in_progress
data: {"type":"response.in_progress","response":{"id":"resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654","object":"response","created_at":1741290958,"status":"in_progress","error":null,"incomplete_details":null,"instructions":"You are a helpful assistant.","max_output_tokens":null,"model":"gpt-4.1-2025-04-14","output":[],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"store":true,"temperature":1.0,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","usage":null,"user":null,"metadata":{}}}

event: response.output_item.added
data: {"type":"response.output_item.added","output_index":0,"item":{"id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","type":"message","status":"in_progress","role":"assistant","content":[]}}

event: response.content_part.added
data: {"type":"response.content_part.added","item_id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","output_index":0,"content_index":0,"delta":"Hi"}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","output_index":0,"content_index":0,"delta":" there! How can"}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","output_index":0,"content_index":0,"delta":" I assist you today?"}

event: response.output_text.done
data: {"type":"response.output_text.done","item_id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","output_index":0,"content_index":0,"text":"Hi there! How can I assist you today?"}

event: response.content_part.done
data: {"type":"response.content_part.done","item_id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","output_index":0,"content_index":0,"part":{"type":"output_text","text":"Hi there! How can I assist you today?","annotations":[]}}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":0,"item":{"id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi there! How can I assist you today?","annotations":[]}]}}

event: response.completed
data: {"type":"response.completed","response":{"id":"resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654","object":"response","created_at":1741290958,"status":"completed","error":null,"incomplete_details":null,"instructions":"You are a helpful assistant.","max_output_tokens":null,"model":"gpt-4.1-2025-04-14","output":[{"id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi there! How can I assist you today?","annotations":[]}]}],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"store":true,"temperature":1.0,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","usage":{"input_tokens":37,"output_tokens":11,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":48},"user":null,"metadata":{}}}

`;

/** "Create a model response", functions, byte for byte. */
export const WHOLE_CALL = `{
  "id": "resp_67ca09c5efe0819096d0511c92b8c890096610f474011cc0",
  "object": "response",
  "created_at": 1741294021,
  "status": "completed",
  "error": null,
  "incomplete_details": null,
  "instructions": null,
  "max_output_tokens": null,
  "model": "gpt-4.1-2025-04-14",
  "output": [
    {
      "type": "function_call",
      "id": "fc_67ca09c6bedc8190a7abfec07b1a1332096610f474011cc0",
      "call_id": "call_unLAR8MvFNptuiZK6K6HCy5k",
      "name": "get_current_weather",
      "arguments": "{\\"location\\":\\"Boston, MA\\",\\"unit\\":\\"celsius\\"}",
      "status": "completed"
    }
  ],
  "parallel_tool_calls": true,
  "previous_response_id": null,
  "reasoning": {
    "effort": null,
    "summary": null
  },
  "store": true,
  "temperature": 1.0,
  "text": {
    "format": {
      "type": "text"
    }
  },
  "tool_choice": "auto",
  "tools": [],
  "top_p": 1.0,
  "truncation": "disabled",
  "usage": {
    "input_tokens": 291,
    "output_tokens": 23,
    "output_tokens_details": {
      "reasoning_tokens": 0
    },
    "total_tokens": 314
  },
  "user": null,
  "metadata": {}
}`;

let number = 0;
const numbered = (type: string, fields: object): string => event({ type, sequence_number: number++, ...fields });
const padding = (length: number): string => 'aB3dE5fG7hJ9kL1m'.slice(0, length);

const USAGE = {
  input_tokens: 75,
  input_tokens_details: { cached_tokens: 64 },
  output_tokens: 121,
  output_tokens_details: { reasoning_tokens: 96 },
  total_tokens: 196,
};

export const response = (fields: object): object => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1765552659,
  status: 'completed',
  error: null,
  incomplete_details: null,
  model: 'gpt-5.4',
  output: [],
  ...fields,
});

export const REASONING_ITEM = {
  id: 'rs_1',
  type: 'reasoning',
  encrypted_content: 'gAAAAABenc',
  summary: [
    { type: 'summary_text', text: '**Adding**\n\nI add.' },
    { type: 'summary_text', text: '**Checking**' },
  ],
};

const delta = (item: string, index: number, text: string, fields: object) => ({
  item_id: item,
  output_index: index,
  ...fields,
  delta: text,
  obfuscation: padding(16 - text.length),
});

/** The events of a reasoning model that calls two functions, in the order and with the fields of the reference. */
export const REASONING = [
  numbered('response.created', { response: response({ status: 'in_progress', usage: null }) }),
  numbered('response.in_progress', { response: response({ status: 'in_progress', usage: null }) }),
  numbered('response.output_item.added', {
    output_index: 0,
    item: { id: 'rs_1', type: 'reasoning', encrypted_content: 'gAAAAABpart', summary: [] },
  }),
  numbered('response.reasoning_summary_part.added', {
    item_id: 'rs_1',
    output_index: 0,
    summary_index: 0,
    part: { type: 'summary_text', text: '' },
  }),
  numbered('response.reasoning_summary_text.delta', delta('rs_1', 0, '**Adding**\n\n', { summary_index: 0 })),
  numbered('response.reasoning_summary_text.delta', delta('rs_1', 0, 'I add.', { summary_index: 0 })),
  numbered('response.reasoning_summary_text.done', {
    item_id: 'rs_1',
    output_index: 0,
    summary_index: 0,
    text: '**Adding**\n\nI add.',
  }),
  numbered('response.reasoning_summary_text.delta', delta('rs_1', 0, '**Checking**', { summary_index: 1 })),
  numbered('response.output_item.done', { output_index: 0, item: REASONING_ITEM }),
  numbered('response.output_item.added', {
    output_index: 1,
    item: { id: 'fc_1', type: 'function_call', status: 'in_progress', arguments: '', call_id: 'call_a', name: 'add' },
  }),
  numbered('response.function_call_arguments.delta', delta('fc_1', 1, '{"a":12,', {})),
  numbered('response.function_call_arguments.delta', delta('fc_1', 1, '"b":7}', {})),
  numbered('response.function_call_arguments.done', { item_id: 'fc_1', output_index: 1, arguments: '{"a":12,"b":7}' }),
  numbered('response.output_item.done', {
    output_index: 1,
    item: {
      id: 'fc_1',
      type: 'function_call',
      status: 'completed',
      arguments: '{"a":12,"b":7}',
      call_id: 'call_a',
      name: 'add',
    },
  }),
  numbered('response.output_item.added', {
    output_index: 2,
    item: { id: 'fc_2', type: 'function_call', status: 'in_progress', arguments: '', call_id: 'call_b', name: 'now' },
  }),
  numbered('response.output_item.done', {
    output_index: 2,
    item: { id: 'fc_2', type: 'function_call', status: 'completed', arguments: '{}', call_id: 'call_b', name: 'now' },
  }),
  numbered('response.completed', { response: response({ output: [REASONING_ITEM], usage: USAGE }) }),
].join('');

export const completed = (fields: object = {}): string =>
  event({ type: 'response.completed', response: response({ usage: USAGE, ...fields }) });

export const text = (piece: string, more: object = {}): string =>
  event({
    type: 'response.output_text.delta',
    sequence_number: number++,
    item_id: 'msg_1',
    output_index: 0,
    content_index: 0,
    delta: piece,
    logprobs: [],
    ...more,
  });

/** As OpenAI sends a failure: first the error, then the response that failed. */
export const FAILED = [
  event({ type: 'response.created', sequence_number: 0, response: response({ status: 'in_progress' }) }),
  event({
    type: 'error',
    sequence_number: 2,
    error: {
      type: 'insufficient_quota',
      code: 'insufficient_quota',
      message: 'You exceeded your current quota, please check your plan and billing details.',
      param: null,
    },
  }),
  event({
    type: 'response.failed',
    sequence_number: 3,
    response: response({ status: 'failed', error: { code: 'insufficient_quota', message: 'You exceeded …' } }),
  }),
].join('');
