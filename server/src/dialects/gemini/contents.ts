/** Messages of a call as Google's `contents`. */
import type { Message } from '../../contract/call.ts';
import { unsupported } from '../asked.ts';
import type { Json } from '../json.ts';
import { note } from '../notices.ts';
import { modelParts, resultPart, type Surroundings, userParts } from './parts.ts';
import { SKIP_VALIDATION } from './signatures.ts';

/** Neighbours of one kind are one turn. Results stand apart: they must follow the turn with their calls at once. */
interface Turn {
  kind: 'user' | 'model' | 'results';
  parts: Json[];
}

export interface Conversation {
  system: Json[];
  contents: Json[];
}

/** `prefix`: the beginning of the answer, which the model goes on from. */
export function encodeConversation(messages: readonly Message[], prefix: string, around: Surroundings): Conversation {
  const system: Json[] = [];
  const turns: Turn[] = [];
  const names = new Map<string, string>();
  for (const message of messages) {
    switch (message.role) {
      case 'system':
        for (const part of message.content) if (part.text !== '') system.push({ text: part.text });
        if (turns.length > 0) {
          note(around.notices, 'changed', 'system messages inside the conversation moved to its front');
        }
        break;
      case 'user':
        addTurn(turns, 'user', userParts(message.content, around));
        break;
      case 'assistant':
        for (const part of message.content) if (part.type === 'tool_call') names.set(part.id, part.name);
        addTurn(turns, 'model', modelParts(message.content, around));
        break;
      case 'tool':
        addResult(turns, message, names.get(message.toolCallId), around);
        break;
    }
  }
  if (turns.length === 0) throw unsupported('this provider needs at least one user message with content');
  if (prefix !== '') addTurn(turns, 'model', [{ text: prefix }]);
  checkEnds(turns, around);
  if (around.traits.third) signCalls(turns, around);
  if (!around.traits.system) foldSystem(turns, system.splice(0), around);
  return { system, contents: turns.map(({ kind, parts }) => ({ role: kind === 'model' ? 'model' : 'user', parts })) };
}

function addTurn(turns: Turn[], kind: Turn['kind'], parts: Json[]): void {
  if (parts.length === 0) return;
  const last = turns.at(-1);
  if (last?.kind === kind) last.parts.push(...parts);
  else turns.push({ kind, parts });
}

/** A result names its function, not only its call. It moves in front of what the user said in between. */
function addResult(
  turns: Turn[],
  message: Extract<Message, { role: 'tool' }>,
  name: string | undefined,
  around: Surroundings,
): void {
  if (name === undefined) throw unsupported('a tool result answers no tool call of the conversation');
  const { part, after } = resultPart(message, name, around);
  const at = turns.at(-1)?.kind === 'user' ? turns.length - 1 : turns.length;
  const before = turns[at - 1];
  if (before?.kind === 'results') before.parts.push(part);
  else turns.splice(at, 0, { kind: 'results', parts: [part] });
  if (after.length === 0) return;
  note(around.notices, 'changed', 'images in tool results follow as a user message');
  addTurn(turns, 'user', after);
}

function checkEnds(turns: Turn[], { traits, notices }: Surroundings): void {
  if (turns.at(-1)?.kind === 'model' && traits.prefill === 'refused') {
    throw unsupported('this model cannot go on from an assistant message');
  }
  const first = turns[0];
  if (first?.kind !== 'model' || !first.parts.some(isCall)) return;
  // The API takes a function call only after a turn of the user.
  turns.unshift({ kind: 'user', parts: [{ text: 'Continue.' }] });
  note(notices, 'changed', 'the conversation begins with a tool call: a user message "Continue." stands before it');
}

/** The first call of each turn needs a signature; those of other vendors, or lost on the way, have none. */
function signCalls(turns: readonly Turn[], { notices }: Surroundings): void {
  for (const turn of turns) {
    const first = turn.kind === 'model' ? turn.parts.find(isCall) : undefined;
    if (first === undefined || 'thoughtSignature' in first) continue;
    first.thoughtSignature = SKIP_VALIDATION;
    note(notices, 'changed', 'tool calls without a thought signature of this provider are marked as foreign');
  }
}

function isCall(part: Json): boolean {
  return 'functionCall' in part;
}

/** Gemma has no system instruction. */
function foldSystem(turns: Turn[], system: Json[], { notices }: Surroundings): void {
  if (system.length === 0) return;
  const first = turns[0];
  if (first?.kind === 'user') first.parts.unshift(...system);
  else turns.unshift({ kind: 'user', parts: system });
  note(notices, 'changed', 'system messages are sent as the first words of the user');
}
