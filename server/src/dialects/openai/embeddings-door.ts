/** `POST /v1/embeddings`: the body to a call, and vectors to the body of its answer. */
import type { AnswerCall, EmbedWish, Message } from '../../contract/call.ts';
import type { Dialect, DoorContext, DoorDecoded, Encoder } from '../../contract/dialect.ts';
import { DANGEROUS_KEYS, type Json } from '../json.ts';
import { toBase64 } from '../vectors.ts';
import { decodeNumber, decodeString } from './decode-fields.ts';
import { openaiError } from './encoder.ts';
import { type FieldErrors, kindOf, throwIfWrong, wrong } from './field-errors.ts';

/** "Any array must be 2048 dimensions or less." */
const MOST_INPUTS = 2048;
const LONGEST_USER = 512;
/** No tokenizer has more words. */
const HIGHEST_TOKEN = 0x7fffffff;
const DIMENSIONS = { min: 1, max: 1_000_000, integer: true };

export const embeddingsDoor: NonNullable<Dialect['door']> = {
  decode: decodeEmbeddings,
  encoder: createEmbeddingsEncoder,
  error: openaiError,
};

/** Fields that we do not know stay in `native`, as with answers: `input_type` and the like are for the vendor. */
function decodeEmbeddings(body: Json): DoorDecoded {
  const errors: FieldErrors = [];
  for (const key of DANGEROUS_KEYS) {
    if (Object.hasOwn(body, key)) wrong(errors, key, 'is not a field of this request');
  }
  const embed: EmbedWish = {};
  const call: AnswerCall = { kind: 'embed', messages: [], embed, native: { dialect: 'openai', body } };
  decodeInput(body.input, call, embed, errors);
  const model = decodeString(body.model, 'model', errors, 256);
  if (model !== undefined && !/^[\x21-\x7e]+$/.test(model))
    wrong(errors, 'model', 'must be printable ASCII without blanks');
  else if (model !== undefined) call.model = model;
  const dimensions = decodeNumber(body.dimensions, 'dimensions', errors, DIMENSIONS);
  if (dimensions !== undefined) embed.dimensions = dimensions;
  const format = body.encoding_format ?? 'float';
  if (format === 'base64') embed.base64 = true;
  else if (format !== 'float') wrong(errors, 'encoding_format', 'must be float or base64');
  throwIfWrong(errors);
  const { user } = body;
  const labelled = typeof user === 'string' && user !== '';
  return { call, stream: false, includeUsage: false, ...(labelled ? { user: user.slice(0, LONGEST_USER) } : {}) };
}

/** A text, texts, one list of token numbers, or several of them. */
function decodeInput(input: unknown, call: AnswerCall, embed: EmbedWish, errors: FieldErrors): void {
  if (typeof input === 'string') {
    if (input === '') wrong(errors, 'input', 'must not be empty');
    call.messages = [textOf(input)];
    return;
  }
  if (!Array.isArray(input)) {
    wrong(errors, 'input', `must be a text, a list of texts or lists of token numbers, not ${kindOf(input ?? null)}`);
    return;
  }
  const [first] = input;
  if (input.length === 0) wrong(errors, 'input', 'must not be empty');
  else if (typeof first === 'number') {
    if (checkTokens(input, 'input', errors)) embed.tokens = [input];
  } else if (input.length > MOST_INPUTS) wrong(errors, 'input', `must have at most ${MOST_INPUTS} entries`);
  else if (Array.isArray(first)) {
    const lists = input.filter((list, at) => checkTokens(list, `input.${at}`, errors));
    embed.tokens = lists as number[][];
  } else call.messages = input.map((text, at) => textOf(checkText(text, `input.${at}`, errors)));
}

const textOf = (text: string): Message => ({ role: 'user', content: [{ type: 'text', text }] });

function checkText(value: unknown, path: string, errors: FieldErrors): string {
  if (typeof value === 'string' && value !== '') return value;
  wrong(errors, path, value === '' ? 'must not be empty' : `must be a text as the others, not ${kindOf(value)}`);
  return '';
}

function checkTokens(value: unknown, path: string, errors: FieldErrors): value is number[] {
  const isToken = (token: unknown): boolean =>
    Number.isInteger(token) && Number(token) >= 0 && Number(token) <= HIGHEST_TOKEN;
  if (Array.isArray(value) && value.length > 0 && value.every(isToken)) return true;
  wrong(errors, path, 'must be a list of token numbers that is not empty');
  return false;
}

function createEmbeddingsEncoder(context: DoorContext): Encoder {
  const { base64, model } = context;
  return {
    // Nothing of it is ever streamed.
    part: () => '',
    finish: () => '',
    failure: (error) => openaiError(error.code, 500, error.message, context.requestId),
    whole({ usage, vectors = [] }, truth) {
      const data = vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: base64 ? toBase64(vector) : vector,
      }));
      const counts = { prompt_tokens: usage.inputTokens, total_tokens: usage.inputTokens };
      return JSON.stringify({ object: 'list', data, model, usage: counts, x_mcp: truth });
    },
  };
}
