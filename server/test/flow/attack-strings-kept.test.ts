/** Naughty strings in every header of every door; and what is taken of them in bodies is given back as it came. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { seedOf } from '../chaos/seed.ts';
import { call, type Json, post } from '../support/api.ts';
import { type Attacked, all, INSIDES, startAttacked } from '../support/attacked.ts';
import { NAUGHTY } from '../support/naughty.ts';

const MODEL = 'simulator/goblin-sim';
const MESSAGES = [{ role: 'user', content: 'Hi [[sim tokens=1]]' }];
let attacked: Attacked;
let server: Attacked['server'];
let operator: Attacked['operator'];
before(async () => {
  attacked = await startAttacked();
  ({ server, operator } = attacked);
});
after(() => attacked.close());

/** As `fetch` refuses to send them: bytes above ASCII, one header several times. */
function withHeaders(
  path: string,
  headers: Record<string, string | string[]>,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({
      model: MODEL,
      messages: MESSAGES,
      max_tokens: 4,
      ...(path.endsWith('/request') ? { prompt: 'x', messages: undefined } : {}),
    });
    const request = http.request(
      server.address + path,
      {
        method: 'POST',
        agent: false,
        headers: {
          ...operator,
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(body)),
          ...headers,
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.setTimeout(30_000, () =>
      request.destroy(new Error(`no answer to ${JSON.stringify(headers).slice(0, 200)}`)),
    );
    request.end(body);
  });
}

// Of the pairs of headers and values a third in each run, another one for each commit. `GOBLIN_ATTACK=all`: all.
const SHARE = process.env.GOBLIN_ATTACK === 'all' ? 1 : 3;
const turn = seedOf();

test('in every header of every door', { timeout: 300_000 }, async () => {
  const names =
    'authorization x-api-key cookie idempotency-key x-mcp-task x-mcp-user x-mcp-labels x-mcp-failover x-mcp-deadline-ms x-mcp-hop x-mcp-priority x-mcp-cache anthropic-version anthropic-beta openai-organization accept accept-encoding content-type content-encoding last-event-id origin host user-agent x-request-id traceparent tracestate expect-ct x-forwarded-for range if-none-match te prefer'.split(
      ' ',
    );
  const values: (string | string[])[] = [
    '',
    ' ',
    '\x80\xff',
    'é',
    '\t',
    '"',
    '{"__proto__":{"a":"b"}}',
    '__proto__=a,constructor=b',
    'a=b,a=c',
    '=,=,=',
    ',,,',
    'null',
    '-1',
    '1e99',
    '%00',
    '../../x',
    "'; drop table mcp_request; --",
    'a'.repeat(4000),
    ['a', 'b'],
    'Bearer',
    'Bearer a b c',
    'Basic Og==',
    'application/json; charset="',
    '00-ffffffffffffffffffffffffffffffff-0000000000000000-zz',
  ];
  for (const path of ['/v1/chat/completions', '/v1/messages', '/mcp/v1/request']) {
    await all(
      names.flatMap((name, n) =>
        values.filter((_, at) => (at + n + turn) % SHARE === 0).map((value) => [name, value] as const),
      ),
      async ([name, value]) => {
        if (name === 'host' && typeof value !== 'string') return;
        const { status, text } = await withHeaders(path, { [name]: value });
        // A mark of ours, too long for us to have made it: a loop.
        if (name === 'x-mcp-hop' && status === 508) return;
        assert.ok(
          status > 0 && status < 500,
          `${path} with ${name}: ${String(value).slice(0, 60)}: ${status} ${text.slice(0, 300)}`,
        );
        assert.doesNotMatch(text, INSIDES);
      },
    );
  }
});

test('what is taken is given back as it came', { timeout: 120_000 }, async () => {
  const kept: [what: string, send: (text: string) => Promise<{ status: number; back: () => Promise<unknown> }>][] = [];
  const made = async (path: string, body: Json, at: (id: string) => string, pick: (view: Json) => unknown) => {
    const answer = await post<Json>(server, path, body, operator);
    const id = String(answer.body.id ?? answer.body.request_id);
    return {
      status: answer.status,
      back: async () => pick((await call<Json>(server, at(id), { headers: operator })).body),
    };
  };
  let number = 0;
  kept.push(
    [
      'name of a key',
      (text) =>
        made(
          '/mcp/v1/keys',
          { tenant: 'acme', name: text },
          (id) => `/mcp/v1/keys/${id}`,
          (view) => view.name,
        ),
    ],
    [
      'name of a user',
      (text) =>
        made(
          '/mcp/v1/users',
          { tenant: 'acme', email: `n${++number}@example.com`, role: 'viewer', name: text },
          (id) => `/mcp/v1/users/${id}`,
          (view) => view.name,
        ),
    ],
    [
      'name of a team',
      (text) =>
        made(
          '/mcp/v1/teams',
          { tenant: 'acme', name: text },
          (id) => `/mcp/v1/teams/${id}`,
          (view) => view.name,
        ),
    ],
    [
      'prompt',
      (text) =>
        made(
          '/mcp/v1/request',
          { prompt: text, model: MODEL },
          (id) => `/mcp/v1/request/${id}/content`,
          (view) => contentOf(view),
        ),
    ],
    [
      'metadata',
      (text) =>
        made(
          '/mcp/v1/request',
          { prompt: 'x', model: MODEL, metadata: { a: text } },
          (id) => `/mcp/v1/request/${id}`,
          (view) => (view.metadata as Json | undefined)?.a,
        ),
    ],
    [
      'key of metadata',
      (text) =>
        made(
          '/mcp/v1/request',
          { prompt: 'x', model: MODEL, metadata: { [text]: 1 } },
          (id) => `/mcp/v1/request/${id}`,
          (view) => Object.keys((view.metadata as Json | undefined) ?? {})[0],
        ),
    ],
    [
      'label',
      (text) =>
        made(
          '/mcp/v1/request',
          { prompt: 'x', model: MODEL, labels: { a: text } },
          (id) => `/mcp/v1/request/${id}`,
          (view) => (view.labels as Json | undefined)?.a,
        ),
    ],
  );
  let exact = 0;
  for (const [what, send] of kept) {
    for (const escaped of NAUGHTY) {
      const text = JSON.parse(`"${escaped}"`) as string;
      const { status, back } = await send(text);
      assert.ok(
        status === 201 || status === 202 || status === 400 || status === 409,
        `${what} ${escaped.slice(0, 60)}: ${status}`,
      );
      if (status >= 400) continue;
      const got = await back();
      // PostgreSQL keeps no NUL and UTF-8 no half of a pair: those are refused, or mended to well-formed text.
      const fair = [text, text.toWellFormed(), text.toWellFormed().replaceAll('\0', '\ufffd')];
      assert.ok(
        fair.includes(String(got)),
        `${what}: ${JSON.stringify(text).slice(0, 120)} came back as ${JSON.stringify(got)?.slice(0, 120)}`,
      );
      exact++;
    }
  }
  assert.ok(exact > 150, `${exact} texts were kept`);
});

/** The text of the first message, or the prompt, of what was stored. */
function contentOf(view: Json): unknown {
  const text = JSON.stringify(view);
  const first = /"text":("(?:[^"\\]|\\.)*")/.exec(text)?.[1] ?? /"prompt":("(?:[^"\\]|\\.)*")/.exec(text)?.[1];
  return first === undefined ? undefined : JSON.parse(first);
}
