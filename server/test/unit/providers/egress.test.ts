/** Where a call may go: by the address that a name has at the moment of the connection, whatever the name says. */
import assert from 'node:assert/strict';
import type { lookup } from 'node:dns';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { hostWhyNot, type Reach, whyNot } from '../../../src/guard/egress.ts';
import { createPools } from '../../../src/providers/pools.ts';
import { createTransport } from '../../../src/providers/transport.ts';

const PRIVATE = [
  '127.0.0.1',
  '127.8.9.10',
  '0.0.0.0',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:7f00:1',
  '64:ff9b::10.0.0.1',
];
const METADATA = [
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  'fd00:ec2::254',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
];
const PUBLIC = ['1.1.1.1', '8.8.8.8', '104.18.6.192', '172.15.0.1', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8'];

test('addresses by what they are', () => {
  for (const address of PUBLIC) {
    assert.equal(whyNot(address, 'public'), null, address);
    assert.equal(whyNot(address, 'private'), null, address);
    assert.notEqual(whyNot(address, 'identity'), null, address);
  }
  for (const address of PRIVATE) {
    assert.notEqual(whyNot(address, 'public'), null, address);
    assert.equal(whyNot(address, 'private'), null, address);
  }
  for (const address of METADATA) {
    assert.notEqual(whyNot(address, 'public'), null, address);
    assert.notEqual(whyNot(address, 'private'), null, address);
    assert.equal(whyNot(address, 'identity'), null, address);
  }
});

test('ways to write an address in a URL come to the same', () => {
  for (const host of [
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.1',
    '[::ffff:127.0.0.1]',
    '127.0.0.1.',
    '①②⑦.0.0.1',
  ]) {
    assert.notEqual(hostWhyNot(new URL(`http://${host}/`).hostname, 'public'), null, host);
  }
  for (const host of [
    '0xa9fea9fe',
    '2852039166',
    '[::ffff:a9fe:a9fe]',
    'metadata.google.internal',
    'METADATA.google.internal.',
  ]) {
    assert.notEqual(hostWhyNot(new URL(`http://${host}/`).hostname, 'private'), null, host);
  }
  assert.equal(hostWhyNot('api.openai.com', 'public'), null);
});

let listener: http.Server;
let port: number;
let heard = 0;
before(async () => {
  listener = http.createServer((_request, response) => response.end('{}'));
  listener.on('connection', () => heard++);
  await new Promise<void>((ready) => listener.listen(0, '127.0.0.1', ready));
  port = (listener.address() as AddressInfo).port;
});
after(() => listener.close());

type Answer = { address: string; family: number }[];

/** A name server that changes its mind: each question gets the next answer, the last one again and again. */
function rebinding(...answers: Answer[]): typeof lookup {
  let asked = 0;
  return ((_host: string, _options: unknown, done: (error: null, addresses: Answer) => void) => {
    const answer = answers[Math.min(asked++, answers.length - 1)] as Answer;
    setImmediate(() => done(null, answer));
  }) as unknown as typeof lookup;
}

async function call(reach: Reach, host: string, answers: Answer[]): Promise<string> {
  const pools = createPools({ connectMs: 10_000, proxy: null, lookup: rebinding(...answers) });
  try {
    const origin = `http://${host}:${port}`;
    const { statusCode } = await pools.of(origin, reach).request({ origin, path: '/', method: 'GET' });
    return String(statusCode);
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  } finally {
    await pools.close();
  }
}

const LOCAL = { address: '127.0.0.1', family: 4 };

test('a name is called at the very address that was checked, and not at all when one of its addresses is private', async () => {
  const before = heard;
  assert.equal(await call('public', 'vendor.test', [[LOCAL]]), 'EGRESS_REFUSED');
  assert.equal(await call('public', 'vendor.test', [[{ address: '8.8.8.8', family: 4 }, LOCAL]]), 'EGRESS_REFUSED');
  assert.equal(await call('public', '127.0.0.1', [[LOCAL]]), 'EGRESS_REFUSED');
  assert.equal(await call('public', '[::ffff:127.0.0.1]', [[LOCAL]]), 'EGRESS_REFUSED');
  // TEST-NET addresses stand for the open internet here no more than private ones do.
  assert.equal(
    await call('public', 'vendor.test', [[{ address: '203.0.113.7', family: 4 }], [LOCAL]]),
    'EGRESS_REFUSED',
  );
  assert.equal(heard, before, 'the listener has seen nothing');
  assert.equal(await call('private', 'gpu-1.test', [[LOCAL]]), '200');
  assert.equal(heard, before + 1);
});

test('a refusal is told as a failure of its own kind, and names no address', async () => {
  const transport = createTransport({ connectMs: 10_000, hop: 'h', userAgent: 'test', proxy: null });
  const url = new URL(`http://127.0.0.1:${port}/`);
  const before = heard;
  await assert.rejects(transport.fetch('GET', url, {}, null, 1000), /may not be called: it is a private address$/);
  await assert.rejects(transport.deliver(url, {}, '{}', 1000, 'public'), /may not be called/);
  assert.equal(heard, before);
  assert.equal(await transport.deliver(url, {}, '{}', 10_000, 'private'), 200);
  await transport.close();
});
