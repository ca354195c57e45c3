/** Names that change their address between the look and the call, asked at a real name server; and ways to write one. */
import assert from 'node:assert/strict';
import { type LookupAddress, type lookup, Resolver } from 'node:dns';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { hostWhyNot, type Reach, whyNot } from '../../../src/guard/egress.ts';
import { createPools } from '../../../src/providers/pools.ts';
import { type DnsStub, startDns } from '../../support/dns-stub.ts';

let dns: DnsStub;
let trap: http.Server;
let port: number;
let heard = 0;
before(async () => {
  dns = await startDns();
  trap = http.createServer((_request, response) => response.end('{}'));
  trap.on('connection', () => heard++);
  await new Promise<void>((ready) => trap.listen(0, '127.0.0.1', ready));
  port = (trap.address() as AddressInfo).port;
});
after(() => {
  dns.close();
  trap.close();
});

/** As the resolver of the system does it, at our own name server. */
const look = ((name: string, _options: unknown, done: (error: Error | null, found: LookupAddress[]) => void) => {
  const resolver = new Resolver({ timeout: 15_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${dns.port}`]);
  resolver.resolve4(name, (_error, four = []) => {
    resolver.resolve6(name, (_none, six = []) => {
      const found = [
        ...four.map((address) => ({ address, family: 4 })),
        ...six.map((address) => ({ address, family: 6 })),
      ];
      if (found.length === 0) done(Object.assign(new Error('ENOTFOUND'), { code: 'ENOTFOUND' }), []);
      else done(null, found);
    });
  });
}) as unknown as typeof lookup;

async function call(host: string, reach: Reach = 'public', times = 1, connectMs = 10_000): Promise<string[]> {
  const pools = createPools({ connectMs, proxy: null, lookup: look });
  const said: string[] = [];
  try {
    for (let n = 0; n < times; n++) {
      const origin = `http://${host}:${port}`;
      try {
        const answer = await pools.of(origin, reach).request({ origin, path: '/', method: 'GET', blocking: false });
        await answer.body.dump();
        said.push(String(answer.statusCode));
      } catch (error) {
        said.push((error as { code?: string }).code ?? String(error));
      }
    }
  } finally {
    await pools.close();
  }
  return said;
}

const INSIDE: Record<string, readonly string[]> = {
  'a-loopback.test': ['127.0.0.1'],
  'b-loopback-too.test': ['8.8.8.8', '127.0.0.1'],
  'c-first.test': ['127.0.0.1', '8.8.8.8'],
  'd-six.test': ['::1'],
  'e-mapped.test': ['::ffff:127.0.0.1'],
  'f-compatible.test': ['::127.0.0.1'],
  'g-6to4.test': ['2002:7f00:1::1'],
  'h-nat64.test': ['64:ff9b::7f00:1'],
  'i-private.test': ['10.1.2.3'],
  'j-carrier.test': ['100.64.1.1'],
  'k-link-local.test': ['169.254.3.4'],
  'l-metadata.test': ['169.254.169.254'],
  'm-metadata-six.test': ['fd00:ec2::254'],
  'n-unique-local.test': ['fd12::1'],
  'o-site-local.test': ['fec0::1'],
  'p-nothing.test': ['0.0.0.0'],
  'q-all.test': ['::'],
  'r-azure.test': ['168.63.129.16'],
  's-teredo.test': ['2001:0:7f00:1::1'],
  't-multicast.test': ['224.0.0.1'],
};

test('a name that leads inside is refused, whichever address says so', async () => {
  for (const [name, addresses] of Object.entries(INSIDE)) {
    dns.set(name, addresses);
    assert.deepEqual(await call(name), ['EGRESS_REFUSED'], name);
  }
  assert.equal(heard, 0, 'the listener has heard nothing');
  assert.ok(dns.asked.length >= Object.keys(INSIDE).length * 2, 'the name server was asked');
});

test('a name whose answers change from question to question', { timeout: 60_000 }, async () => {
  // Addresses of nobody: with those of somebody else it is done in flow/attack-ssrf, where no connection leaves.
  const outside = ['240.0.0.1'];
  for (const [name, ...answers] of [
    ['rebind-1.test', ['192.0.2.1'], ['127.0.0.1']],
    ['rebind-2.test', outside, ['127.0.0.1'], outside],
    ['rebind-3.test', ['127.0.0.1'], outside],
    ['rebind-4.test', ['::1'], ['127.0.0.1']],
  ] as const) {
    dns.set(name, ...answers);
    for (const said of await call(name, 'public', 4, 700)) assert.notEqual(said, '200', name);
  }
  assert.equal(heard, 0, 'the listener has heard nothing');
});

test('what the operator named may be inside, and metadata never is', async () => {
  dns.set('gpu.test', ['127.0.0.1']);
  dns.set('trick.test', ['127.0.0.1', '169.254.169.254']);
  assert.deepEqual(await call('trick.test', 'private'), ['EGRESS_REFUSED']);
  assert.equal(heard, 0);
  assert.deepEqual(await call('gpu.test', 'private'), ['200']);
  assert.equal(heard, 1);
});

/** Ways to write 127.0.0.1 and ::1 in an address, and others that mean them to somebody. */
const SPELLINGS = [
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '0177.0.0.1',
  '0177.0.0.0x1',
  '017700000001',
  '127.0.0.1.',
  '①②⑦.⓪.⓪.①',
  '１２７.０.０.１',
  '127。0。0。1',
  '%31%32%37.0.0.1',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:7f00:1]',
  '[::127.0.0.1]',
  '[::ffff:0:127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[2002:7f00:1::]',
  '0',
  '0.0.0.0',
  '[::]',
  '10.0.0.1',
  '0xa000001',
  '[fe80::1]',
  '[fec0::1]',
  '[fd00::1]',
];
const METADATA = [
  '169.254.169.254',
  '2852039166',
  '0xa9fea9fe',
  '0xa9.0xfe.0xa9.0xfe',
  '0251.0376.0251.0376',
  '169.254.43518',
  '[::ffff:169.254.169.254]',
  '[::169.254.169.254]',
  '[2002:a9fe:a9fe::]',
  '[64:ff9b::a9fe:a9fe]',
  '[fd00:ec2::254]',
  '169.254.170.2',
  '100.100.100.200',
  '168.63.129.16',
  'metadata.google.internal',
  'METADATA.Google.Internal.',
  'metadata.google.internal..',
  'metadata',
  'instance-data',
  'metadata.azure.internal',
];

test('every way to write an address comes to the same', () => {
  for (const host of SPELLINGS) {
    const { hostname } = new URL(`http://user:pass@${host}:80/x?y#z`);
    assert.notEqual(hostWhyNot(hostname, 'public'), null, host);
  }
  for (const host of METADATA) {
    const { hostname } = new URL(`http://${host}/latest/meta-data/`);
    assert.notEqual(hostWhyNot(hostname, 'public'), null, host);
    assert.notEqual(hostWhyNot(hostname, 'private'), null, host);
  }
  // What stands before the "@" is no host.
  assert.notEqual(hostWhyNot(new URL('http://api.openai.com@127.0.0.1/').hostname, 'public'), null);
  assert.notEqual(hostWhyNot(new URL('http://api.openai.com:80@[::1]:80/').hostname, 'public'), null);
  assert.notEqual(hostWhyNot(new URL('http:\\\\127.0.0.1\\@api.openai.com/').hostname, 'public'), null);
  for (const name of ['api.openai.com', 'xn--bcher-kva.example', '1.1.1.1', '[2606:4700::1111]']) {
    assert.equal(hostWhyNot(new URL(`http://${name}/`).hostname, 'public'), null, name);
  }
});

test('addresses on both sides of each border', () => {
  for (const [inside, outside] of [
    ['9.255.255.255', null],
    ['10.0.0.0', '11.0.0.0'],
    ['10.255.255.255', '9.255.255.255'],
    ['100.127.255.255', '100.128.0.0'],
    ['127.255.255.255', '128.0.0.1'],
    ['169.254.0.0', '169.253.255.255'],
    ['172.31.255.255', '172.32.0.0'],
    ['192.168.255.255', '192.169.0.0'],
    ['198.19.255.255', '198.20.0.0'],
    ['fdff:ffff::1', 'fe00::1'],
    ['febf::1', '2a00::1'],
    ['::ffff:10.0.0.1', '::ffff:11.0.0.1'],
    ['2002:a00:1::', '2002:b00:1::'],
  ] as const) {
    if (outside === null) assert.equal(whyNot(inside, 'public'), null, inside);
    else {
      assert.notEqual(whyNot(inside, 'public'), null, inside);
      assert.equal(whyNot(outside, 'public'), null, outside);
    }
  }
});
