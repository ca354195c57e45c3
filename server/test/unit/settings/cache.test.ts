/** What `goblin.yaml` may say of the response cache, and how a route keeps its requests out of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSettings, SettingsError, settle } from '../../../src/settings/settings.ts';

const read = (file: object) => settle(parseSettings(JSON.stringify(file), 'goblin.yaml'));

test('off unless it is switched on, with its bounds', () => {
  assert.deepEqual(read({}).cache, { enabled: false, ttlS: 300, maxMb: 64 });
  assert.deepEqual(read({ cache: { enabled: true, ttl_s: 5 } }).cache, { enabled: true, ttlS: 5, maxMb: 64 });
});

test('a route may stay out of it', () => {
  const file = { aliases: { a: { model: 'x/y', cache: false } }, tasks: { review: { model: 'a', cache: false } } };
  assert.deepEqual(read(file).routes, { aliases: { a: { cache: false } }, tasks: { review: { cache: false } } });
  const on = { cache: { enabled: true }, aliases: { a: { model: 'x/y', cache: true } } };
  assert.deepEqual(read(on).routes.aliases, {});
});

test('what cannot be is refused', () => {
  const cases: [object, RegExp][] = [
    [{ aliases: { a: { model: 'x/y', cache: true } } }, /aliases\.a\.cache is true, but the response cache is off/],
    [{ tasks: { review: { cache: false } } }, /tasks\.review says how to choose, but not from what/],
    [{ providers: { cache: { base_url: 'http://x/v1' } } }, /providers\.cache has the name of the response cache/],
    [{ cache: { ttl_s: 0 } }, /cache\.ttl_s/],
    [{ cache: { max_mb: 1e9 } }, /cache\.max_mb/],
    [{ cache: { size: 1 } }, /cache\.size is not a setting/],
  ];
  for (const [file, words] of cases) {
    assert.throws(
      () => read(file),
      (error) => error instanceof SettingsError && words.test(error.message),
      JSON.stringify(file),
    );
  }
});
