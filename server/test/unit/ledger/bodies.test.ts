/** How content is packed and comes back: exactly, once per day, and without holding the event loop. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AnswerCall, Message, Tool } from '../../../src/contract/call.ts';
import type { Row, Sql } from '../../../src/contract/ports.ts';
import type { StoredBody } from '../../../src/contract/record.ts';
import { type BodyPacker, createBodyPacker, type Packed, type Piece } from '../../../src/ledger/bodies.ts';
import { newRequestId } from '../../../src/ledger/ids.ts';
import { type StoredRow, unpackBodies } from '../../../src/ledger/unpack.ts';
import { calmDay } from '../../support/calm-day.ts';
import { heldBy } from '../../support/cpu.ts';

// Pieces are of one day.
await calmDay(60_000);

const T = 'acme';
const user = (text: string): Message => ({ role: 'user', content: [{ type: 'text', text }] });
const body = (messages: Message[], more: Partial<AnswerCall> = {}): StoredBody => ({
  call: { kind: 'answer', messages, ...more },
  hints: ['openai'],
  metadata: { a: [1, null] },
});

/** What a database with pieces would answer. */
function store() {
  const pieces = new Map<string, Piece>();
  let asked = 0;
  const sql: Pick<Sql, 'query'> = {
    async query<R extends Row>(_text: string, values: readonly unknown[] = []) {
      asked++;
      const wanted = JSON.parse(values[0] as string) as { tenant: string; day: string; hash: string }[];
      return wanted.flatMap((key) => {
        const piece = pieces.get(`${key.day} ${key.tenant} ${key.hash}`);
        return piece ? [{ ...piece, data: new Uint8Array(Buffer.from(piece.data, 'base64')) }] : [];
      }) as unknown as R[];
    },
  };
  return {
    sql,
    pieces,
    asked: () => asked,
    keep(list: readonly Piece[]) {
      for (const piece of list) pieces.set(`${piece.day} ${piece.tenant} ${piece.hash}`, piece);
    },
  };
}

const toRows = (packed: Packed, tenant = T): StoredRow[] =>
  packed.bodies.map((row) => ({ ...row, tenant, data: new Uint8Array(Buffer.from(row.data, 'base64')) }));

async function roundTrip(bodies: StoredBody[], packer: BodyPacker = createBodyPacker(64), kept = store()) {
  const packed = await packer.pack(bodies.map((one) => ({ id: newRequestId(), tenant: T, body: one })));
  kept.keep(packed.pieces);
  packer.stored(packed.pieces);
  return { packed, back: await unpackBodies(kept.sql, toRows(packed)) };
}

/** The very text, so that the order of fields counts too. */
const same = (back: StoredBody[], bodies: StoredBody[]) =>
  assert.deepEqual(
    back.map((one) => JSON.stringify(one)),
    bodies.map((one) => JSON.stringify(one)),
  );

const WORDS = 'the file test run error fix line build value of and to in module import path then returns goblin'.split(
  ' ',
);
const prose = (size: number): string => {
  if (size > 20_000)
    return prose(20_000)
      .repeat(Math.ceil(size / 20_000))
      .slice(0, size);
  const words: string[] = [];
  for (let length = 0; length < size; length += (words.at(-1)?.length ?? 0) + 1) {
    const random = randomBytes(4);
    words.push(
      (random[0] as number) < 60 ? random.toString('hex') : (WORDS[(random[1] as number) % WORDS.length] as string),
    );
  }
  return words.join(' ').slice(0, size);
};

test('a small call is stored as it always was', async () => {
  const bodies = [body([user('Hello \u0000 \ud800 ü "\\\n')]), body([user('a'), user('b'.repeat(400))])];
  const { packed, back } = await roundTrip(bodies);
  assert.deepEqual(
    packed.bodies.map((row) => [row.encoding, Buffer.from(row.data, 'base64').toString()]),
    bodies.map((one) => ['json', JSON.stringify(one)]),
  );
  assert.deepEqual(packed.pieces, []);
  same(back, bodies);
});

test('every encoding comes back as it was', async () => {
  const odd = '\u0000 \ud800 \udfff ü 漢 "\\\n';
  const tools: Tool[] = [{ name: 'find', description: `${odd}${'x'.repeat(300)}`, parameters: { type: 'object' } }];
  const cases: [string, StoredBody][] = [
    ['json', body([user(odd)])],
    ['deflate', body([user(odd + prose(2000))])],
    ['pieces+json', body([user(odd + prose(2000)), user('short')], { tools, seed: 0 })],
    ['pieces+json', body([user(prose(300)), user(odd), user(prose(900))])],
    ['pieces+json', body([user(odd + prose(5000))])],
    ['pieces+deflate', body(Array.from({ length: 40 }, (_, n) => user(n % 2 ? prose(300) : `${n} ${odd}`)))],
    ['pieces+json', body([user('same'.repeat(400)), user('same'.repeat(400))])],
    ['pieces+json', body([], { tools: [...tools, ...tools, ...tools, ...tools] })],
    [
      'pieces+json',
      body([user('short')], {
        native: { dialect: 'responses', body: { instructions: prose(400), n: 0 }, previous: 'resp_1' },
        tools: [...tools, ...tools, ...tools],
      }),
    ],
    [
      'pieces+json',
      body([user(prose(1200)), user('')], {
        responseFormat: { type: 'json_schema', name: 'n', schema: { a: prose(900) } },
      }),
    ],
    ['pieces+json', body([user(prose(1200)), user('')], { tools: [{ name: 'tiny' }] })],
  ];
  const { packed, back } = await roundTrip(cases.map(([, one]) => one));
  assert.deepEqual(
    packed.bodies.map((row) => row.encoding),
    cases.map(([encoding]) => encoding),
  );
  same(
    back,
    cases.map(([, one]) => one),
  );
});

test('any call comes back as it was', async () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.integer({ min: 100, max: 3000 }).map(prose));
  const message = text.map(user);
  const tools = fc.option(fc.array(fc.record({ name: text, description: text }), { maxLength: 3 }), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.array(message, { maxLength: 6 }), tools), { maxLength: 3 }), async (list) => {
      const bodies = list.map(([messages, some]) => body(messages, some ? { tools: some } : {}));
      same((await roundTrip(bodies)).back, bodies);
    }),
    { numRuns: 200 },
  );
});

test('an agent of 100 turns stores less than a tenth of what it sends', async () => {
  const packer = createBodyPacker();
  const kept = store();
  const tools: Tool[] = Array.from({ length: 20 }, (_, n) => ({ name: `tool${n}`, description: prose(950) }));
  const messages: Message[] = [];
  let plain = 0;
  let stored = 0;
  let sent = 0;
  for (let turn = 0; turn < 100; turn++) {
    messages.push(user(prose(1440)), { role: 'assistant', content: [{ type: 'text', text: prose(1440) }] });
    const one = body([...messages], { tools });
    const { packed, back } = await roundTrip([one], packer, kept);
    same(back, [one]);
    plain += JSON.stringify(one).length;
    sent += packed.pieces.length;
    for (const { data } of [...packed.bodies, ...packed.pieces]) stored += Buffer.byteLength(data, 'base64');
  }
  console.log(
    `  plain ${plain} bytes, stored ${stored} bytes (${((100 * stored) / plain).toFixed(1)} %), ${sent} pieces`,
  );
  assert.equal(sent, 201, 'each message once, and the tools once');
  assert.ok(stored < plain / 10, `${stored} of ${plain}`);
});

test('pieces are of one tenant and one day', async () => {
  const packer = createBodyPacker();
  const one = body([user(prose(2000)), user('x')]);
  const pack = (tenant: string, id = newRequestId()) => packer.pack([{ id, tenant, body: one }]) as Packed;
  const first = pack(T);
  packer.stored(first.pieces);
  assert.equal(first.pieces.length, 1);
  assert.equal(pack(T).pieces.length, 0, 'known');
  assert.equal(pack('other').pieces.length, 1, 'not of another tenant');
  const tomorrow = (Date.now() + 86_400_000).toString(16).padStart(12, '0');
  const [later] = pack(T, `${tomorrow.slice(0, 8)}-${tomorrow.slice(8)}-7000-8000-000000000000`).pieces;
  assert.notEqual(later?.day, first.pieces[0]?.day, 'not of another day');
  assert.equal(later?.hash, first.pieces[0]?.hash);
  packer.forget();
  assert.equal(pack(T).pieces.length, 1, 'forgotten');
});

test('what was not committed is sent again; what two requests share is sent once, in one order', async () => {
  const packer = createBodyPacker(8);
  const shared = user(prose(2000));
  const items = Array.from({ length: 5 }, (_, n) => ({
    id: newRequestId(),
    tenant: n % 2 ? 'b' : 'a',
    body: body([shared, user(`${n}${prose(300)}`), user('x')]),
  }));
  const one = packer.pack(items) as Packed;
  assert.equal(one.pieces.length, 2 + 5);
  const other = packer.pack([...items].reverse()) as Packed;
  assert.deepEqual(other.pieces, one.pieces);
  // Far more than it can remember: nothing is ever taken for known that is not.
  const kept = store();
  for (let n = 0; n < 300; n++) await roundTrip([body([user(prose(300)), user(prose(800))])], packer, kept);
});

test('a body or a piece that is gone, or cannot be read, is a call without messages', async () => {
  const kept = store();
  const bodies = [body([user(prose(2000)), user('a')]), body([user(prose(2000)), user('b')])];
  const packer = createBodyPacker();
  const packed = (await packer.pack(bodies.map((one) => ({ id: newRequestId(), tenant: T, body: one })))) as Packed;
  kept.keep(packed.pieces);
  const rows = toRows(packed);
  const row = rows[0] as StoredRow;
  const [gone, unknown, damaged, good] = await unpackBodies(kept.sql, [
    { ...row, data: null },
    { ...row, encoding: 'from-the-future' },
    { ...row, encoding: 'deflate' },
    row,
  ]);
  const empty = { call: { kind: 'answer', messages: [] }, hints: [], metadata: null };
  assert.deepEqual([gone, unknown, damaged], [empty, empty, empty]);
  same([good as StoredBody], [bodies[0] as StoredBody]);
  kept.pieces.clear();
  kept.keep(
    packed.pieces.filter((piece) => !Buffer.from(row.data as Uint8Array).includes(Buffer.from(piece.hash, 'hex'))),
  );
  assert.deepEqual(
    (await unpackBodies(kept.sql, rows)).map((one) => one.call.messages.length),
    [0, 2],
  );
  const other = await unpackBodies(
    kept.sql,
    rows.map((one) => ({ ...one, tenant: 'other' })),
  );
  assert.deepEqual(
    other.map((one) => one.call.messages.length),
    [0, 0],
    'pieces of another tenant are not there',
  );
});

test('without pieces the database is not asked', async () => {
  const kept = store();
  await roundTrip([body([user('x')]), body([user(prose(3000))])], createBodyPacker(), kept);
  assert.equal(kept.asked(), 0);
});

test('10 MB do not hold the event loop', { timeout: 60_000 }, async () => {
  const image = { type: 'image', mediaType: 'image/png', data: randomBytes(7_500_000).toString('base64') } as const;
  const many = Array.from({ length: 5000 }, (_, n) => user(`${n} ${prose(200).repeat(10)}`));
  const cases: [string, StoredBody][] = [
    ['one text', body([user(prose(10_000_000))])],
    ['one image', body([{ role: 'user', content: [image] }])],
    ['5,000 messages', body(many)],
    ['metadata', { ...body([user('x')]), metadata: { text: prose(10_000_000) } }],
  ];
  for (const [name, one] of cases) {
    const packer = createBodyPacker();
    const kept = store();
    const pack = await heldBy(() => Promise.resolve(packer.pack([{ id: newRequestId(), tenant: T, body: one }])));
    kept.keep(pack.value.pieces);
    const unpack = await heldBy(() => unpackBodies(kept.sql, toRows(pack.value)));
    same(unpack.value, [one]);
    console.log(
      `  ${name}: packing holds ${shown(pack.longest)} of ${shown(pack.all)}, unpacking ${shown(unpack.longest)} of ${shown(unpack.all)}`,
    );
    // The bound is for the kind, the figures above are for the eye.
    assert.ok(pack.longest < 300, `${name}: ${pack.longest} ms`);
  }
});

const shown = (ms: number): string => `${Math.round(ms)} ms`;
