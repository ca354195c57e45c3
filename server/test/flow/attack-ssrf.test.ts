/**
 * Addresses that callers and strangers can give: call-backs, webhooks of budgets, documents of issuers, pictures and files
 * in prompts, redirects. Behind each stands a listener that must hear nothing, and a name server that changes its mind.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, type Json, outcome, post, submit } from '../support/api.ts';
import { eventually, type Server, startServer } from '../support/server.ts';
import { PUBLIC, type Range, startRange } from '../support/ssrf.ts';
import { type House, MODEL, startHouse } from '../support/vendors.ts';

let range: Range;
let house: House | null = null;
let server: Server;
before(async () => {
  range = await startRange();
  house = await startHouse({ env: range.env });
  ({ server } = house);
});
after(async () => {
  await house?.close();
  range.close();
});

/** Hosts that lead to the listener, or to metadata. */
const inside = (): string[] => [
  'localhost',
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0177.0.0.1',
  '0.0.0.0',
  '①②⑦.0.0.1',
  'localhost.',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '169.254.169.254',
  '[::ffff:a9fe:a9fe]',
  'metadata.google.internal',
  range.named(['127.0.0.1']),
  range.named([PUBLIC, '127.0.0.1']),
  range.named(['::1']),
  range.named(['::ffff:127.0.0.1']),
  `${range.named(['127.0.0.1'])}.`,
];

test('call-backs: refused when they are given, or never delivered', { timeout: 120_000 }, async () => {
  const waiting: string[] = [];
  for (const host of inside()) {
    const url = `http://${host}:${range.trap.port}/callback`;
    const answer = await post<Json>(server, '/mcp/v1/request', { prompt: 'Hi', model: MODEL, callback_url: url });
    if (answer.status === 202) waiting.push(String(answer.body.request_id));
    else assert.equal(answer.status, 400, `${url}: ${answer.text}`);
  }
  assert.ok(waiting.length >= 4, 'names can only be looked at when they are called');
  for (const trick of [
    `http://user:pass@127.0.0.1:${range.trap.port}/`,
    `http://api.openai.com@127.0.0.1:${range.trap.port}/`,
    `http://127.0.0.1:${range.trap.port}\\@api.openai.com/`,
    `file:///etc/passwd`,
    `gopher://127.0.0.1:${range.trap.port}/_x`,
    `ftp://127.0.0.1:${range.trap.port}/`,
    `data:text/plain,x`,
    `unix:/var/run/docker.sock`,
    `http:///127.0.0.1:${range.trap.port}/`,
    `//127.0.0.1:${range.trap.port}/`,
    `http://127.0.0.1:${range.trap.port}/\r\nx: y`,
  ]) {
    const answer = await post<Json>(server, '/mcp/v1/request', {
      prompt: 'x',
      model: MODEL,
      callback_url: trick,
    });
    assert.equal(answer.status, 400, `${trick}: ${answer.text}`);
  }
  for (const id of waiting) await outcome(server, id);
  // Each was asked for, and refused by what it was.
  await eventually(() => range.dns.asked.length >= waiting.length, 'the names are looked up', 20_000);
  await sleep(1500);
  assert.deepEqual(range.trap.heard, []);
});

test('a call-back whose name is outside at first and inside when it is tried again', { timeout: 60_000 }, async () => {
  const name = range.named([PUBLIC], ['127.0.0.1']);
  await submit(server, { prompt: 'Hi', model: MODEL, callback_url: `http://${name}:${range.trap.port}/rebound` });
  await eventually(
    () => range.noted().includes(`connect ${PUBLIC} for ${name}`),
    'the first try goes to what was looked at',
    20_000,
  );
  // Tried again after five seconds: by then the name leads inside.
  await eventually(
    () => range.dns.asked.filter((one) => one.startsWith(`${name} `)).length >= 4,
    'a second look',
    25_000,
  );
  await sleep(500);
  assert.deepEqual(range.trap.heard, []);
});

test('webhooks of budgets', { timeout: 60_000 }, async () => {
  const made: string[] = [];
  for (const host of inside()) {
    const answer = await post<Json>(server, '/mcp/v1/admin/budgets', {
      scope: 'tenant',
      period: 'day',
      soft_usd: 0.000001,
      name: `trap ${made.length}`,
      webhook_url: `http://${host}:${range.trap.port}/budget`,
    });
    if (answer.status === 201) made.push(String(answer.body.id));
    else assert.equal(answer.status, 400, `${host}: ${answer.text}`);
  }
  assert.ok(made.length > 0, 'names can only be looked at when they are called');
  const before = range.dns.asked.length;
  await outcome(server, (await submit(server, { prompt: 'Spend something', model: MODEL })).request_id);
  await eventually(() => range.dns.asked.length > before, 'a notice was tried', 20_000);
  await sleep(1500);
  assert.deepEqual(range.trap.heard, []);
  for (const id of made) await call(server, `/mcp/v1/admin/budgets/${id}`, { method: 'DELETE' });
});

test('pictures, files and sounds in prompts are not fetched: the vendor gets the address', {
  timeout: 60_000,
}, async () => {
  const url = `http://127.0.0.1:${range.trap.port}/picture.png`;
  const name = `http://${range.named([PUBLIC], ['127.0.0.1'])}:${range.trap.port}/picture.png`;
  // Of this name alone: call-backs of before may still be tried again.
  const { hostname } = new URL(name);
  const seen = () => [range.noted().includes(hostname), range.dns.asked.some((one) => one.startsWith(`${hostname} `))];
  for (const at of [url, name]) {
    const asks: [path: string, body: Json][] = [
      [
        '/v1/chat/completions',
        {
          messages: [
            {
              role: 'user',
              content: [
                { type: 'text', text: 'Look' },
                { type: 'image_url', image_url: { url: at } },
              ],
            },
          ],
        },
      ],
      [
        '/v1/messages',
        {
          max_tokens: 50,
          messages: [
            {
              role: 'user',
              content: [
                { type: 'image', source: { type: 'url', url: at } },
                { type: 'document', source: { type: 'url', url: at } },
              ],
            },
          ],
        },
      ],
      [
        '/v1/responses',
        {
          input: [
            {
              role: 'user',
              content: [
                { type: 'input_image', image_url: at },
                { type: 'input_file', file_url: at },
              ],
            },
          ],
        },
      ],
      ['/v1/responses', { input: 'Search', tools: [{ type: 'mcp', server_label: 'x', server_url: at }] }],
      ['/mcp/v1/request', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: at } }] }] }],
      ['/v1/chat/completions', { messages: [{ role: 'user', content: `![x](${at}) <img src="${at}">` }] }],
    ];
    for (const [path, body] of asks) {
      const answer = await post<Json>(server, path, { model: MODEL, ...body });
      assert.ok(answer.status < 500, `${path}: ${answer.status} ${answer.text}`);
      if (answer.status === 202) await outcome(server, String(answer.body.request_id));
    }
  }
  await sleep(500);
  assert.deepEqual(range.trap.heard, []);
  assert.deepEqual(seen(), [false, false], 'nobody looked for it, or called');
});

test('a call-back that is sent elsewhere by its receiver is not followed', { timeout: 60_000 }, async () => {
  const receiver = await range.startTrap((request, response) => {
    const status = Number(/\d+/.exec(request.url ?? '')?.[0] ?? 302);
    response.writeHead(status, {
      location: `http://127.0.0.1:${range.trap.port}/redirected`,
      refresh: `0; url=http://127.0.0.1:${range.trap.port}/`,
    });
    response.end();
  });
  const open: Server = await startServer({
    env: range.env,
    settings: { simulator: true, callbacks: { allow_private: true } },
  });
  try {
    for (const status of [301, 302, 303, 307, 308]) {
      await submit(open, { prompt: 'Hi', callback_url: `http://127.0.0.1:${receiver.port}/${status}` });
    }
    await eventually(() => receiver.heard.length >= 5, 'five call-backs', 20_000);
    // Even then metadata is nothing that anybody is called at.
    const metadata = () => range.noted().match(/169\.254\.169\.254|fd00:ec2|metadata/g) ?? [];
    const before = metadata();
    for (const host of [
      '169.254.169.254',
      range.named(['169.254.169.254']),
      '[fd00:ec2::254]',
      'metadata.google.internal',
    ]) {
      await post(open, '/mcp/v1/request', { prompt: 'Hi', callback_url: `http://${host}/latest/meta-data/` });
    }
    await sleep(2000);
    assert.deepEqual(metadata(), before);
    assert.deepEqual(range.trap.heard, []);
  } finally {
    await open.stop();
  }
});

test('not even a connection, in all of this file', () => {
  assert.deepEqual(range.trap.heard, []);
  assert.equal(range.trap.connections, 0);
});
