/** Call-backs: signed as Standard Webhooks describes, tried again, and never to a private address unasked. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { webhookSecretOf } from '../../src/identity/secrets.ts';
import { cancel, isProblem, outcome, post, submit } from '../support/api.ts';
import { eventually, type Server, startServer } from '../support/server.ts';

interface Delivery {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

const deliveries: Delivery[] = [];
/** Paths that begin with this are refused so often. */
let refusals = 1;
const receiver = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => {
    const path = request.url ?? '';
    deliveries.push({ path, headers: request.headers, body });
    response.statusCode = path.startsWith('/moody') && refusals-- > 0 ? 500 : 204;
    response.end();
  });
});

let server: Server;
let base: string;
before(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  server = await startServer({ settings: { callbacks: { allow_private: true } } });
});
after(async () => {
  await server.stop();
  receiver.closeAllConnections();
  receiver.close();
});

const delivered = (path: string, limitMs = 15_000): Promise<Delivery> =>
  eventually(() => deliveries.find((one) => one.path === path), `the call-back to ${path}`, limitMs);

/** As the Standard Webhooks libraries verify it. */
function verify(delivery: Delivery): void {
  const secret = webhookSecretOf(readFileSync(join(server.dataDir, 'secret'), 'utf8').trim(), 'local');
  assert.match(secret, /^whsec_/);
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signatures } = delivery.headers;
  assert.ok(Math.abs(Number(at) * 1000 - Date.now()) < 300_000);
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const right = `v1,${createHmac('sha256', key)
    .update(`${String(id)}.${String(at)}.${delivery.body}`)
    .digest('base64')}`;
  assert.ok(String(signatures).split(' ').includes(right), 'the signature is right');
}

test('a success is called back once, signed', { timeout: 30_000 }, async () => {
  const { request_id: id } = await submit(server, { prompt: 'Call me', callback_url: `${base}/done?x=1` });
  const delivery = await delivered('/done?x=1');
  verify(delivery);
  assert.match(String(delivery.headers['content-type']), /^application\/json/);
  const body = JSON.parse(delivery.body);
  assert.equal(body.type, 'request.succeeded');
  assert.equal(body.data.request_id, id);
  assert.equal(body.data.status, 'succeeded');
  assert.equal((await outcome(server, id)).status, 200, 'it is over when the call-back comes');
  assert.ok(!delivery.body.includes('Call me'), 'no content in it');
});

test('a failure and a cancellation are called back too', { timeout: 40_000 }, async () => {
  await submit(server, { prompt: 'Fail [[sim fault=status-400]]', callback_url: `${base}/failed` });
  const { request_id: id } = await submit(server, {
    prompt: 'Cancel',
    callback_url: `${base}/cancelled`,
    not_before: new Date(Date.now() + 3_600_000).toISOString(),
  });
  await cancel(server, id);
  for (const state of ['failed', 'cancelled']) {
    const delivery = await delivered(`/${state}`);
    verify(delivery);
    assert.equal(JSON.parse(delivery.body).type, `request.${state}`);
  }
});

test('a receiver that answers 500 is called again, with the same id', { timeout: 60_000 }, async () => {
  refusals = 1;
  await submit(server, { prompt: 'Moody', callback_url: `${base}/moody` });
  const both = await eventually(
    () => {
      const found = deliveries.filter((one) => one.path === '/moody');
      return found.length >= 2 && found;
    },
    'a second try',
    40_000,
  );
  for (const delivery of both) verify(delivery);
  assert.equal(both[0]?.headers['webhook-id'], both[1]?.headers['webhook-id']);
  assert.equal(both[0]?.body === '' || both[1]?.body === '', false);
});

test('cloud metadata is refused whatever goblin.yaml allows, where it stands', { timeout: 60_000 }, async () => {
  for (const host of [
    '169.254.169.254',
    'user:pass@example.com',
    'user@example.com',
    '[::ffff:169.254.169.254]',
    '[fd00:ec2::254]',
    '2852039166',
    'metadata.google.internal',
    'METADATA.google.internal.',
  ]) {
    const url = `http://${host}/latest/meta-data`;
    const called = await post(server, '/mcp/v1/request', { prompt: 'x', callback_url: url });
    assert.equal(isProblem(called, 400, 'invalid_request').errors?.[0]?.path, 'callback_url', url);
    const budget = { scope: 'tenant', period: 'day', hard_usd: 1 };
    const made = await post(server, '/mcp/v1/admin/budgets', { ...budget, webhook_url: url });
    assert.equal(isProblem(made, 400, 'invalid_request').errors?.[0]?.path, 'webhook_url', url);
  }
});

test('private addresses are refused when goblin.yaml does not allow them', { timeout: 60_000 }, async () => {
  const strict = await startServer();
  try {
    for (const url of [
      `${base}/x`,
      'http://localhost:1/x',
      'http://10.0.0.7/x',
      'http://192.168.1.1/x',
      'http://172.16.0.1/x',
      'http://169.254.169.254/latest/meta-data',
      'http://[::1]/x',
      'http://[::ffff:127.0.0.1]/x',
      'http://[fd00::1]/x',
      'http://0.0.0.0/x',
      'http://2130706433/x',
      'http://0x7f.1/x',
      'http://127.1/x',
      'http://a.localhost/x',
    ]) {
      const problem = isProblem(
        await post(strict, '/mcp/v1/request', { prompt: 'x', callback_url: url }),
        400,
        'invalid_request',
      );
      assert.equal(problem.errors?.[0]?.path, 'callback_url', url);
    }
    for (const url of [
      'ftp://example.com/x',
      'example.com',
      'http://user:pw@example.com/',
      '//example.com',
      'http://',
    ]) {
      const problem = isProblem(
        await post(strict, '/mcp/v1/request', { prompt: 'x', callback_url: url }),
        400,
        'invalid_request',
      );
      assert.equal(problem.errors?.[0]?.path, 'callback_url', url);
    }
  } finally {
    await strict.stop();
  }
});
