/** `reasoning_effort` in the words and switches of the vendor. */
import type { AnswerCall } from '../../contract/call.ts';
import type { Notice } from '../../contract/dialect.ts';
import { EFFORTS, type Quirks } from '../../contract/quirks.ts';
import { isObject, type Json } from '../json.ts';
import { note } from '../notices.ts';

/** A caller who uses the vendor's own switch has said it already: that stays as it is. */
export function setEffort(body: Json, call: AnswerCall, quirks: Quirks, notices: Notice[]): void {
  const { effort } = quirks;
  if (effort === undefined) return;
  const asked = typeof body.reasoning_effort === 'string' ? body.reasoning_effort : call.reasoningEffort;
  if (asked === undefined) return;
  delete body.reasoning_effort;
  // OpenRouter's place for it, which the call has been read from.
  if (isObject(body.reasoning)) delete body.reasoning;
  const switched = turn(body, asked, effort.switch);
  if (asked === 'none' && switched) return;
  const word = effort.words === undefined ? asked : nearest(asked, effort.words);
  if (word !== null) {
    body.reasoning_effort = word;
    if (word !== asked) note(notices, 'changed', `reasoning_effort: sent as "${word}", the nearest that is taken here`);
  } else if (switched) {
    note(notices, 'changed', 'reasoning_effort: this model only has reasoning on or off');
  } else if (asked !== 'none') {
    note(notices, 'dropped', 'reasoning_effort: this model has no such setting');
  }
}

/** True when the vendor's switch says what was asked. */
function turn(body: Json, asked: string, own: NonNullable<Quirks['effort']>['switch']): boolean {
  if (own === undefined) return false;
  if (own.field in body) return true;
  const value = asked === 'none' ? own.off : own.on;
  if (value === undefined) return false;
  body[own.field] = value;
  return true;
}

/** Groq's word for "as the model likes". */
const place = (word: string): number => (EFFORTS as readonly string[]).indexOf(word === 'default' ? 'medium' : word);

/** The word that is nearest in effort, the greater one of two, as DeepSeek does it; asking for reasoning never gives none. */
function nearest(asked: string, words: readonly string[]): string | null {
  if (words.includes(asked)) return asked;
  const at = place(asked);
  if (at === -1) return null;
  let best: string | null = null;
  for (const word of words) {
    if (word === 'none' && at > place('minimal')) continue;
    if (best === null || Math.abs(place(word) - at) <= Math.abs(place(best) - at)) best = word;
  }
  return best;
}
