/** The door of the Anthropic messages dialect: `POST /v1/messages`. */
import type { Dialect } from '../../contract/dialect.ts';
import { decodeAnthropic } from './door-decode.ts';
import { createAnthropicEncoder } from './door-encoder.ts';
import { anthropicError } from './door-error.ts';

export const anthropicDoor: NonNullable<Dialect['door']> = {
  decode: decodeAnthropic,
  encoder: createAnthropicEncoder,
  error: anthropicError,
};
