/** What `goblin.yaml` says is done about secrets: of kinds, of rules, and of task types. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSettings, SettingsError, settle } from '../../../src/settings/settings.ts';

const read = (file: object) => settle(parseSettings(JSON.stringify(file), 'goblin.yaml'));

test('by kind, by rule, and for a task before all', () => {
  const secrets = {
    kinds: { pii: 'redact' },
    rules: { jwt: 'flag' },
    tasks: { translate: { kinds: { pii: 'block' } }, review: { rules: { jwt: 'allow' } }, embed: {} },
  };
  const { enabled, kinds, rules, tasks } = read({ secrets, tasks: { review: 'x/y' } }).secrets;
  assert.deepEqual({ enabled, kinds, rules, tasks }, { enabled: true, ...secrets });
});

test('what would say nothing is refused by name', () => {
  const rows: [object, RegExp][] = [
    [{ rules: { jwtt: 'flag' } }, /secrets\.rules\.jwtt is not a rule/],
    [{ tasks: { code: { rules: { jwtt: 'flag' } } } }, /secrets\.tasks\.code\.rules\.jwtt is not a rule/],
    [{ tasks: { cod: { kinds: { pii: 'flag' } } } }, /secrets\.tasks\.cod is no task type; there are chat, /],
    [{ tasks: { code: { kinds: { pi: 'flag' } } } }, /secrets/],
    [{ tasks: { code: { kinds: { pii: 'hide' } } } }, /secrets/],
  ];
  for (const [secrets, expected] of rows)
    assert.throws(
      () => read({ secrets }),
      (error) => error instanceof SettingsError && expected.test(error.message),
      JSON.stringify(secrets),
    );
});
