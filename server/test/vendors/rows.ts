/**
 * One loopback server that stands for all rows of the catalogue: `/<row>/…` speaks the row's dialect, and takes nobody
 * who does not show the row's key in the row's own way, or shows it in another way too.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DialectName } from '../../src/contract/call.ts';
import type { AuthStyle } from '../../src/contract/provider.ts';
import { type Quirks, quirksFor } from '../../src/contract/quirks.ts';
import { SPEAKERS } from './speak.ts';
import { type Said, streamed, unstreamed } from './speaker.ts';

export interface Row {
  name: string;
  dialect: DialectName;
  auth: AuthStyle;
  /** What must be shown; for signed calls the access key. */
  key: string;
  quirks: Quirks;
  headers: Readonly<Record<string, string>>;
}

export interface RowCall {
  row: string;
  status: number;
  path: string;
  model: string;
  stream: boolean;
  body: Record<string, unknown>;
}

export interface RowServer {
  /** The base URL of a row. */
  url(row: string): string;
  calls(): readonly RowCall[];
  close(): Promise<void>;
}

const HEADERS: Readonly<Record<AuthStyle, string | null>> = {
  bearer: 'authorization',
  'x-api-key': 'x-api-key',
  'api-key': 'api-key',
  'api-subscription-key': 'api-subscription-key',
  'x-goog-api-key': 'x-goog-api-key',
  sigv4: 'authorization',
  google: 'authorization',
  entra: 'authorization',
  none: null,
};

/** Why a call is not let in; null when it is. */
function wrongWith(request: IncomingMessage, { auth, key, headers }: Row): string | null {
  const own = HEADERS[auth];
  for (const name of new Set(Object.values(HEADERS))) {
    if (name !== null && name !== own && request.headers[name] !== undefined) return `the key came as ${name}`;
  }
  const shown = own === null ? undefined : request.headers[own];
  if (own !== null && shown === undefined) return `${own} is missing`;
  if (auth === 'sigv4') {
    const scope = `AWS4-HMAC-SHA256 Credential=${key}/`;
    if (
      !String(shown).startsWith(scope) ||
      !/\/bedrock\/aws4_request, ?SignedHeaders=[^,]+, ?Signature=[0-9a-f]{64}$/.test(String(shown))
    )
      return 'the signature is none';
    if (request.headers['x-amz-date'] === undefined) return 'x-amz-date is missing';
  } else if (own !== null && shown !== (own === 'authorization' ? `Bearer ${key}` : key)) return 'the key is wrong';
  for (const [name, value] of Object.entries(headers)) {
    if (request.headers[name] !== value) return `${name} is missing`;
  }
  return null;
}

/** What the row says that the vendor refuses must not be in the body. */
function refusedIn(body: Record<string, unknown>, quirks: Quirks): string | null {
  const fields = [...(quirks.refuses ?? []), ...Object.keys(quirks.renames ?? {})];
  if (quirks.noStreamOptions) fields.push('stream_options');
  if (quirks.maxTokensField === 'max_completion_tokens') fields.push('max_tokens');
  return fields.find((field) => field in body) ?? null;
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** What a row answers: it names itself, so that no answer can be another's. */
export const wordsOf = (row: string): string[] => ['Hello', ' from ', row, '!'];

export async function startRows(rows: readonly Row[]): Promise<RowServer> {
  const calls: RowCall[] = [];
  const known = new Map(rows.map((row) => [row.name, row]));

  function answer(row: Row, path: string, request: IncomingMessage, text: string): [number, Said] {
    const speaker = SPEAKERS[row.dialect];
    const refuse = (status: number, message: string): [number, Said] => [
      status,
      { type: 'application/json', body: JSON.stringify(speaker.error('key', message)) },
    ];
    const call: RowCall = { row: row.name, status: 0, path, model: '', stream: false, body: {} };
    calls.push(call);
    const done = (result: [number, Said]): [number, Said] => {
      call.status = result[0];
      return result;
    };
    const wrong = wrongWith(request, row);
    if (wrong !== null) return done(refuse(401, wrong));
    try {
      call.body = JSON.parse(text) as Record<string, unknown>;
    } catch {
      return done(refuse(400, 'the body is not JSON'));
    }
    const asked = speaker.asks(path, call.body);
    if (asked === null) return done(refuse(404, `nothing of this dialect: ${path}`));
    Object.assign(call, asked);
    const refused = row.dialect === 'openai' ? refusedIn(call.body, quirksFor(row.quirks, asked.model)) : null;
    if (refused !== null) return done(refuse(422, `${refused} is not taken`));
    const said = { words: wordsOf(row.name) };
    return done([200, asked.stream ? streamed(speaker, said) : unstreamed(speaker, said)]);
  }

  const server = createServer(async (request, response) => {
    const [, name = '', rest = ''] = /^\/([^/]+)(\/.*)$/.exec(request.url ?? '') ?? [];
    const text = await read(request);
    const row = known.get(name);
    // Anthropic's base URL ends in /v1, which we add where it is missing.
    const path = row?.dialect === 'anthropic' ? rest.replace(/^\/v1/, '') : rest;
    const [status, said] =
      row && request.method === 'POST' ? answer(row, path, request, text) : [404, { type: 'text/plain', body: '' }];
    response.writeHead(status, { 'content-type': said.type });
    response.end(said.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (row) => `http://127.0.0.1:${port}/${row}`,
    calls: () => calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
