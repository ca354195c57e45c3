/** Unknown input is checked once, here: bytes to a JSON object, and an object against a schema. */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { TSchema } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { ValueErrorType } from '@sinclair/typebox/errors';
import { canonical } from '../contract/canonical.ts';
import { type FieldError, GoblinError } from '../contract/errors.ts';

/** Levels of `{` and `[`; deeper than any honest call. */
const MOST_LEVELS = 64;
const MOST_ERRORS = 20;

/**
 * Throws a 400 that says what is wrong; the result is an object without dangerous keys. `example`: a body that would be
 * taken, to be told to whoever sends none.
 */
export function parseObject(bytes: unknown, example?: string): Record<string, unknown> {
  const such = example === undefined ? '' : `, e.g. ${example}`;
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) {
    throw new GoblinError('malformed_json', `The body is empty; send a JSON object${such}.`);
  }
  const text = bytes.toString('utf8');
  // A replacement character is the caller's own, or stands for bytes that were none: only then is it worth a look.
  if (text.includes('\ufffd') && !isUtf8(bytes)) {
    throw new GoblinError('malformed_json', 'The body is not UTF-8; send JSON encoded as UTF-8.');
  }
  if (tooDeep(bytes)) {
    throw new GoblinError('invalid_request', `The body is nested deeper than ${MOST_LEVELS} levels; flatten it.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new GoblinError('malformed_json', `The body is not valid JSON: ${plain((error as Error).message)}.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GoblinError('invalid_request', `The body must be a JSON object${such}.`);
  }
  // Searched as text first: the walk is only for bodies that could have such a key.
  if (text.includes('__proto__') || text.includes('\\u005')) refuseProto(value, '');
  return value as Record<string, unknown>;
}

/** The parser quotes the input; an error says where, not what. */
function plain(message: string): string {
  return message
    .replace(/,? ?"[\s\S]*" is not valid JSON$/, '')
    .replace(/[\n\r]+/g, ' ')
    .slice(0, 120);
}

function tooDeep(bytes: Buffer): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > MOST_LEVELS) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return false;
}

function refuseProto(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const here = path === '' ? key : `${path}.${key}`;
    if (key === '__proto__') {
      throw new GoblinError('invalid_request', 'The body has a field named __proto__; take it out.', {
        errors: [{ path: here, message: 'is not accepted' }],
      });
    }
    refuseProto(inner, here);
  }
}

/** Checks and types a value. Each property's schema says in `accepts` what it takes; unknown fields are named. */
export function checker<T extends TSchema>(schema: T): (value: unknown) => FieldError[] {
  const compiled = TypeCompiler.Compile(schema);
  return (value) => {
    if (compiled.Check(value)) return [];
    const errors = new Map<string, FieldError>();
    for (const error of compiled.Errors(value)) {
      const path = error.path.slice(1).replaceAll('/', '.');
      if (errors.has(path)) continue;
      errors.set(path, { path, message: say(error.type, error.schema, error.message) });
      if (errors.size >= MOST_ERRORS) break;
    }
    return [...errors.values()];
  };
}

function say(type: ValueErrorType, schema: TSchema, message: string): string {
  if (type === ValueErrorType.ObjectAdditionalProperties) return 'is not a field that is accepted here';
  const accepts = typeof schema.accepts === 'string' ? schema.accepts : null;
  if (type === ValueErrorType.ObjectRequiredProperty) return accepts ? `is required: ${accepts}` : 'is required';
  return accepts ? `must be ${accepts}` : message.charAt(0).toLowerCase() + message.slice(1);
}

export function refuse(errors: readonly FieldError[]): never {
  const first = errors[0];
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more, see errors)` : '';
  throw new GoblinError(
    'invalid_request',
    first ? `${first.path || 'the body'} ${first.message}${more}.` : 'Not accepted.',
    {
      errors,
    },
  );
}

/** The same hash for the same content, whatever the order of its fields. */
export function canonicalHash(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex');
}

/** Throws when the header is there and is not a usable key. */
export function idempotencyKey(header: unknown): string | null {
  if (header === undefined) return null;
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return header;
  throw new GoblinError('invalid_request', 'Idempotency-Key must be 1 to 255 visible ASCII characters, e.g. a UUID.', {
    errors: [{ path: 'Idempotency-Key', message: 'must be 1 to 255 visible ASCII characters' }],
  });
}
