import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GoblinError } from '../../../src/contract/errors.ts';
import { planner, type Shop } from './kit.ts';

const openai: Shop = {
  name: 'openai',
  makes: ['gpt-'],
  catalogue: { 'gpt-4o-mini': { price: [0.15, 0.6] }, 'gpt-4o': { price: [2.5, 10] } },
};
const groq: Shop = { name: 'groq', catalogue: { 'openai/gpt-oss-20b': { price: [0.075, 0.3] }, 'llama-3': {} } };
const cheap: Shop = {
  name: 'cheap',
  catalogue: { 'gpt-4o-mini': { price: [0.01, 0.02] }, 'llama-3': { price: [1, 1] } },
};
const dear: Shop = { name: 'dear', catalogue: { 'gpt-4o-mini': { price: [9, 9] }, 'llama-3': { price: [2, 2] } } };
const ollama: Shop = { name: 'ollama', local: true, models: ['llama-3', 'gpt-4o-mini'] };
const simulator: Shop = { name: 'simulator', anyModel: true, models: ['simulator'] };

function refusal(work: () => unknown): GoblinError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof GoblinError);
    return error;
  }
  assert.fail('it was not refused');
}

test('provider/model is exact, also for models that nobody has heard of', () => {
  const { plan, targets } = planner([openai, cheap]);
  assert.deepEqual(plan({ model: 'openai/gpt-99' }), {
    targets: [{ provider: 'openai', model: 'gpt-99', reason: 'asked for by name' }],
    dropped: [],
  });
  assert.deepEqual(targets({ model: 'cheap/gpt-4o-mini' }), ['cheap/gpt-4o-mini']);
  assert.deepEqual(targets({ model: 'openai/ft:gpt-4o:acme/7' }), ['openai/ft:gpt-4o:acme/7']);
  assert.equal(refusal(() => plan({ model: 'openai/' })).code, 'unknown_model');
});

test("a vendor's own name that begins with the vendor's is used whole", () => {
  const nvidia: Shop = { name: 'nvidia', catalogue: { 'nvidia/nemotron-3': {}, 'meta/llama-3': {} } };
  const { targets } = planner([nvidia]);
  assert.deepEqual(targets({ model: 'nvidia/nemotron-3' }), ['nvidia/nvidia/nemotron-3']);
  assert.deepEqual(targets({ model: 'nvidia/nvidia/nemotron-3' }), ['nvidia/nvidia/nemotron-3']);
  assert.deepEqual(targets({ model: 'nvidia/meta/llama-3' }), ['nvidia/meta/llama-3']);
  assert.deepEqual(targets({ model: 'meta/llama-3' }), ['nvidia/meta/llama-3']);
});

test('a bare name goes to its maker, then by price, unknown prices after, local servers last', () => {
  const { plan, targets } = planner([ollama, dear, cheap, openai, groq]);
  assert.deepEqual(plan({ model: 'gpt-4o-mini' }).targets, [
    { provider: 'openai', model: 'gpt-4o-mini', reason: 'the maker of this model' },
    { provider: 'cheap', model: 'gpt-4o-mini', reason: 'cheapest that offers it: $0.01/$0.02 per Mtok' },
    { provider: 'dear', model: 'gpt-4o-mini', reason: 'offers it: $9.00/$9.00 per Mtok' },
    { provider: 'ollama', model: 'gpt-4o-mini', reason: 'a local server that has it' },
  ]);
  assert.deepEqual(targets({ model: 'llama-3' }), ['cheap/llama-3', 'dear/llama-3', 'groq/llama-3', 'ollama/llama-3']);
});

test('names of models contain slashes', () => {
  const { targets } = planner([groq]);
  assert.deepEqual(targets({ model: 'openai/gpt-oss-20b' }), ['groq/openai/gpt-oss-20b']);
});

test('a known vendor that is not configured: the refusal says what to set', () => {
  const { plan } = planner([groq]);
  const error = refusal(() => plan({ model: 'openai/gpt-4o-mini' }));
  assert.equal(error.code, 'unknown_model');
  assert.match(error.detail, /"openai" is not configured: set OPENAI_API_KEY\. Configured: groq\./);
  assert.match(refusal(() => plan({ model: 'huggingface/x' })).detail, /under providers in goblin\.yaml.*HF_TOKEN/);
  assert.match(refusal(() => plan({ model: 'ollama/llama3' })).detail, /start Ollama, or set OLLAMA_BASE_URL/);
});

test('an unknown name: near names and what is configured', () => {
  const { plan } = planner([openai, groq], { aliases: { fast: ['gpt-4o-mini'] } });
  const error = refusal(() => plan({ model: 'gpt-4o-mni' }));
  assert.equal(error.code, 'unknown_model');
  assert.match(error.detail, /lists the model "gpt-4o-mni"\. Did you mean "gpt-4o-mini"/);
  assert.match(error.detail, /Configured: openai, groq;/);
  assert.match(refusal(() => plan({ model: 'fats' })).detail, /No configured provider lists the model "fats"/);
  assert.doesNotMatch(refusal(() => plan({ model: 'zzz' })).detail, /Did you mean/);
});

test('hostile names are quoted, cut and cheap', () => {
  const { plan } = planner([openai]);
  for (const model of ['__proto__', 'constructor', 'a\n\u001b[2J', '/', '//', 'x/'.repeat(100_000)]) {
    const error = refusal(() => plan({ model }));
    assert.equal(error.code, 'unknown_model');
    assert.ok(error.detail.length < 500);
    assert.ok([...error.detail].every((character) => character >= ' '));
  }
});

test('nothing configured', () => {
  assert.equal(refusal(() => planner([]).plan()).code, 'no_provider');
});

test('the simulator answers any name only while it is alone', () => {
  const alone = planner([simulator]);
  assert.deepEqual(alone.plan().targets, [
    { provider: 'simulator', model: 'simulator', reason: 'the simulator answers, for want of a vendor' },
  ]);
  assert.deepEqual(alone.targets({ model: 'gpt-4o' }), ['simulator/gpt-4o']);
  assert.deepEqual(alone.targets({ model: 'openai/gpt-4o' }), ['simulator/openai/gpt-4o']);
  assert.deepEqual(alone.targets({ model: 'simulator/slow' }), ['simulator/slow']);
  const beside = planner([simulator, openai]);
  assert.deepEqual(beside.targets(), ['openai/gpt-4o-mini']);
  assert.equal(refusal(() => beside.plan({ model: 'whatever' })).code, 'unknown_model');
  assert.deepEqual(beside.targets({ model: 'simulator/slow' }), ['simulator/slow']);
});

test('an alias is its list, in order', () => {
  const aliases = { fast: ['groq/openai/gpt-oss-20b', 'gpt-4o-mini'], one: ['openai/gpt-4o'] };
  const { plan } = planner([openai, cheap, groq], { aliases });
  assert.deepEqual(plan({ model: 'fast' }).targets, [
    { provider: 'groq', model: 'openai/gpt-oss-20b', reason: 'alias fast, 1st' },
    { provider: 'openai', model: 'gpt-4o-mini', reason: 'alias fast, 2nd' },
    { provider: 'cheap', model: 'gpt-4o-mini', reason: 'alias fast, 2nd' },
  ]);
  assert.deepEqual(plan({ model: 'one' }).targets, [{ provider: 'openai', model: 'gpt-4o', reason: 'alias one' }]);
});

test('aliases may name aliases, never themselves without end, and one dead name does not spoil the rest', () => {
  const aliases = { a: ['b', 'no-such-model'], b: ['a', 'gpt-4o'], loop: ['loop'], dead: ['x-1', 'y-1'] };
  const { plan, targets } = planner([openai], { aliases });
  assert.deepEqual(targets({ model: 'a' }), ['openai/gpt-4o']);
  assert.equal(plan({ model: 'a' }).dropped.length, 1);
  assert.equal(refusal(() => plan({ model: 'loop' })).code, 'unknown_model');
  assert.match(refusal(() => plan({ model: 'dead' })).detail, /^Nothing that alias dead names is available\..*"x-1"/);
});

test('an alias may carry the name of a model, and aliases that name each other stay cheap', () => {
  const many = Array.from({ length: 30 }, (_, index) => `alias-${index}`);
  const aliases = {
    'gpt-4o': ['gpt-4o', 'llama-3'],
    ...Object.fromEntries(many.map((name) => [name, [...many, 'gpt-4o']])),
  };
  const { targets } = planner([openai, groq], { aliases });
  assert.deepEqual(targets({ model: 'gpt-4o' }), ['openai/gpt-4o', 'groq/llama-3']);
  assert.deepEqual(targets({ model: 'alias-0' }), ['openai/gpt-4o', 'groq/llama-3']);
});

test('a task type has its route; a name beats it', () => {
  const tasks = { code: { model: ['gpt-4o', 'llama-3'] }, summarize: { model: 'fast' }, chat: {} };
  const { plan, targets } = planner([openai, groq], { tasks, aliases: { fast: ['gpt-4o-mini'] } });
  assert.deepEqual(plan({ taskType: 'code' }).targets, [
    { provider: 'openai', model: 'gpt-4o', reason: 'task type code, 1st' },
    { provider: 'groq', model: 'llama-3', reason: 'task type code, 2nd' },
  ]);
  assert.deepEqual(targets({ taskType: 'summarize', model: 'auto' }), ['openai/gpt-4o-mini']);
  assert.deepEqual(targets({ taskType: 'code', model: 'gpt-4o-mini' }), ['openai/gpt-4o-mini']);
});

test('hints put their providers first, in their order', () => {
  const { targets, plan } = planner([openai, cheap, dear, ollama]);
  assert.deepEqual(targets({ model: 'gpt-4o-mini', hints: ['ollama', 'dear'] }), [
    'ollama/gpt-4o-mini',
    'dear/gpt-4o-mini',
    'openai/gpt-4o-mini',
    'cheap/gpt-4o-mini',
  ]);
  assert.deepEqual(targets({ model: 'openai/gpt-4o', hints: ['cheap'] }), ['openai/gpt-4o']);
  const error = refusal(() => plan({ model: 'gpt-4o', hints: ['groq'] }));
  assert.equal(error.code, 'invalid_request');
  assert.equal(error.errors?.[0]?.path, 'provider_hint');
  assert.match(error.detail, /configured: openai, cheap, dear, ollama\. To use it, set GROQ_API_KEY\./);
  assert.doesNotMatch(refusal(() => plan({ hints: ['nobody'] })).detail, /To use it/);
});

test('all models that somebody lists', () => {
  const { router } = planner([groq, ollama]);
  assert.deepEqual(router.models(), [
    { provider: 'groq', model: 'openai/gpt-oss-20b' },
    { provider: 'groq', model: 'llama-3' },
    { provider: 'ollama', model: 'llama-3' },
    { provider: 'ollama', model: 'gpt-4o-mini' },
  ]);
});
