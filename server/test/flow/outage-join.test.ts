/**
 * A vendor breaks in the middle of an answer, after 40 of 60 words: another goes on from the very word, whatever the dialects
 * of both; or the answer begins anew, or ends. Every attempt is in the record and paid for once.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { DialectName } from '../../src/contract/call.ts';
import type { Script } from '../../src/providers/simulator/script.ts';
import { outcome, submit } from '../support/api.ts';
import { costOf, type Outage, recordOf, startOutage, tell, type Vendor } from '../support/outage.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
import { SPEAKERS } from '../vendors/speak.ts';
import { refusalOf, scriptOf } from '../vendors/world.ts';

/** Sixty words, no two the same, with characters of every length and blanks of more than one kind. */
const WORDS = Array.from({ length: 60 }, (_, i) =>
  i === 0 ? 'Word0' : `${i % 11 === 0 ? '\n\n' : ' '}${i % 7 === 0 ? 'größe' : i % 13 === 0 ? '日本🐉' : 'word'}${i}`,
);
const TEXT = WORDS.join('');
const SHOWN = 40;
const IN = 500;
const usage = (words: number) => ({ input: IN, output: words });

type Break = (dialect: DialectName) => Script;
/** The first 40 words, then what `ending` says, or an event of one's own. */
const broken =
  (ending: Script['ending'], last?: (dialect: DialectName) => string | Buffer): Break =>
  (dialect) => {
    const script = scriptOf(dialect, { words: WORDS, usage: usage(60) }, true);
    let words = 0;
    const end = script.steps.findIndex(({ tokens }) => {
      words += tokens;
      return words > SHOWN;
    });
    const steps = script.steps.slice(0, end);
    if (last) steps.push({ kind: 'other', bytes: last(dialect), tokens: 0 });
    return { ...script, steps, ending };
  };
const cut = broken('cut');

const DIALECTS: readonly DialectName[] = ['openai', 'responses', 'anthropic', 'gemini', 'bedrock', 'cohere', 'ollama'];
const breaking = (dialect: DialectName, how: Break = cut): Vendor => ({ dialect, say: () => how(dialect) });

/** Goes on from what it was given; `say` makes something else of the words that are left. */
const going = (
  dialect: DialectName,
  say: (rest: string, prefix: string) => string = (rest) => rest,
  entry: Record<string, unknown> = {},
): Vendor => ({
  dialect,
  entry,
  say(call) {
    const { prefix } = call.hear();
    if (!TEXT.startsWith(prefix)) return { words: [`[never said: ${prefix}]`] };
    const words = say(TEXT.slice(prefix.length), prefix).match(/\s*\S+/g) ?? [];
    return { words, usage: usage(words.length) };
  },
});

/** Who can be told to go on, and how: by the last message alone, by a mark on it, by a field. */
const GOERS: Readonly<Record<string, Vendor>> = {
  'goes-trailing': going('openai', undefined, { prefix: 'trailing' }),
  'goes-marked': {
    dialect: 'openai',
    entry: { prefix: 'prefix' },
    // Mistral and DeepSeek want their mark on the message.
    say(call) {
      const last = (call.body.messages as Record<string, unknown>[]).at(-1);
      const mark = last?.prefix === true;
      const prefix = String(last?.content ?? '');
      const rest = TEXT.slice(prefix.length).match(/\s*\S+/g) ?? [];
      return mark && TEXT.startsWith(prefix) ? { words: rest, usage: usage(rest.length) } : { words: ['[no mark]'] };
    },
  },
  'goes-anthropic': going('anthropic'),
  'goes-bedrock': going('bedrock'),
  'goes-gemini': going('gemini'),
  'goes-ollama': going('ollama'),
};

/** What models make of a beginning: all of it again, some words of it again, the blank at the join left out or doubled. */
const ECHOES: Readonly<Record<string, Vendor>> = {
  'echoes-all': going('openai', (rest, prefix) => prefix + rest, { prefix: 'trailing' }),
  'echoes-some': going('openai', (rest, prefix) => prefix.slice(-30) + rest, { prefix: 'trailing' }),
  'echoes-all-claude': going('anthropic', (rest, prefix) => prefix + rest),
  'says-nothing': going('openai', () => '', { prefix: 'trailing' }),
};

const CUTS: Readonly<Record<string, Break>> = {
  ends: broken('end'),
  stalls: broken('hang'),
  errs: broken('end', (dialect) =>
    dialect === 'bedrock' ? '' : `event: error\ndata: ${JSON.stringify(SPEAKERS[dialect].error('broken'))}\n\n`,
  ),
};

const vendors: Record<string, Vendor> = {
  ...Object.fromEntries(DIALECTS.map((dialect) => [`breaks-${dialect}`, breaking(dialect)])),
  ...Object.fromEntries(Object.entries(CUTS).map(([how, make]) => [`breaks-${how}`, breaking('anthropic', make)])),
  ...GOERS,
  ...ECHOES,
  // Chat models that answer a last message of their own anew, and an API that has no place for one.
  'never-openai': going('openai', undefined, { prefix: 'none' }),
  'never-responses': going('responses'),
  'never-cohere': going('cohere'),
  // Says that it can, and does not take it.
  'refuses-beginning': {
    dialect: 'openai',
    entry: { prefix: 'trailing' },
    say: () => refusalOf('openai', 400, SPEAKERS.openai.error('invalid', 'The last message must be of the user.')),
  },
};

const lists: Record<string, string[]> = {
  unable: ['breaks-openai', 'never-openai', 'never-responses', 'never-cohere'],
  able: ['breaks-openai', 'never-responses', 'goes-anthropic'],
  refused: ['breaks-gemini', 'refuses-beginning', 'goes-anthropic'],
  twice: ['breaks-openai', 'breaks-again', 'goes-ollama'],
};
for (const dialect of DIALECTS) {
  for (const goer of Object.keys(GOERS)) lists[`${dialect}-${goer}`] = [`breaks-${dialect}`, goer];
}
for (const echo of Object.keys(ECHOES)) lists[echo] = ['breaks-openai', echo];
for (const how of Object.keys(CUTS)) lists[how] = [`breaks-${how}`, 'goes-trailing'];

/** Goes on for ten words, and breaks as well. */
vendors['breaks-again'] = {
  dialect: 'openai',
  entry: { prefix: 'trailing' },
  say(call) {
    const { prefix } = call.hear();
    const words = TEXT.slice(prefix.length).match(/\s*\S+/g) ?? [];
    const script = scriptOf('openai', { words }, true);
    return { ...script, steps: script.steps.slice(0, 11), ending: 'cut' };
  },
};

/** Longer than a vendor of this busy process may stand still. */
const IDLE_MS = 3000;
/** What a busy machine adds. */
const SLOW_MS = 6000;
let house: Outage;
before(async () => {
  house = await startOutage(vendors, lists, {
    settings: {
      breaker: { consecutive: 1000, min_calls: 100_000 },
      clocks: { headers_ms: 20_000, first_token_ms: 20_000, idle_ms: IDLE_MS },
    },
  });
});
after(() => house.close());

const lastCall = (name: string) => house.world.calls(name).at(-1);

test('whoever breaks, whoever can goes on from the very word', { timeout: 180_000 }, async () => {
  for (const dialect of DIALECTS) {
    for (const goer of Object.keys(GOERS)) {
      const what = `${dialect}, then ${goer}`;
      const told = await tell(house.server, `${dialect}-${goer}`, 'Say sixty words.');
      assert.equal(told.code, null, what);
      assert.equal(told.text, TEXT, `${what}: every word, none twice`);
      assert.deepEqual([told.finish, told.truth?.provider, told.truth?.attempts], ['stop', goer, 2], what);
      assert.equal(lastCall(goer)?.tokens, 60 - SHOWN, `${what}: what it had to say`);
      const [first, second] = (await recordOf(house.server, told.id)).attempts;
      assert.deepEqual(
        [first?.status, first?.error?.code, second?.status, second?.provider],
        ['failed', 'upstream_truncated', 'succeeded', goer],
        what,
      );
      // What the first has used nobody said: it is estimated, at least what it has shown. The second says it itself.
      assert.equal(first?.usage?.source, 'estimated', what);
      assert.ok((first?.cost_usd ?? 0) >= costOf(1, SHOWN), what);
      assert.deepEqual([second?.usage?.source, second?.usage?.output_tokens], ['reported', 60 - SHOWN], what);
      assert.ok(Math.abs((second?.cost_usd ?? 0) - costOf(IN, 60 - SHOWN)) < 1e-12, what);
      // The caller is told the usage and the cost of both.
      assert.equal(told.usage?.completion_tokens, (first?.usage?.output_tokens ?? 0) + 60 - SHOWN, what);
      assert.equal(told.usage?.prompt_tokens, (first?.usage?.input_tokens ?? 0) + IN, what);
      const cost = (first?.cost_usd ?? 0) + (second?.cost_usd ?? 0);
      assert.ok(Math.abs((told.truth?.cost_usd ?? 0) - cost) < 1e-9, what);
    }
  }
});

for (const echo of Object.keys(ECHOES)) {
  test(`a target that ${echo.replaceAll('-', ' ')}: no word twice`, async () => {
    const told = await tell(house.server, echo, 'Say sixty words.');
    const expected = echo === 'says-nothing' ? WORDS.slice(0, SHOWN).join('') : TEXT;
    assert.deepEqual([told.code, told.text, told.truth?.attempts], [null, expected, 2]);
  });
}

for (const how of Object.keys(CUTS)) {
  test(`the first ${how}: the second goes on, in time`, async () => {
    const told = await tell(house.server, how, 'Say sixty words.');
    assert.deepEqual([told.code, told.text, told.truth?.attempts], [null, TEXT, 2]);
    assert.ok(told.ms < IDLE_MS + SLOW_MS, `${told.ms} ms`);
    const call = lastCall(`breaks-${how}`);
    if (how === 'stalls') {
      const silence = (call?.endedAt ?? Number.POSITIVE_INFINITY) - (call?.lastAt ?? 0);
      assert.ok(silence >= IDLE_MS - 50 && silence < IDLE_MS + SLOW_MS, `${silence} ms of silence`);
      const [first] = (await recordOf(house.server, told.id)).attempts;
      assert.equal(first?.error?.code, 'upstream_timeout');
    }
  });
}

test('three break one after the other and the answer is still one', async () => {
  const told = await tell(house.server, 'twice', 'Say sixty words.');
  assert.deepEqual([told.code, told.text, told.truth?.attempts], [null, TEXT, 3]);
  const row = await recordOf(house.server, told.id);
  assert.deepEqual(
    row.attempts.map((one) => [one.provider, one.status]),
    [
      ['breaks-openai', 'failed'],
      ['breaks-again', 'failed'],
      ['goes-ollama', 'succeeded'],
    ],
  );
  // Ten words of the second, and ten of the third.
  assert.equal(lastCall('goes-ollama')?.tokens, 10);
});

test('targets that cannot go on are not asked; the next that can is', async () => {
  const told = await tell(house.server, 'able', 'Say sixty words.');
  assert.deepEqual([told.code, told.text, told.truth?.provider], [null, TEXT, 'goes-anthropic']);
  assert.equal(house.world.calls('never-responses').length, 0);
});

test('when none can, the answer ends with an error and what was shown', async () => {
  const told = await tell(house.server, 'unable', 'Say sixty words.');
  assert.deepEqual([told.status, told.code, told.text], [200, 'upstream_truncated', WORDS.slice(0, SHOWN).join('')]);
  for (const name of ['never-openai', 'never-responses', 'never-cohere']) {
    assert.equal(house.world.calls(name).length, 0, `${name} would have begun another answer`);
  }
  const row = await recordOf(house.server, told.id);
  assert.deepEqual([row.status, row.attempts.length], ['failed', 1]);
  assert.ok((row.cost_usd ?? 0) >= costOf(1, SHOWN), 'what was shown is paid for');
});

test('a target that refuses the beginning after all: the next one', async () => {
  const told = await tell(house.server, 'refused', 'Say sixty words.');
  assert.deepEqual([told.code, told.text, told.truth?.attempts], [null, TEXT, 3]);
});

test('restart begins anew at the next, says so, and pays for both', async () => {
  const { server } = house;
  const { request_id: id } = await submit(server, { prompt: 'Say sixty words.', model: 'unable' });
  const frames = await readAll(openSse(server, id));
  checkFrames(frames);
  const restarts = frames.filter((frame) => frame.type === 'restart');
  assert.deepEqual([restarts.length, restarts[0]?.attempt], [1, 2]);
  assert.equal(textOf(frames), TEXT);
  const answer = await outcome(server, id);
  assert.deepEqual([answer.status, answer.body.text, answer.body.provider], [200, TEXT, 'never-openai']);
  const [first, second] = (await recordOf(server, id)).attempts;
  assert.ok((first?.cost_usd ?? 0) >= costOf(1, SHOWN));
  assert.ok(Math.abs((second?.cost_usd ?? 0) - costOf(IN, 60)) < 1e-12);
  // What was thrown away is paid for, but is no part of the answer.
  assert.equal(answer.body.usage.output_tokens, 60);
});

test('fail keeps what was shown and asks nobody', async () => {
  const { server, world } = house;
  const before = world.calls('goes-trailing').length;
  const told = await tell(server, 'openai-goes-trailing', 'Say sixty words.', {
    headers: { 'x-mcp-failover': 'fail' },
  });
  assert.deepEqual([told.status, told.code, told.text], [200, 'upstream_truncated', WORDS.slice(0, SHOWN).join('')]);
  const { request_id: id } = await submit(server, {
    prompt: 'Say sixty words.',
    model: 'openai-goes-trailing',
    failover: 'fail',
  });
  const answer = await outcome(server, id);
  assert.deepEqual([answer.status, answer.body.code, answer.body.partial_text], [409, 'upstream_truncated', told.text]);
  assert.equal(world.calls('goes-trailing').length, before);
});

test('detached and told to continue: the same, in numbered frames', async () => {
  const { server } = house;
  const { request_id: id } = await submit(server, {
    prompt: 'Say sixty words.',
    model: 'gemini-goes-bedrock',
    failover: 'continue',
  });
  const frames = await readAll(openSse(server, id));
  assert.equal(checkFrames(frames).status, 'succeeded');
  assert.equal(frames.filter((frame) => frame.type === 'restart').length, 0);
  assert.equal(textOf(frames), TEXT);
  assert.equal((await outcome(server, id)).body.text, TEXT);
});
