/** Secrets in raw calls: nothing can be replaced there, so they are refused before anything is sent or stored. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Caller } from '../../../src/contract/caller.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import type { RawCall } from '../../../src/contract/raw.ts';
import { createRawSecrets } from '../../../src/guard/raw-secrets.ts';
import { type ActionSettings, actionsOf } from '../../../src/guard/secrets/actions.ts';
import { createScanner } from '../../../src/guard/secrets/engine.ts';
import { SECRET_RULES } from '../../../src/guard/secrets/rules/index.ts';
import { createShield } from '../../../src/guard/shield.ts';

const AWS = ['AKIA', 'Z7Q3M5N2P6R4T6V4'].join('');
const digest = (tenant: string, value: string): string => createHmac('sha256', tenant).update(value).digest('hex');
const scanner = createScanner(SECRET_RULES);
const caller = { tenant: 't', key: 'k' } as Caller;
const plain: RawCall = {
  provider: 'p',
  method: 'POST',
  path: '/files?limit=2',
  headers: { 'content-type': 'application/json' },
  body: Buffer.from('{"a": "b"}'),
  userId: 'u',
  labels: null,
  deadlineMs: null,
  idempotency: null,
};

async function check(
  of: Partial<RawCall>,
  settings: ActionSettings = {},
): Promise<{ places: string[]; notes: Record<string, unknown>[] }> {
  const notes: Record<string, unknown>[] = [];
  const shield = createShield(scanner, actionsOf(settings), digest);
  const run = createRawSecrets({
    shields: { of: () => shield },
    digest,
    note: (_tenant, note) => void notes.push(note),
  });
  try {
    await run(caller, 'id', { ...plain, ...of });
    return { places: [], notes };
  } catch (error) {
    assert.ok(error instanceof GoblinError && error.code === 'secret_blocked');
    assert.ok(!JSON.stringify([error.detail, error.errors, notes]).includes(AWS));
    return { places: (error.errors ?? []).map(({ path }) => path), notes };
  }
}

describe('a raw call', () => {
  it('passes without a secret, whatever its bytes are', async () => {
    for (const body of [null, Buffer.from('{"text": "naïve 日本"}'), Buffer.from([0, 255, 13, 10, 128, 0x7b])])
      assert.deepEqual(await check({ body }), { places: [], notes: [] });
  });

  it('is refused with the place of a secret: body, path, headers, labels', async () => {
    assert.deepEqual((await check({ body: Buffer.from(`{"token": "${AWS}"}`) })).places, ['body']);
    assert.deepEqual((await check({ path: `/files?key=${AWS}&a=b` })).places, ['path']);
    assert.deepEqual((await check({ path: `/files/%41${AWS.slice(1)}` })).places, ['path']);
    assert.deepEqual((await check({ headers: { prefer: `x=${AWS}` }, body: null })).places, ['headers.prefer']);
    assert.deepEqual((await check({ labels: { team: AWS } })).places, ['labels.team']);
    assert.deepEqual((await check({ labels: { team: 'a', [AWS]: AWS } })).places, [
      'labels.[name 1]',
      'labels.[name 1]',
    ]);
    assert.deepEqual((await check({ headers: { [AWS]: 'x' } })).places, ['headers.[name 0]']);
  });

  it('is read in whatever encoding a text has', async () => {
    const said = `{"token": "${AWS}"}`;
    const multipart = Buffer.concat([Buffer.from([0xff, 0xd8, 0x80, 0]), Buffer.from(`\r\n--zz\r\n\r\n${said}\r\n`)]);
    const big = Buffer.from(said, 'utf16le').swap16();
    for (const [type, body] of [
      ['multipart/form-data; boundary=zz', multipart],
      ['application/json; charset=utf-16', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(said, 'utf16le')])],
      ['text/plain; charset=utf-16be', Buffer.concat([Buffer.from([0xfe, 0xff]), big])],
      ['application/octet-stream', Buffer.from(said)],
      ['', Buffer.from(`\x80${said}`, 'latin1')],
      ['text/plain', Buffer.from(Buffer.from(said).toString('base64'))],
    ] as const) {
      assert.deepEqual(
        (await check({ headers: type === '' ? {} : { 'content-type': type }, body })).places,
        ['body'],
        type,
      );
    }
    const picture = Buffer.concat([Buffer.from([0xff, 0xd8, 0x80]), Buffer.from(said)]);
    assert.deepEqual((await check({ headers: { 'content-type': 'image/jpeg' }, body: picture })).places, []);
  });

  it('goes by the actions of its task: what would be redacted is refused, what is flagged is noted', async () => {
    const body = Buffer.from(AWS);
    const { notes } = await check({ body });
    assert.deepEqual(notes, [
      {
        rule: 'aws_access_key',
        action: 'block',
        place: 'body',
        fingerprint: digest('t', AWS).slice(0, 16),
        key: 'k',
        mode: 'raw',
      },
    ]);
    const flagged = await check({ body }, { tasks: { raw: { kinds: { credential: 'flag' } } } });
    assert.deepEqual([flagged.places, flagged.notes[0]?.action], [[], 'flag']);
    assert.deepEqual(await check({ body }, { tasks: { raw: { rules: { aws_access_key: 'allow' } } } }), {
      places: [],
      notes: [],
    });
    assert.deepEqual((await check({ body }, { tasks: { chat: { kinds: { credential: 'allow' } } } })).places, ['body']);
  });

  it('is not let in when it cannot be known what is looked for', async () => {
    const away = new GoblinError('unavailable', 'no rules');
    const run = createRawSecrets({
      shields: {
        of() {
          throw away;
        },
      },
      digest,
      note() {},
    });
    await assert.rejects(run(caller, 'id', plain), away);
  });
});
