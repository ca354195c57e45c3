import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SettingsFile } from '../../../src/settings/schema.ts';
import { parseSettings, SettingsError, settle, taskTypes } from '../../../src/settings/settings.ts';

const read = (file: object) => settle(parseSettings(JSON.stringify(file), 'goblin.yaml'));

function refused(file: object, words: RegExp): void {
  assert.throws(
    () => read(file),
    (error) => error instanceof SettingsError && words.test(error.message),
    JSON.stringify(file),
  );
}

test('an alias and a task type is a model, a list, or a list and how it is used', () => {
  const rule = { models: ['a/x', 'b/y'], weights: { 'a/x': 95, 'b/y': 5 }, failover: 'restart' };
  const settings = read({
    aliases: { one: 'a/x', many: ['a/x', 'b/y'], canary: rule, quick: { model: 'a/x', strategy: 'fastest' } },
    tasks: { code: 'many', chat: {}, extract: ['one', 'many'], review: { model: 'canary' }, constructor: {} },
  });
  assert.deepEqual(settings.aliases, { one: ['a/x'], many: ['a/x', 'b/y'], canary: ['a/x', 'b/y'], quick: ['a/x'] });
  assert.deepEqual(settings.tasks, {
    code: { model: ['many'] },
    chat: {},
    extract: { model: ['one', 'many'] },
    review: { model: ['canary'] },
    constructor: {},
  });
  assert.deepEqual(settings.routes, {
    aliases: {
      canary: { weights: { 'a/x': 95, 'b/y': 5 }, failover: 'restart' },
      quick: { strategy: 'fastest' },
    },
    tasks: {},
  });
  assert.ok(taskTypes(settings).includes('review'));
});

test('nothing configured: no routes, and the defaults', () => {
  const { aliases, tasks, routes, breaker, retryBudget } = read({});
  assert.deepEqual({ aliases, tasks, routes }, { aliases: {}, tasks: {}, routes: { aliases: {}, tasks: {} } });
  assert.deepEqual(breaker, {
    consecutive: 5,
    rate: 0.5,
    minCalls: 20,
    windowMs: 60_000,
    openMs: 5000,
    maxOpenMs: 300_000,
    slowMs: 0,
    probes: 1,
  });
  assert.deepEqual(retryBudget, { ratio: 0.1, reserve: 10 });
});

test('what contradicts itself is refused by name', () => {
  refused({ aliases: { a: {} } }, /goblin\.yaml: aliases\.a names no model: add model\./);
  refused({ aliases: { a: { model: 'x', models: ['x'] } } }, /aliases\.a has both model and models/);
  refused({ tasks: { code: { strategy: 'fastest' } } }, /tasks\.code says how to choose, but not from what/);
  refused(
    { aliases: { a: { model: ['x'], weights: { y: 1 } } } },
    /aliases\.a\.weights names "y", which is not in its list/,
  );
  refused({ aliases: { a: { model: ['x', 'y'], weights: { x: 0, y: 0 } } } }, /aliases\.a\.weights are all 0/);
  refused(
    { aliases: { a: { model: 'x', strategy: 'cheapest', weights: { x: 1 } } } },
    /go with strategy weighted, not with cheapest/,
  );
  refused(
    { breaker: { open_ms: 9000, max_open_ms: 8000 } },
    /breaker\.max_open_ms \(8000\) must be at least breaker\.open_ms \(9000\)/,
  );
});

test('auto cannot be an alias: it would have no effect', () => {
  refused(
    { aliases: { auto: ['gpt-4.1-nano'] } },
    /goblin\.yaml: aliases\.auto would have no effect, because auto means that the router chooses; .* e\.g\. tasks/,
  );
  assert.deepEqual(read({ aliases: { quick: 'auto' } }).aliases, { quick: ['auto'] });
});

test('what is none of several things is told what is expected, with an example', () => {
  const nano = 'e\\.g\\. \\[openai/gpt-4\\.1-nano\\]\\.';
  const route = new RegExp(
    `goblin\\.yaml: aliases\\.x: takes a model, a list of models, or an entry with model, ${nano}`,
  );
  for (const x of [[], 5, '', null]) refused({ aliases: { x } }, route);
  refused(
    { aliases: { x: { model: [] } } },
    new RegExp(`aliases\\.x\\.model: takes a model or a list of models, ${nano}`),
  );
  refused({ limits: [{ scope: 'tenant', match: [] }] }, /limits\.0\.match: takes a text or a list of texts, e\.g\. \[/);
  refused({ budgets: { unknown_price: 5 } }, /budgets\.unknown_price: takes refuse, or a price as in \{/);
  const wordless: string[] = [];
  const look = (schema: object, path: string): void => {
    for (const [name, value] of Object.entries(schema)) {
      if (typeof value !== 'object' || value === null) continue;
      const isWord = (one: { const?: unknown }) => typeof one.const === 'string';
      if ('anyOf' in value && !('takes' in value) && !(value.anyOf as object[]).every(isWord))
        wordless.push(path + name);
      look(value, `${path + name}.`);
    }
  };
  look(SettingsFile, '');
  assert.deepEqual(wordless, []);
});

test('what is not known, or out of its bounds, is refused by name', () => {
  refused(
    { aliases: { a: { model: 'x', strategy: 'quickest' } } },
    /aliases\.a\.strategy: takes ordered, cheapest, fastest, balanced, weighted/,
  );
  refused({ aliases: { a: { model: 'x', wieghts: {} } } }, /aliases\.a\.wieghts is not a setting/);
  refused(
    { tasks: { code: { model: 'x', failover: 'retry' } } },
    /tasks\.code\.failover: takes continue, restart, fail/,
  );
  refused({ aliases: { a: { model: 'x', weights: { x: -1 } } } }, /aliases\.a\.weights\.x/);
  refused({ breaker: { rate: 2 } }, /breaker\.rate/);
  refused({ breaker: { tries: 2 } }, /breaker\.tries is not a setting/);
  refused({ retry_budget: { ratio: -0.1 } }, /retry_budget\.ratio/);
});

test('one bound that is set moves the other', () => {
  assert.equal(read({ breaker: { max_open_ms: 2000 } }).breaker.openMs, 2000);
  assert.equal(read({ breaker: { open_ms: 600_000 } }).breaker.maxOpenMs, 600_000);
  assert.deepEqual(read({ retry_budget: { reserve: 0, ratio: 0 } }).retryBudget, { ratio: 0, reserve: 0 });
});
