/** What the command line makes of a refusal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sentenceOf } from '../../../src/app/verbs/link.ts';

test('of several wrong fields each is named once', () => {
  const errors = [
    { path: 'email', message: 'must be an address' },
    { path: 'role', message: 'is not a role' },
  ];
  const problem = (detail: string) => sentenceOf({ code: 'invalid_request', detail, errors }, 400);
  assert.equal(
    problem('email must be an address (and 1 more, see errors).'),
    'invalid_request: email must be an address; role is not a role.',
  );
  assert.equal(
    problem('Not accepted.'),
    'invalid_request: Not accepted. (email must be an address; role is not a role)',
  );
});
