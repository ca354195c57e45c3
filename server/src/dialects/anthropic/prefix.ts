/** The beginning of an answer that another target has given: a last assistant turn, from which older Claudes go on. */
import { GoblinError } from '../../contract/errors.ts';
import { isObject, type Json } from '../json.ts';
import type { Traits } from './models.ts';

/**
 * The blocks of the turn with the text at their end. The API takes no white space there: what is taken off, the model
 * says itself. Throws when the model is not known to go on.
 */
export function textBefore(blocks: readonly unknown[], prefix: string, traits: Traits): unknown[] {
  if (!traits.goesOn) throw unsupported('this model does not go on from the beginning of an answer');
  const last = blocks.at(-1);
  const goesOn = isObject(last) && last.type === 'text';
  const text = ((goesOn ? String(last.text) : '') + prefix).trimEnd();
  const rest = goesOn ? blocks.slice(0, -1) : [...blocks];
  return text === '' ? rest : [...rest, goesOn ? { ...last, text } : { type: 'text', text }];
}

/** A forced tool call and a schema are begun by the API itself, which leaves no place for another beginning. */
export function refuseForced(body: Json): void {
  const choice = isObject(body.tool_choice) ? body.tool_choice.type : null;
  if (choice === 'any' || choice === 'tool') throw unsupported('a forced tool call cannot go on from a given text');
  const format = isObject(body.output_config) ? body.output_config.format : body.output_format;
  if (isObject(format)) throw unsupported('an answer by a schema cannot go on from a given text');
}

const unsupported = (detail: string): GoblinError => new GoblinError('unsupported_by_target', detail);
