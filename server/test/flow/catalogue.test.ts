/**
 * Every row of the catalogue, end to end: the real server with every key set, and behind it a vendor that speaks the
 * row's dialect and takes its own way of showing a key only.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { LOCAL_VENDORS, VENDORS } from '../../src/catalogue/vendors.ts';
import type { DialectName } from '../../src/contract/call.ts';
import type { Vendor } from '../../src/contract/provider.ts';
import { DIALECTS } from '../../src/dialects/index.ts';
import { type Server, startServer } from '../support/server.ts';
import { type Row, type RowServer, startRows, wordsOf } from '../vendors/rows.ts';
import { IN, OUT } from '../vendors/speaker.ts';

/** Rows that make vectors only are not asked for answers. */
const answers = (vendor: Vendor): boolean => vendor.serves?.includes('answer') !== false;
const ROWS = [...VENDORS, ...LOCAL_VENDORS].filter(answers);

/** A name that the dialect takes for one of its own. */
const MODELS: Partial<Record<DialectName, string>> = {
  gemini: 'gemini-2.5-flash',
  bedrock: 'amazon.nova-lite-v1:0',
  anthropic: 'claude-haiku-4-5',
  cohere: 'command-a-03-2025',
};
const modelOf = (row: Row): string => MODELS[row.dialect] ?? 'walk-model';

const keyOf = (name: string): string => `sk-walk-${name}-0123456789`;
const ACCESS_KEY = 'AKIAWALKEXAMPLE00000';

function rowOf(vendor: Vendor): Row {
  const { name, dialect, quirks = {}, headers = {} } = vendor;
  // Tokens of Google come from Google alone, so its signer has tests of its own; here the row gets a token from us.
  const auth = vendor.auth === 'google' ? 'bearer' : vendor.auth;
  return { name, dialect, auth, key: keyOf(name), quirks, headers };
}

/** Dialects that no row has for its norm, and calls that are signed. */
const EXTRA: readonly Row[] = [
  { name: 'own-responses', dialect: 'responses', auth: 'bearer', key: keyOf('own-responses'), quirks: {}, headers: {} },
  { name: 'own-ollama', dialect: 'ollama', auth: 'none', key: '', quirks: {}, headers: {} },
  { name: 'own-bedrock', dialect: 'bedrock', auth: 'sigv4', key: ACCESS_KEY, quirks: {}, headers: {} },
];

const rows = [...ROWS.map(rowOf), ...EXTRA].filter(({ dialect }) => DIALECTS[dialect] !== undefined);
const served = new Set(rows.map(({ name }) => name));

let vendor: RowServer;
let server: Server;

function environment(): Record<string, string> {
  const env: Record<string, string> = {
    AWS_ACCESS_KEY_ID: ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    WALK_VERTEX_TOKEN: keyOf('vertex'),
    WALK_RESPONSES_KEY: keyOf('own-responses'),
  };
  for (const { name, keyVariables, variablePrefix } of ROWS) {
    if (!served.has(name)) continue;
    env[`${variablePrefix}_BASE_URL`] = vendor.url(name);
    const [first] = keyVariables;
    if (first !== undefined) env[first] = keyOf(name);
  }
  return env;
}

function entries(): Record<string, unknown> {
  const needed = ROWS.filter(({ name, needsEntry }) => needsEntry && served.has(name)).map(({ name }) => [name, {}]);
  const own: Record<string, unknown> = {
    ...Object.fromEntries(needed),
    'own-responses': { dialect: 'responses', base_url: vendor.url('own-responses'), key_env: 'WALK_RESPONSES_KEY' },
    'own-ollama': { dialect: 'ollama', base_url: vendor.url('own-ollama') },
    'own-bedrock': { dialect: 'bedrock', base_url: vendor.url('own-bedrock'), region: 'eu-central-1', auth: 'sigv4' },
  };
  if (served.has('vertex')) own.vertex = { auth: 'bearer', key_env: 'WALK_VERTEX_TOKEN' };
  for (const { name } of EXTRA) if (!served.has(name)) delete own[name];
  return own;
}

before(async () => {
  vendor = await startRows(rows);
  server = await startServer({ env: environment(), settings: { providers: entries() } });
});
after(async () => {
  await server.stop();
  await vendor.close();
});

interface Chunk {
  choices: { delta?: { content?: string }; message?: { content?: string }; finish_reason?: string | null }[];
  usage?: { prompt_tokens: number; completion_tokens: number };
  error?: unknown;
}

async function ask(
  row: Row,
  stream: boolean,
): Promise<{ text: string; finish: string | null; chunk: Chunk; provider: string | null }> {
  const answer = await fetch(server.url('/v1/chat/completions'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: `${row.name}/${modelOf(row)}`,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: `Who are you? ${row.name}` },
      ],
      max_tokens: 50,
      seed: 7,
      stream,
      ...(stream ? { stream_options: { include_usage: true } } : {}),
    }),
  });
  const said = await answer.text();
  assert.equal(answer.status, 200, said);
  const provider = answer.headers.get('x-mcp-provider');
  if (!stream) {
    const chunk = JSON.parse(said) as Chunk;
    const [choice] = chunk.choices;
    return { text: choice?.message?.content ?? '', finish: choice?.finish_reason ?? null, chunk, provider };
  }
  const lines = said.split('\n').filter((line) => line.startsWith('data: '));
  assert.equal(lines.pop(), 'data: [DONE]', said);
  const chunks = lines.map((line) => JSON.parse(line.slice(6)) as Chunk);
  const choices = chunks.flatMap((chunk) => chunk.choices);
  return {
    text: choices.map((choice) => choice.delta?.content ?? '').join(''),
    finish: choices.map((choice) => choice.finish_reason).find(Boolean) ?? null,
    chunk: chunks.find((chunk) => chunk.usage) ?? { choices: [] },
    provider,
  };
}

describe('the catalogue', () => {
  it('has a row for every vendor that is walked', () => {
    assert.ok(rows.length >= 60, `${rows.length} rows`);
    const left = ROWS.filter(({ name }) => !served.has(name)).map(({ name }) => name);
    assert.deepEqual(left, [], 'rows whose dialect is not built');
  });

  for (const row of rows) {
    for (const stream of [true, false]) {
      it(`${row.name} answers${stream ? ' in a stream' : ''} (${row.dialect}, ${row.auth})`, async () => {
        const already = vendor.calls().length;
        const { text, finish, chunk, provider } = await ask(row, stream);
        assert.equal(text, wordsOf(row.name).join(''));
        assert.deepEqual([finish, provider], ['stop', row.name]);
        assert.deepEqual([chunk.usage?.prompt_tokens, chunk.usage?.completion_tokens], [IN, OUT]);
        const calls = vendor.calls().slice(already);
        assert.deepEqual(
          calls.map((call) => [call.row, call.status, call.model, call.stream]),
          [[row.name, 200, modelOf(row), stream]],
        );
      });
    }
  }

  it('the vendor behind this test lets nobody in who shows his key in another way', async () => {
    for (const row of rows) {
      const post = async (headers: Record<string, string>) => {
        const answer = await fetch(`${vendor.url(row.name)}/x`, {
          method: 'POST',
          headers: { ...row.headers, ...headers },
          body: '{}',
        });
        return answer.status;
      };
      if (row.auth !== 'none') assert.equal(await post({}), 401, row.name);
      const other = row.auth === 'x-api-key' ? 'api-key' : 'x-api-key';
      assert.equal(await post({ [other]: row.key || 'x' }), 401, row.name);
      assert.equal(await post({ authorization: 'Bearer wrong' }), 401, row.name);
    }
  });
});
