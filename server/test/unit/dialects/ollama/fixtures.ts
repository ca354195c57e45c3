/**
 * Answers of Ollama's `/api/chat`: those of its `docs/api.md` and `docs/api/errors.mdx`, put in one line each as the
 * server sends them (the documents wrap them), and one stream recorded from version 0.33.
 */
import type { Part } from '../../../../src/contract/part.ts';
import { createFrameParser } from '../../../../src/dialects/frames.ts';
import { createOllamaDecoder } from '../../../../src/dialects/ollama/decoder.ts';

export function read(stream: string | readonly Buffer[]): Part[] {
  const decoder = createOllamaDecoder();
  const parts: Part[] = [];
  const parser = createFrameParser('ndjson', (event) => parts.push(...decoder.push(event)));
  for (const chunk of typeof stream === 'string' ? [Buffer.from(stream)] : stream) parser.push(chunk);
  parser.end();
  parts.push(...decoder.end());
  return parts;
}

export const lines = (...list: readonly (string | object)[]) =>
  list.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');

export const says = (message: object, more: object = {}) =>
  JSON.stringify({
    model: 'llama3.2',
    created_at: '2023-08-04T08:52:19.385406455-07:00',
    message: { role: 'assistant', content: '', ...message },
    done: false,
    ...more,
  });

export const done = (more: object = {}) =>
  says({}, { done: true, done_reason: 'stop', prompt_eval_count: 26, eval_count: 282, ...more });

export const DOCS_CHAT = lines(
  '{"model":"llama3.2","created_at":"2023-08-04T08:52:19.385406455-07:00","message":{"role":"assistant","content":"The","images":null},"done":false}',
  '{"model":"llama3.2","created_at":"2023-08-04T19:22:45.499127Z","done":true,"total_duration":4883583458,"load_duration":1334875,"prompt_eval_count":26,"prompt_eval_duration":342546000,"eval_count":282,"eval_duration":4535599000}',
);

export const RECORDED = lines(
  '{"model":"llama3.2:1b","created_at":"2026-09-17T15:42:59.5670387Z","message":{"role":"assistant","content":"Hello"},"done":false}',
  '{"model":"llama3.2:1b","created_at":"2026-09-17T15:42:59.7001801Z","message":{"role":"assistant","content":"."},"done":false}',
  '{"model":"llama3.2:1b","created_at":"2026-09-17T15:42:59.7420965Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":30258609300,"load_duration":19906358300,"prompt_eval_count":29,"prompt_eval_cached_count":0,"prompt_eval_duration":10175903000,"eval_count":3,"eval_duration":173639000}',
);

export const DOCS_TOOLS = lines(
  '{"model":"llama3.2","created_at":"2025-07-07T20:22:19.184789Z","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"get_weather","arguments":{"city":"Tokyo"}}}]},"done":false}',
  '{"model":"llama3.2","created_at":"2025-07-07T20:22:19.19314Z","message":{"role":"assistant","content":""},"done_reason":"stop","done":true,"total_duration":182242375,"load_duration":41295167,"prompt_eval_count":169,"prompt_eval_duration":24573166,"eval_count":15,"eval_duration":115959084}',
);

export const THINKING = lines(
  says({ thinking: 'Okay, 17' }),
  says({ thinking: ' × 23 is' }),
  says({ thinking: ' 391.' }),
  says({ content: '17 × 23' }),
  says({ content: ' = 391' }),
  done(),
);

export const DOCS_ERROR = '{"error":"an error was encountered while running the model"}';

/** As in the document, in many lines. */
export const DOCS_WHOLE = `{
  "model": "llama3.2",
  "created_at": "2023-12-12T14:13:43.416799Z",
  "message": {
    "role": "assistant",
    "content": "Hello! How are you today?"
  },
  "done": true,
  "total_duration": 5191566416,
  "load_duration": 2154458,
  "prompt_eval_count": 26,
  "prompt_eval_duration": 383809000,
  "eval_count": 298,
  "eval_duration": 4799921000
}
`;

export const DOCS_LOAD = `{
  "model": "llama3.2",
  "created_at":"2024-09-12T21:17:29.110811Z",
  "message": {
    "role": "assistant",
    "content": ""
  },
  "done_reason": "load",
  "done": true
}
`;

/** The runner's refusal of a prompt that is too long, as it comes with `truncate: false`. */
export const TOO_LONG =
  '{"error":"{\\"error\\":{\\"code\\":400,\\"message\\":\\"request (8889 tokens) exceeds the available context size (4096 tokens), try increasing it\\",\\"type\\":\\"exceed_context_size_error\\",\\"n_prompt_tokens\\":8889,\\"n_ctx\\":4096}}"}';
