/** `num_ctx` from the size of a call, where the catalogue asks for it (`Quirks.contextUpTo`). */
import type { AnswerCall } from '../../contract/call.ts';
import type { EncodeTarget } from '../../contract/dialect.ts';

/** The server's own default on most machines. Tokens. */
const SMALLEST = 4096;
/** What an answer gets that names no bound. Tokens. */
const ANSWER = 2048;
/** No tokenizer makes fewer bytes into one token on average, and a message or a tool costs some marks. */
const BYTES_PER_TOKEN = 3;
const MARKS = 16;
/** Vision models make some hundred tokens of an image. */
const IMAGE = 1024;

/**
 * The next power of two from 4,096 on that holds prompt and answer, at most `contextUpTo`: every new value loads the model
 * anew, so there must be few of them. What does not fit the server refuses (`truncate: false`).
 */
export function contextFor(call: AnswerCall, target: EncodeTarget): number | undefined {
  const most = target.quirks.contextUpTo;
  if (most === undefined) return undefined;
  const needed = promptTokens(call) + tokensOf(target.prefix ?? '') + (call.maxTokens ?? target.maxOutput ?? ANSWER);
  let context = SMALLEST;
  while (context < needed && context < most) context *= 2;
  return Math.min(context, most);
}

function promptTokens(call: AnswerCall): number {
  let sum = 0;
  for (const message of call.messages) {
    sum += MARKS;
    for (const part of message.content) {
      if (part.type === 'text' || part.type === 'reasoning') sum += tokensOf(part.text);
      else if (part.type === 'tool_call') sum += MARKS + tokensOf(part.name) + tokensOf(part.arguments);
      else if (part.type === 'image') sum += IMAGE;
    }
  }
  for (const tool of call.tools ?? []) sum += MARKS + tokensOf(JSON.stringify(tool));
  return sum;
}

function tokensOf(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}
