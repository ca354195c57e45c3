/** A receipt says what was decided, replaced, tried and paid, and whatever is changed in it is found. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { call, type Json, result, submit } from '../support/api.ts';
import { eventually, runGoblin, tempFolder } from '../support/server.ts';
import { type House, MODEL, startHouse } from '../support/vendors.ts';

interface Receipt extends Json {
  decision: Json | null;
  redactions: Json[];
  prices: {
    lines: { item: string; quantity: number; usd: number }[] | null;
    total_usd: number;
    price_version: string;
  }[];
  attempts: { cost_usd: number }[];
  events: (Json & { type: string; proof: unknown })[];
  public_keys: Record<string, string>;
}

const { verifyReceipt } = (await import(new URL('../../scripts/verify-receipt.mjs', import.meta.url).href)) as {
  verifyReceipt(receipt: unknown, kept?: string[]): string[];
};

let house: House;
before(async () => {
  house = await startHouse({
    settings: {
      policies: [{ id: 'shown', cedar: '@reason("all are welcome") permit (principal, action, resource);' }],
    },
  });
});
after(() => house.close());

// Made here, so that no file of the project holds what looks like a key.
const AWS = ['AKIA', 'Z7Q3M5N2P6R4T6V4'].join('');

async function receipt(prompt: string): Promise<Receipt> {
  const { request_id: id } = await submit(house.server, { model: MODEL, prompt });
  await result(house.server, id);
  return await eventually(async () => {
    const seen = (await call<Receipt>(house.server, `/mcp/v1/request/${id}/receipt`)).body;
    return seen.events.every(({ proof }) => proof !== null) ? seen : null;
  }, 'every event to be sealed');
}

/** Every leaf of a value, by its path. */
function* leaves(value: unknown, path: (string | number)[] = []): Generator<(string | number)[]> {
  if (typeof value !== 'object' || value === null) yield path;
  else if (Array.isArray(value)) for (let n = 0; n < value.length; n++) yield* leaves(value[n], [...path, n]);
  else for (const [name, one] of Object.entries(value)) yield* leaves(one, [...path, name]);
}

/** What may be made of a leaf. */
function otherwise(leaf: unknown): unknown[] {
  if (typeof leaf === 'number')
    return [leaf + 1, leaf + 1e-12, -leaf - 1, String(leaf), null].filter((one) => one !== leaf);
  if (typeof leaf === 'boolean') return [!leaf, null];
  if (leaf === null) return [0, '', false];
  const text = String(leaf);
  const flip = (at: number) => {
    const code = text.charCodeAt(at);
    return text.slice(0, at) + String.fromCharCode(code === 0x41 ? 0x42 : 0x41) + text.slice(at + 1);
  };
  const turned = text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase();
  const made = [`${text} `, ` ${text}`, `${text}=`, text.slice(0, -1), turned, null];
  if (text.length > 0) made.push(flip(0), flip(text.length >> 1), flip(text.length - 1));
  // A digit of base64 before the padding has bits that say nothing.
  if (text.endsWith('=')) {
    const at = text.indexOf('=') - 1;
    for (const letter of 'AQgwBRhxZ') made.push(text.slice(0, at) + letter + text.slice(at + 1));
  }
  return made.filter((one) => one !== text);
}

test('decision, redactions, attempts and price lines stand in it', async () => {
  const seen = await receipt(`Keep ${AWS} safe.`);
  assert.deepEqual(verifyReceipt(seen), []);
  assert.match(JSON.stringify(seen.decision), /shown.*all are welcome/);
  assert.deepEqual(
    seen.redactions.map(({ rule, action }) => [rule, action]),
    [['aws_access_key', 'redact']],
  );
  assert.ok(!JSON.stringify(seen).includes(AWS));
  const [price] = seen.prices;
  assert.ok(price?.lines && price.lines.length >= 2, JSON.stringify(price));
  assert.deepEqual(
    price.lines.map(({ item }) => item),
    ['input', 'output'],
  );
  const sum = price.lines.reduce((total, { usd }) => total + usd, 0);
  assert.ok(Math.abs(sum - price.total_usd) < 1e-11 && price.total_usd > 0);
  assert.equal(price.total_usd, seen.attempts[0]?.cost_usd);
});

test('whatever is changed in it, taken out of it or put into it is found', async () => {
  const seen = await receipt(`Keep ${AWS} safe, again.`);
  const kept = Object.values(seen.public_keys);
  const fails = (changed: unknown, what: string): void => {
    for (const keys of [[], kept]) {
      let wrong: string[];
      try {
        wrong = verifyReceipt(changed, keys);
      } catch {
        continue;
      }
      assert.ok(wrong.length > 0, what);
    }
  };
  let changes = 0;
  for (const path of leaves(seen)) {
    const at = path.slice(0, -1);
    const name = path.at(-1) as string | number;
    const parentOf = (of: unknown) => at.reduce((value, step) => (value as Json)[step], of) as Json;
    for (const other of otherwise(parentOf(seen)[name])) {
      const copy = structuredClone(seen);
      parentOf(copy)[name] = other;
      fails(copy, `${path.join('.')} became ${JSON.stringify(other)}`);
      changes++;
    }
    const without = structuredClone(seen);
    const parent = parentOf(without);
    if (Array.isArray(parent)) parent.splice(Number(name), 1);
    else delete parent[name];
    fails(without, `${path.join('.')} is gone`);
    const more = structuredClone(seen);
    const fuller = parentOf(more);
    if (Array.isArray(fuller)) fuller.push(fuller[0]);
    else fuller.extra = 1;
    fails(more, `${at.join('.')} has more`);
  }
  assert.ok(changes > 500, `${changes} changes`);
});

test('a receipt whose content was erased, or that cannot be read, says so', async () => {
  const seen = await receipt(`Erase ${AWS}.`);
  const id = (seen.request as Json).request_id as string;
  assert.equal((await runGoblin(['user', 'erase', 'local'], house.server, {}, 60_000)).code, 0);
  const later = (await call<Receipt>(house.server, `/mcp/v1/request/${id}/receipt`)).body;
  const erased = later.events.filter(({ type }) => type === 'request.succeeded' || type === 'guard.finding');
  assert.ok(erased.length >= 2 && erased.every(({ payload }) => (payload as Json).erased === true));
  assert.deepEqual(verifyReceipt(later, Object.values(seen.public_keys)), []);
  assert.deepEqual([(later.request as Json).content_erased, later.redactions[0]?.erased], [true, true]);
  assert.equal(later.attempts[0]?.cost_usd, seen.attempts[0]?.cost_usd);
  const file = join(tempFolder(), 'receipt.json');
  writeFileSync(file, JSON.stringify(seen).slice(0, -20));
  const { spawnSync } = await import('node:child_process');
  const ran = spawnSync(
    process.execPath,
    [new URL('../../scripts/verify-receipt.mjs', import.meta.url).pathname, file],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(ran.status, 1);
  assert.match(ran.stdout, /NOT right: it cannot be read/);
});
