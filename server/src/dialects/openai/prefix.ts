/** Going on in the middle of an answer: how each vendor wants to be asked for it. */

import type { EncodeTarget, Notice } from '../../contract/dialect.ts';
import { GoblinError } from '../../contract/errors.ts';
import { type PrefixQuirk, quirksFor } from '../../contract/quirks.ts';
import { isObject, type Json } from '../json.ts';
import { note } from '../notices.ts';

export function goesOn(target: EncodeTarget): boolean {
  return Boolean(quirksFor(target.quirks, target.model).prefix);
}

/** Throws `unsupported_by_target` when the vendor cannot, or could not keep what was promised of the whole answer. */
export function addPrefix(body: Json, prefix: string, quirk: PrefixQuirk | null | undefined, notices: Notice[]): void {
  if (!quirk) throw new GoblinError('unsupported_by_target', 'the provider cannot go on in the middle of an answer');
  setFormat(body, notices);
  for (const field of quirk.drops ?? []) {
    if (!(field in body)) continue;
    delete body[field];
    note(notices, 'dropped', `${field}: not while an answer goes on`);
  }
  for (const [field, value] of Object.entries(quirk.body ?? {})) {
    const own = body[field];
    body[field] = isObject(own) && isObject(value) ? { ...own, ...value } : value;
  }
  const messages: unknown[] = Array.isArray(body.messages) ? body.messages : [];
  const last = messages.at(-1);
  const mark = quirk.mark === undefined ? {} : { [quirk.mark]: true };
  // The caller began the answer himself: what was shown goes on from there.
  const begun =
    isObject(last) && last.role === 'assistant' && typeof last.content === 'string' && last.tool_calls === undefined;
  body.messages = begun
    ? [...messages.slice(0, -1), { ...last, content: last.content + prefix, ...mark }]
    : [...messages, { role: 'assistant', content: prefix, ...mark }];
}

/** A grammar would begin anew at the join, and make a second document out of the rest of the first. */
function setFormat(body: Json, notices: Notice[]): void {
  const format = body.response_format;
  if (!isObject(format) || format.type === 'text') return;
  if (format.type !== 'json_object') {
    throw new GoblinError('unsupported_by_target', 'a schema cannot be kept to from the middle of an answer');
  }
  delete body.response_format;
  note(notices, 'dropped', 'response_format: not while an answer goes on; its beginning is JSON already');
}
