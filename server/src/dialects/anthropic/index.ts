/** The Anthropic messages dialect: vendors that speak it, and the door for callers who do. */
import type { Dialect } from '../../contract/dialect.ts';
import { httpFailure } from '../failures.ts';
import { modelIds } from '../model-ids.ts';
import { createAnthropicDecoder } from './decoder.ts';
import { anthropicDoor } from './door.ts';
import { encodeAnthropic } from './encode.ts';
import { traitsOf } from './models.ts';
import { anthropicWhole } from './whole.ts';

export const anthropic: Dialect = {
  name: 'anthropic',
  framing: 'sse',
  vendor: {
    encode: encodeAnthropic,
    decoder: () => createAnthropicDecoder(),
    whole: anthropicWhole,
    failure: httpFailure,
    modelsPath: '/models',
    models: modelIds,
    goesOn: ({ model }) => traitsOf(model).goesOn,
  },
  door: anthropicDoor,
};
