/** Fields of the body that vendors want otherwise, or not at all. */
import type { Notice } from '../../contract/dialect.ts';
import type { Quirks } from '../../contract/quirks.ts';
import { isObject, type Json } from '../json.ts';
import { note } from '../notices.ts';

const TOKEN_FIELDS = ['max_tokens', 'max_completion_tokens'] as const;

export function setTokenLimit(body: Json, limit: number | undefined, quirks: Quirks): void {
  if (limit === undefined) return;
  for (const field of TOKEN_FIELDS) delete body[field];
  body[quirks.maxTokensField ?? 'max_tokens'] = limit;
}

/** We always ask for usage, whether or not the caller did: an answer without it can only be billed by estimate. */
export function setStreamOptions(body: Json, stream: boolean, quirks: Quirks): void {
  if (!stream || quirks.noStreamOptions) {
    delete body.stream_options;
    return;
  }
  const asked = isObject(body.stream_options) ? body.stream_options : {};
  body.stream_options = { ...asked, include_usage: true };
}

export function renameFields(body: Json, quirks: Quirks): void {
  for (const [name, theirs] of Object.entries(quirks.renames ?? {})) {
    if (!(name in body)) continue;
    // Whoever knows the vendor's own name means that.
    if (!(theirs in body)) body[theirs] = body[name];
    delete body[name];
  }
}

/** `quirks.refuses` names top-level fields, and fields of messages (`reasoning_content`, `name`). */
export function dropRefused(body: Json, quirks: Quirks, notices: Notice[]): void {
  for (const field of quirks.refuses ?? []) {
    if (field === 'model' || field === 'messages' || field === 'stream') continue;
    let lost = isSaid(body, field);
    delete body[field];
    if (Array.isArray(body.messages) && body.messages.some((message) => isObject(message) && field in message)) {
      lost ||= body.messages.some((message) => isObject(message) && isSaid(message, field));
      body.messages = body.messages.map((message) => without(message, field));
    }
    if (lost) note(notices, 'dropped', `${field}: the provider does not take this field`);
  }
}

/** Clients send empty fields back with a message (`refusal: null`, `annotations: []`): nobody misses those. */
function isSaid(value: Json, field: string): boolean {
  const found = value[field];
  return found !== undefined && found !== null && !(Array.isArray(found) && found.length === 0);
}

export function without(value: unknown, field: string): unknown {
  if (!isObject(value) || !(field in value)) return value;
  const { [field]: _, ...rest } = value;
  return rest;
}

/** For vendors that promise JSON but no schema: it is told in words, in front. */
export function schemaInWords(body: Json, notices: Notice[]): void {
  const format = body.response_format;
  if (!isObject(format) || format.type !== 'json_schema' || !isObject(format.json_schema)) return;
  body.response_format = { type: 'json_object' };
  const words = `Answer with one JSON object and nothing else. It must fit this JSON Schema: ${JSON.stringify(format.json_schema.schema)}`;
  const messages: unknown[] = Array.isArray(body.messages) ? body.messages : [];
  const [first, ...rest] = messages;
  // Some models take one system message only.
  body.messages =
    isObject(first) && first.role === 'system' && typeof first.content === 'string'
      ? [{ ...first, content: `${first.content}\n\n${words}` }, ...rest]
      : [{ role: 'system', content: words }, ...messages];
  note(notices, 'changed', 'response_format: the provider keeps to no schema, so the model is told it in words');
}

/** `{model}` in a path of the catalogue. */
export function pathOf(path: string, model: string): string {
  return path.includes('{model}') ? path.replace('{model}', encodeURIComponent(model)) : path;
}
