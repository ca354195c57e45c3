import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GoblinError } from '../../../src/contract/errors.ts';
import { planner, type Shop } from './kit.ts';

const CHAT = { info: { chat: true, embeds: false } };
const EMBED = { info: { chat: false, embeds: true } };
const shops: Shop[] = [
  { name: 'one', auto: ['talk'], catalogue: { talk: CHAT, vec: EMBED, both: { info: { chat: true, embeds: true } } } },
  { name: 'two', catalogue: { vec: EMBED, other: EMBED, whisper: { info: { chat: false, embeds: false } } } },
];
const embeds = { embeds: true };
const refused = (of: () => unknown, code: string, says: RegExp): void =>
  assert.throws(of, (error) => {
    assert.ok(error instanceof GoblinError);
    assert.equal(error.code, code);
    assert.match(error.detail, says);
    return true;
  });

test('a bare name goes to all who offer that model, and to no other model', () => {
  const { targets } = planner(shops);
  assert.deepEqual(targets({ model: 'vec', needs: embeds }), ['one/vec', 'two/vec']);
  assert.deepEqual(targets({ model: 'one/vec', needs: embeds }), ['one/vec']);
  assert.deepEqual(targets({ model: 'one/both', needs: embeds }), ['one/both']);
  assert.deepEqual(targets({ model: 'one/both' }), ['one/both']);
  assert.deepEqual(targets({ model: 'one/never-heard-of', needs: embeds }), ['one/never-heard-of']);
  assert.deepEqual(targets({ model: 'two/whisper', needs: embeds }), ['two/whisper'], 'its maker may say so');
});

test('an alias says which models stand for each other; what makes no vectors is dropped with the reason', () => {
  const { plan, targets } = planner(shops, { aliases: { any: ['one/vec', 'one/talk', 'two/other'] } });
  assert.deepEqual(targets({ model: 'any', needs: embeds }), ['one/vec', 'two/other']);
  assert.deepEqual(plan({ model: 'any', needs: embeds }).dropped, [
    { provider: 'one', model: 'talk', reason: 'it makes no vectors' },
  ]);
  assert.deepEqual(targets({ model: 'any' }), ['one/talk']);
});

test('chat models make no vectors, and embedding models do not answer', () => {
  const { plan } = planner(shops);
  refused(() => plan({ model: 'one/talk', needs: embeds }), 'unsupported_by_target', /one\/talk: it makes no vectors/);
  refused(() => plan({ model: 'vec' }), 'unsupported_by_target', /one\/vec: it makes vectors and does not answer/);
});

test('none is chosen: a route says which, or the refusal names some', () => {
  const { plan } = planner(shops);
  const names = /tasks\.embed.*one\/vec, two\/vec, one\/both, two\/other/;
  refused(() => plan({ taskType: 'embed', needs: embeds }), 'unknown_model', names);
  refused(() => plan({ taskType: 'embed', model: 'auto', needs: embeds }), 'unknown_model', names);
  const routed = planner(shops, { tasks: { embed: { model: ['two/other'] } }, aliases: { lazy: ['auto'] } });
  assert.deepEqual(routed.targets({ taskType: 'embed', needs: embeds }), ['two/other']);
  refused(() => routed.plan({ model: 'lazy', needs: embeds }), 'unknown_model', /Nothing that alias lazy names/);
  const none = planner([{ name: 'one', catalogue: { talk: CHAT } }]);
  refused(() => none.plan({ taskType: 'embed', needs: embeds }), 'unknown_model', /No configured provider lists one/);
  const simulated = planner([{ name: 'simulator', anyModel: true, models: ['goblin-sim'] }]);
  refused(() => simulated.plan({ model: 'text-embedding-3-small', needs: embeds }), 'no_provider', /OPENAI_API_KEY/);
});
