/**
 * Amazon Bedrock's Converse: one shape for the models of many makers. The base URL is
 * `https://bedrock-runtime.{region}.amazonaws.com`, credentials are a signer's (SigV4) or a Bedrock API key as bearer.
 */
import type { Dialect } from '../../contract/dialect.ts';
import { createBedrockDecoder } from './decoder.ts';
import { decodeBedrockEmbed, encodeBedrockEmbed, mostInputs } from './embed.ts';
import { encodeBedrock } from './encode.ts';
import { bedrockFailure } from './failure.ts';
import { traitsOf } from './models.ts';
import { bedrockWhole } from './whole.ts';

export const bedrock: Dialect = {
  name: 'bedrock',
  framing: 'aws-eventstream',
  vendor: {
    encode: encodeBedrock,
    decoder: () => createBedrockDecoder(),
    whole: bedrockWhole,
    failure: bedrockFailure,
    // The list of models is another service on another host, whose entries an account need not be let to call.
    modelsPath: '',
    models: () => [],
    goesOn: (target) => traitsOf(target.model).goesOn,
    embed: { encode: encodeBedrockEmbed, most: mostInputs, decode: decodeBedrockEmbed },
  },
};
