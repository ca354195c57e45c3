/** What stays the same while a conversation grows. Vendors cache prompts by their beginning, each for itself. */
import type { AnswerCall, Message } from '../contract/call.ts';
import { hashOf } from './hash.ts';

/** Characters that are looked at: more would cost time and tell no more conversations apart. */
const MOST = 4096;

/**
 * A number for the system messages and the first message of the user; null for a call without either. `scope` keeps
 * tenants apart. Another question under the same instructions is another conversation.
 */
export function stickOf(call: Pick<AnswerCall, 'messages'>, scope: string): number | null {
  let hash = hashOf(scope);
  let left = MOST;
  let found = false;
  for (const message of call.messages) {
    if (message.role === 'assistant' || message.role === 'tool') break;
    for (const text of textsOf(message)) {
      if (left <= 0) break;
      hash = hashOf(text.slice(0, left), hash);
      left -= text.length;
      found = true;
    }
    if (message.role === 'user') break;
  }
  return found ? hash : null;
}

function textsOf(message: Message): string[] {
  const texts: string[] = [];
  for (const content of message.content) {
    if (content.type === 'text') texts.push(content.text);
    else if (content.type === 'image') texts.push(content.url ?? content.data ?? '');
  }
  return texts;
}
