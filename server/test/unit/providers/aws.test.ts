import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { awsDomain, createAwsSigner, findAwsRegion, isAwsRegion } from '../../../src/providers/auth/aws.ts';
import { failed, instance, LATER, nobody, settled, signedBy, signerIn, world } from './aws-kit.ts';

test('credentials are kept, renewed in the background before their end, one search at a time', async (t) => {
  let id = 0;
  const made = await world(t, (seen) => {
    const said = instance(seen);
    if (said?.body?.includes('ASIAEC2')) {
      id++;
      return {
        body: said.body.replace('ASIAEC2', `ASIA${id}`).replace(LATER, new Date(made.time + 3_600_000).toISOString()),
        after: 30,
      };
    }
    return said;
  });
  const sign = signerIn(made, {});
  const many = await Promise.all(Array.from({ length: 50 }, () => signedBy(sign())));
  assert.deepEqual([new Set(many).size, id, made.seen.length], [1, 1, 3]);
  made.time += 54 * 60_000;
  assert.equal(await signedBy(sign()), 'ASIA1');
  assert.equal(made.seen.length, 3, 'not yet');
  made.time += 2 * 60_000;
  for (let n = 0; n < 20; n++) assert.ok(!(sign() instanceof Promise), 'the old ones still serve');
  await settled(made);
  assert.equal(await signedBy(sign()), 'ASIA2');
  assert.deepEqual([id, made.seen.length], [2, 6]);
});

test('a renewal that fails leaves the old credentials until their end, and is not repeated with every call', async (t) => {
  let up = true;
  const made = await world(t, (seen) => (up ? instance(seen) : null));
  const sign = signerIn(made, {});
  await sign();
  up = false;
  made.time = Date.parse(LATER) - 4 * 60_000;
  for (let n = 0; n < 5; n++) {
    assert.equal(await signedBy(sign()), 'ASIAEC2');
    await settled(made);
  }
  assert.equal(made.seen.length, 4, 'one try');
  made.time += 31_000;
  await sign();
  await settled(made);
  assert.equal(made.seen.length, 5, 'and another after the pause');
  made.time = Date.parse(LATER) - 10_000;
  assert.equal((await failed(sign())).code, 'upstream_unreachable', 'it was there, so it will come back');
  assert.equal((await failed(sign())).code, 'upstream_unreachable');
  assert.equal(made.seen.length, 6, 'a failure is remembered');
  made.time += 5001;
  await failed(sign());
  assert.equal(made.seen.length, 7);
});

test('keys in files are read again after a while', async (t) => {
  const made = await world(t, nobody);
  const write = (id: string) => {
    made.files['/home/me/.aws/credentials'] = `[default]\naws_access_key_id=${id}\naws_secret_access_key=s`;
  };
  write('AKIAONE');
  const sign = signerIn(made, {});
  assert.equal(await signedBy(sign()), 'AKIAONE');
  write('AKIATWO');
  assert.equal(await signedBy(sign()), 'AKIAONE');
  made.time += 6 * 60_000;
  await sign();
  await settled(made);
  assert.equal(await signedBy(sign()), 'AKIATWO');
  delete made.files['/home/me/.aws/credentials'];
  made.time += 6 * 60_000;
  await sign();
  await settled(made);
  assert.equal(await signedBy(sign()), 'AKIATWO', 'a file that is being rewritten takes nothing away');
});

test('real files, and ones that cannot be read', async (t) => {
  const made = await world(t, nobody);
  const home = mkdtempSync(join(tmpdir(), 'aws-'));
  t.after(() => rmSync(home, { recursive: true }));
  const real = () => {
    const fetchSmall = made.fetchSmall;
    const signer = createAwsSigner({
      env: { AWS_EC2_METADATA_DISABLED: 'true' },
      region: 'us-east-1',
      fetchSmall,
      home,
    });
    return signer.sign({ method: 'GET', url: new URL('https://x.example/'), headers: {}, body: '' });
  };
  assert.equal((await failed(real())).code, 'upstream_unauthorized');
  mkdirSync(join(home, '.aws'));
  writeFileSync(
    join(home, '.aws', 'credentials'),
    '\ufeff[default]\naws_access_key_id=AKIAREAL\naws_secret_access_key=s\n',
  );
  assert.equal(await signedBy(real()), 'AKIAREAL');
  mkdirSync(join(home, '.aws', 'config'));
  assert.match((await failed(real())).detail, /cannot be read \(EISDIR\)/);
});

test('the region: entry, variables, profile; and nothing that is none', async () => {
  const files: Record<string, string> = {
    '/home/me/.aws/config':
      '[default]\nregion = ap-southeast-2\n[profile work]\nregion = us-gov-west-1\n[profile odd]\nregion = evil.example/',
  };
  const find = (entry: string | undefined, env: Record<string, string>, profile?: string) =>
    findAwsRegion(entry, { env, home: '/home/me', readFile: async (path) => files[path] ?? null }, profile);
  assert.equal(await find('eu-west-1', { AWS_REGION: 'us-east-1' }), 'eu-west-1');
  assert.equal(await find(undefined, { AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'us-west-2' }), 'us-east-1');
  assert.equal(await find(undefined, { AWS_DEFAULT_REGION: 'us-west-2' }), 'us-west-2');
  assert.equal(await find(undefined, {}), 'ap-southeast-2');
  assert.equal(await find(undefined, { AWS_PROFILE: 'work' }), 'us-gov-west-1');
  assert.equal(await find(undefined, {}, 'nope'), null);
  await assert.rejects(find('us-east-1.evil.example', {}), /region is "us-east-1.evil.example"/);
  await assert.rejects(find(undefined, { AWS_REGION: 'x' }), /AWS_REGION/);
  await assert.rejects(find(undefined, {}, 'odd'), /profile "odd"/);
  for (const name of [
    'us-east-1',
    'ap-northeast-3',
    'us-gov-east-1',
    'cn-north-1',
    'eusc-de-east-1',
    'us-iso-east-1',
    'mx-central-1',
  ]) {
    assert.ok(isAwsRegion(name), name);
  }
  for (const name of ['', 'us-east', 'us east-1', 'us-east-1@x', 'US-EAST-1', '../us-east-1', 'us-east-1\n']) {
    assert.ok(!isAwsRegion(name), name);
  }
  assert.deepEqual(['us-east-1', 'cn-north-1', 'eusc-de-east-1'].map(awsDomain), [
    'amazonaws.com',
    'amazonaws.com.cn',
    'amazonaws.eu',
  ]);
});
