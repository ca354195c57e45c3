/** What switches a provider on, where it then is, and what stops the start: always one sentence that says what to change. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quirksFor } from '../../../src/contract/quirks.ts';
import { configured, type Env, only, refused } from './registry-kit.ts';

describe('addresses with parameters', () => {
  it('are filled from goblin.yaml, else from the variables; what is set for this server alone wins', () => {
    const env = { AZURE_OPENAI_API_KEY: 'sk-a', AZURE_RESOURCE_NAME: 'from-env' };
    assert.equal(only(env).baseUrl, 'https://from-env.openai.azure.com/openai/v1');
    assert.equal(
      only(env, 'providers: { azure: { resource: from-file } }').baseUrl,
      'https://from-file.openai.azure.com/openai/v1',
    );
    const mine = only({ ...env, MCP_AZURE_OPENAI_RESOURCE: 'mine' }, 'providers: { azure: { resource: from-file } }');
    assert.deepEqual(
      [mine.baseUrl, mine.parameters],
      ['https://mine.openai.azure.com/openai/v1', { resource: 'mine' }],
    );
    assert.deepEqual([mine.auth, mine.key], ['api-key', 'sk-a']);
  });

  it('of Azure name the deployment in the path when a dated version is asked for', () => {
    const env = { AZURE_API_KEY: 'sk-a', AZURE_OPENAI_RESOURCE: 'res' };
    for (const version of ['2024-10-21', '2025-04-01-preview']) {
      const { baseUrl, quirks } = only(env, `providers: { azure: { api_version: ${version} } }`);
      assert.equal(baseUrl, 'https://res.openai.azure.com/openai');
      assert.equal(quirks.paths?.chat, `/deployments/{model}/chat/completions?api-version=${version}`);
      assert.equal(quirksFor(quirks, 'gpt-4o').maxTokensField, 'max_completion_tokens');
    }
    const newer = only({ ...env, OPENAI_API_VERSION: 'v1' });
    assert.deepEqual([newer.baseUrl, newer.quirks.paths], ['https://res.openai.azure.com/openai/v1', { models: null }]);
  });

  it('may be set as a whole; then nothing else is needed', () => {
    const env = { AZURE_OPENAI_API_KEY: 'sk-a', AZURE_OPENAI_BASE_URL: 'http://10.0.0.7:8080/azure/' };
    assert.equal(only(env).baseUrl, 'http://10.0.0.7:8080/azure');
    assert.equal(
      only({ AZURE_OPENAI_API_KEY: 'sk-a' }, 'providers: { azure: { base_url: "https://proxy.example.com/v1" } }')
        .baseUrl,
      'https://proxy.example.com/v1',
    );
  });

  it('are not offered without what they need, unless somebody asked for them', () => {
    assert.deepEqual(configured({ AZURE_OPENAI_API_KEY: 'sk-a' }), []);
    refused(
      { AZURE_OPENAI_API_KEY: 'sk-a' },
      'providers: { azure: {} }',
      /^goblin\.yaml: providers\.azure has no resource; .*AZURE_OPENAI_RESOURCE/,
    );
    refused({ CLOUDFLARE_API_TOKEN: 'sk-c' }, 'providers: { cloudflare: {} }', /has no account/);
  });

  it('refuse whatever is not what it claims', () => {
    const azure = (resource: string) => `providers: { azure: { resource: ${JSON.stringify(resource)} } }`;
    const env = { AZURE_OPENAI_API_KEY: 'sk-a' };
    for (const foul of [
      'evil.com/',
      'evil.com#',
      'a.evil.com',
      'a@evil.com',
      '-a',
      'a b',
      'ä',
      'x'.repeat(65),
      '../..',
    ]) {
      refused(
        env,
        azure(foul),
        /providers\.azure\.resource is ".*", which is not the name of an Azure resource .*; write it like my-resource\.$/,
      );
    }
    refused({ ...env, AZURE_OPENAI_RESOURCE: 'a/b' }, '', /^AZURE_OPENAI_RESOURCE is "a\/b"/);
    refused(env, 'providers: { azure: { resource: ok-name, api_version: "2024-10-21&x=1" } }', /api_version is/);
    refused({ SNOWFLAKE_PAT: 'sk-s' }, 'providers: { snowflake: { account: "a/b" } }', /account is "a\/b"/);
    refused(
      { OPENAI_API_KEY: 'sk-o' },
      'providers: { openai: { region: eu } }',
      /providers\.openai\.region is set, but openai takes no such thing/,
    );
    refused(env, 'providers: { azure: { resource: ok-name, region: eu } }', /takes only resource, api_version/);
    refused({}, 'providers: { house: { base_url: "http://x/v1", resource: r } }', /providers\.house\.resource is set/);
  });

  it('and base URLs are checked as before', () => {
    const at = (url: string) => ({ OPENAI_API_KEY: 'sk-o', OPENAI_BASE_URL: url });
    for (const url of ['nonsense', 'ftp://x', 'https://u:p@x', 'https://x/?a=1', 'http://127.0.0.1:8000/v1']) {
      refused(at(url), '', /^OPENAI_BASE_URL (is|has)/);
    }
    assert.equal(only(at('http://192.168.1.5/v1/')).baseUrl, 'http://192.168.1.5/v1');
    assert.equal(only({ ANTHROPIC_API_KEY: 'sk-x', ANTHROPIC_BASE_URL: 'http://h' }).baseUrl, 'http://h/v1');
  });
});

describe('general credentials', () => {
  it('enable nothing without an entry', () => {
    const env = {
      HF_TOKEN: 'sk-h',
      GITHUB_TOKEN: 'sk-g',
      SCW_SECRET_KEY: 'sk-s',
      CLOUDFLARE_API_TOKEN: 'sk-c',
      CLOUDFLARE_ACCOUNT_ID: '0'.repeat(32),
      SNOWFLAKE_PAT: 'sk-p',
      SNOWFLAKE_ACCOUNT: 'org-acc',
      AWS_ACCESS_KEY_ID: 'AKIA',
      AWS_SECRET_ACCESS_KEY: 'x',
      AWS_BEARER_TOKEN_BEDROCK: 'sk-b',
      AWS_REGION: 'eu-central-1',
      GOOGLE_APPLICATION_CREDENTIALS: '/x.json',
      GOOGLE_CLOUD_PROJECT: 'my-project',
      AZURE_TENANT_ID: 't',
      AZURE_CLIENT_ID: 'c',
      AZURE_CLIENT_SECRET: 's',
      AZURE_OPENAI_RESOURCE: 'r1',
    };
    assert.deepEqual(configured(env), []);
    const some = configured(env, 'providers: { huggingface: {}, cloudflare: {}, azure: {} }');
    assert.deepEqual(
      some.map(({ name, auth, key }) => [name, auth, key]),
      [
        ['huggingface', 'bearer', 'sk-h'],
        ['azure', 'entra', null],
        ['cloudflare', 'bearer', 'sk-c'],
      ],
    );
  });

  it('sign when there is no key, at the address of their region', () => {
    const aws = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'x', AWS_REGION: 'eu-central-1' };
    const bedrock = (env: Env, yaml = 'providers: { bedrock: {} }') => {
      const { auth, baseUrl, key, parameters } = only(env, yaml);
      return [auth, baseUrl, key, parameters?.region];
    };
    assert.deepEqual(bedrock(aws), [
      'sigv4',
      'https://bedrock-runtime.eu-central-1.amazonaws.com',
      null,
      'eu-central-1',
    ]);
    assert.equal(bedrock({ ...aws, AWS_BEARER_TOKEN_BEDROCK: 'sk-b' })[0], 'bearer');
    assert.equal(
      bedrock({ ...aws, AWS_REGION: 'cn-north-1' })[1],
      'https://bedrock-runtime.cn-north-1.amazonaws.com.cn',
    );
    assert.equal(bedrock(aws, 'providers: { bedrock: { region: us-gov-west-1 } }')[3], 'us-gov-west-1');
    refused(
      { ...aws, AWS_REGION: 'evil.com/' },
      'providers: { bedrock: {} }',
      /^AWS_REGION is "evil\.com\/", which is not an AWS region/,
    );
    refused({}, 'providers: { bedrock: {} }', /bedrock has no region/);
    refused({}, 'providers: { bedrock: { base_url: "http://10.0.0.1" } }', /signs for a region and has none/);
    refused({}, 'providers: { house: { base_url: "http://x", dialect: bedrock, auth: sigv4 } }', /signs for a region/);

    const vertex = (yaml: string, env: Env = {}) => only(env, `providers: { vertex: ${yaml} }`);
    const west = vertex('{ region: europe-west4, project: my-project }');
    assert.deepEqual(
      [west.auth, west.baseUrl, west.quirks.vertex],
      [
        'google',
        'https://europe-west4-aiplatform.googleapis.com/v1/projects/my-project/locations/europe-west4/publishers/google',
        true,
      ],
    );
    const env = { GOOGLE_CLOUD_LOCATION: 'global', GOOGLE_CLOUD_PROJECT: 'my-project' };
    assert.equal(
      vertex('{}', env).baseUrl,
      'https://aiplatform.googleapis.com/v1/projects/my-project/locations/global/publishers/google',
    );
    refused(env, 'providers: { vertex: { project: "../x" } }', /project is "\.\.\/x", which is not the id/);
    refused(env, 'providers: { vertex: { region: "evil.com#" } }', /which is not a region of Google Cloud/);
  });

  it('that are not there stop the start of whoever asks for them', () => {
    refused(
      { AZURE_OPENAI_RESOURCE: 'r1' },
      'providers: { azure: {} }',
      /azure has no key and signs with Entra ID: set AZURE_TENANT_ID/,
    );
    const env = { AZURE_TENANT_ID: 'a/b', AZURE_CLIENT_ID: 'c', AZURE_CLIENT_SECRET: 's' };
    refused(env, 'providers: { azure: { resource: r1 } }', /AZURE_TENANT_ID is not/);
    refused(
      {},
      'providers: { house: { base_url: "http://x/v1", auth: bearer } }',
      /auth is bearer, but there is no key/,
    );
  });
});
