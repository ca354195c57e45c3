/** Clouds whose address has an account, a region, a resource or a project in it. */
import type { Vendor, VendorParameter } from '../contract/provider.ts';
import { OPENAI } from './quirks.ts';
import { compatible } from './row.ts';

/** learn.microsoft.com: 2 to 64 letters, digits and hyphens, no hyphen at either end. */
const RESOURCE: VendorParameter = {
  name: 'resource',
  variables: ['AZURE_OPENAI_RESOURCE', 'AZURE_OPENAI_RESOURCE_NAME', 'AZURE_RESOURCE_NAME'],
  pattern: /^[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])$/,
  what: 'the name of an Azure resource (letters, digits, hyphens)',
  example: 'my-resource',
};

const AZURE_CLASSIC = '/deployments/{model}';

/** docs.aws.amazon.com, regions: `eu-central-1`, `us-gov-west-1`. */
const AWS_REGION: VendorParameter = {
  name: 'region',
  variables: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
  pattern: /^[a-z]{2,4}(-[a-z]{2,10}){1,3}-\d{1,2}$/,
  what: 'an AWS region',
  example: 'eu-central-1',
};

const VERTEX_PATH = '/v1/projects/{project}/locations/{region}/publishers/google';

export const CLOUDS: readonly Vendor[] = [
  compatible(
    'bedrock',
    'Amazon Bedrock',
    'https://bedrock-runtime.{region}.amazonaws.com',
    ['AWS_BEARER_TOKEN_BEDROCK'],
    {
      dialect: 'bedrock',
      withoutKey: 'sigv4',
      variablePrefix: 'BEDROCK',
      // Credentials of the whole AWS account.
      needsEntry: true,
      parameters: [AWS_REGION],
      forms: [
        ...['cn-north-1', 'cn-northwest-1'].map((is) => ({
          when: 'region' as const,
          is,
          baseUrl: 'https://bedrock-runtime.{region}.amazonaws.com.cn',
        })),
        { when: 'region', is: 'eusc-de-east-1', baseUrl: 'https://bedrock-runtime.{region}.amazonaws.eu' },
      ],
      quirks: { paths: { models: null } },
      priceId: 'aws',
      modelsId: 'amazon-bedrock',
      gaps: 'the region of a profile is not read; models that an account has not been let to use are listed all the same',
    },
  ),
  {
    name: 'vertex',
    title: 'Google Vertex AI',
    dialect: 'gemini',
    baseUrl: `https://{region}-aiplatform.googleapis.com${VERTEX_PATH}`,
    auth: 'google',
    keyVariables: [],
    variablePrefix: 'VERTEX',
    needsEntry: true,
    parameters: [
      {
        name: 'region',
        variables: ['GOOGLE_CLOUD_LOCATION', 'GOOGLE_VERTEX_LOCATION'],
        pattern: /^(global|[a-z]{2,20}-[a-z]{2,20}\d{1,2})$/,
        what: 'a region of Google Cloud',
        example: 'europe-west4',
      },
      {
        name: 'project',
        variables: ['GOOGLE_CLOUD_PROJECT', 'GOOGLE_VERTEX_PROJECT'],
        // cloud.google.com/resource-manager: the id; older ones have a domain in front.
        pattern: /^([a-z0-9.-]{1,60}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/,
        what: 'the id of a Google Cloud project',
        example: 'my-project-123',
      },
    ],
    forms: [{ when: 'region', is: 'global', baseUrl: `https://aiplatform.googleapis.com${VERTEX_PATH}` }],
    quirks: { vertex: true, paths: { models: null } },
    priceId: 'google',
    modelsId: 'google',
    gaps: 'models of Google only, not those of partners',
  },
  compatible(
    'azure',
    'Azure OpenAI',
    'https://{resource}.openai.azure.com/openai/v1',
    ['AZURE_OPENAI_API_KEY', 'AZURE_API_KEY'],
    {
      auth: 'api-key',
      withoutKey: 'entra',
      variablePrefix: 'AZURE_OPENAI',
      parameters: [
        RESOURCE,
        {
          name: 'api_version',
          variables: ['AZURE_OPENAI_API_VERSION', 'AZURE_API_VERSION', 'OPENAI_API_VERSION'],
          pattern: /^(v1|20\d\d-[01]\d-[0-3]\d(-preview)?)$/,
          what: 'a version of the Azure OpenAI API',
          example: '2024-10-21',
          optional: true,
        },
      ],
      // The v1 API names no version; a dated one means the older API, with the deployment in the path.
      forms: [
        { when: 'api_version', is: 'v1', baseUrl: 'https://{resource}.openai.azure.com/openai/v1' },
        {
          when: 'api_version',
          baseUrl: 'https://{resource}.openai.azure.com/openai',
          quirks: {
            paths: {
              chat: `${AZURE_CLASSIC}/chat/completions?api-version={api_version}`,
              embeddings: `${AZURE_CLASSIC}/embeddings?api-version={api_version}`,
              models: null,
            },
          },
        },
      ],
      // What it lists are models that could be deployed, not the deployments.
      quirks: { ...OPENAI, paths: { models: null } },
      speaks: { responses: { paths: { models: null } } },
      deployments: true,
      priceId: 'openai',
      modelsId: 'openai',
      gaps: 'price and abilities are known of deployments that have the name of their model',
    },
  ),
  compatible(
    'azure-ai',
    'Azure AI Foundry',
    'https://{resource}.services.ai.azure.com/openai/v1',
    ['AZURE_AI_API_KEY'],
    {
      auth: 'api-key',
      withoutKey: 'entra',
      parameters: [{ ...RESOURCE, variables: ['AZURE_AI_RESOURCE', 'AZURE_AI_RESOURCE_NAME'] }],
      quirks: { developerRole: true, paths: { models: null } },
      deployments: true,
      priceId: 'azure',
      modelsId: 'azure',
      gaps: 'price and abilities are known of deployments that have the name of their model',
    },
  ),
  compatible(
    'cloudflare',
    'Cloudflare Workers AI',
    'https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1',
    ['CLOUDFLARE_API_KEY', 'CLOUDFLARE_API_TOKEN'],
    {
      // The key of a whole Cloudflare account, set for its other tools too.
      needsEntry: true,
      parameters: [
        {
          name: 'account',
          variables: ['CLOUDFLARE_ACCOUNT_ID'],
          pattern: /^[0-9a-f]{32}$/,
          what: 'the id of a Cloudflare account (32 hexadecimal digits)',
          example: '023e105f4ecef8ad9ca31a8372d0c353',
        },
      ],
      quirks: { paths: { models: null } },
      gaps: 'it has no list of models in this dialect',
    },
  ),
  compatible(
    'snowflake',
    'Snowflake Cortex',
    'https://{account}.snowflakecomputing.com/api/v2/cortex/v1',
    ['SNOWFLAKE_PAT', 'SNOWFLAKE_TOKEN'],
    {
      // It opens the whole warehouse.
      needsEntry: true,
      parameters: [
        {
          name: 'account',
          variables: ['SNOWFLAKE_ACCOUNT', 'SNOWFLAKE_ACCOUNT_ID'],
          // `orgname-account_name`, or the older locator with its region and cloud.
          pattern: /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}(\.[a-z0-9-]{1,63}){0,3}$/,
          what: 'the identifier of a Snowflake account',
          example: 'myorg-myaccount',
        },
      ],
      quirks: { maxTokensField: 'max_completion_tokens', paths: { models: null } },
      gaps: 'only programmatic access tokens, no key pairs',
    },
  ),
];
