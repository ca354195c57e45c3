/** What a model writes, between the vendor and the frames: order kept, events as they came, nothing of a secret. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Part } from '../../../src/contract/part.ts';
import { createScanner } from '../../../src/guard/secrets/engine.ts';
import { createRedactor } from '../../../src/guard/secrets/redact.ts';
import { SECRET_RULES } from '../../../src/guard/secrets/rules/index.ts';
import {
  AWS,
  assembled,
  call,
  digest,
  finish,
  openai,
  restored,
  say,
  stage,
  TOKEN,
  type Told,
  text,
} from './screen-kit.ts';

const scanner = createScanner(SECRET_RULES);
const redactor = createRedactor({ keyedDigest: (value) => digest('t', value) });

const said = (words: string): string => JSON.stringify(words);

describe('what a model writes', () => {
  it('passes as it came where nothing is found: the same objects, at once', () => {
    const at = stage();
    const events = 'The committee met on Tuesday, and agreed that the party goes ahead.'.match(/\s?\S+/g) ?? [];
    for (const word of events) {
      at.screen.push([text(word)], said(word), openai);
      at.screen.look();
    }
    at.screen.push([finish], 'finish', openai);
    assert.deepEqual(
      at.told.map(({ data }) => data),
      [...events.map(said), 'finish'],
    );
    assert.equal(at.shield.changed, false);
    assert.equal(at.shield.sealed(), null);
  });

  it('is found the same at every cut, in text, thoughts and arguments; the record has nothing of it, the caller all', () => {
    for (const secret of [AWS, TOKEN]) {
      for (const kind of ['text', 'reasoning', 'tool_call'] as const) {
        const whole =
          kind === 'tool_call' ? JSON.stringify({ a: 'b "c"', key: secret, n: 1 }) : `Use ${secret}, then go.`;
        for (let cut = 0; cut <= whole.length; cut++) {
          for (const readEach of [true, false]) {
            const at = stage();
            const pieces = [whole.slice(0, cut), whole.slice(cut)].map(
              (words): Part => (kind === 'tool_call' ? call(words) : { type: kind, text: words }),
            );
            say(at, pieces, readEach);
            const rows = JSON.stringify(assembled(at.told));
            for (const piece of [secret, secret.slice(0, 12), secret.slice(-12)])
              assert.ok(!rows.includes(piece), rows);
            assert.match(rows, /\[\[secret:[a-z_]+:[0-9a-f]{10}\]\]/);
            assert.equal(at.notes.length, 1, `${kind} cut at ${cut}`);
            assert.equal(at.notes[0]?.place, 'answer');
            assert.ok(!JSON.stringify(at.notes).includes(secret));
            const [part] = restored(at.told, at.mapping);
            assert.equal(part?.type === 'tool_call' ? part.arguments : part?.text, whole);
            assert.ok(at.told.every(({ data }) => !data.includes(secret)));
          }
        }
      }
    }
  });

  it('in any slices: order, text and findings are those of the whole', () => {
    const piece = fc.constantFrom('The key ', 'is ', AWS, ' and ', TOKEN, '.\n', 'gh', 'AK', 'sk-', ' ', 'password: ');
    const block = fc.record({
      kind: fc.constantFrom('text' as const, 'reasoning' as const, 'tool_call' as const),
      words: fc.array(piece, { minLength: 1, maxLength: 6 }),
    });
    fc.assert(
      fc.property(
        fc.array(block, { minLength: 1, maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
        (drawn, sizes, reads) => {
          const at = stage();
          const plain: Told[] = [];
          const redacted: Told[] = [];
          let turn = 0;
          // Neighbours of one kind are one text.
          const blocks: { kind: (typeof drawn)[number]['kind']; words: string[] }[] = [];
          for (const one of drawn) {
            const last = blocks.at(-1);
            if (last?.kind === one.kind && one.kind !== 'tool_call') last.words.push(...one.words);
            else blocks.push({ kind: one.kind, words: [...one.words] });
          }
          for (const [index, { kind, words }] of blocks.entries()) {
            const whole = words.join('');
            const partOf = (of: string): Part => (kind === 'tool_call' ? call(of, index) : { type: kind, text: of });
            const safe = redactor.redact(whole, scanner.scan(whole), kind === 'tool_call' ? 'json' : 'text');
            redacted.push({ parts: [partOf(safe)], data: '' });
            for (let from = 0; from < whole.length; turn++) {
              const piece = whole.slice(from, from + (sizes[turn % sizes.length] as number));
              from += piece.length;
              plain.push({ parts: [partOf(piece)], data: '' });
              at.screen.push([partOf(piece)], said(piece), openai);
              if (reads[turn % reads.length]) at.screen.look();
            }
          }
          at.screen.push([finish], 'finish', openai);
          assert.equal(at.told.at(-1)?.data, 'finish');
          assert.deepEqual(assembled(at.told), assembled(redacted));
          assert.deepEqual(restored(at.told, at.mapping), assembled(plain));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('holds back no more than what may be the beginning of a secret, and tells it before what follows', () => {
    const at = stage();
    const long = `${'We walked along the river until the lights of the town came into view. '.repeat(3)}gh`;
    at.screen.push([text(long)], said(long), openai);
    at.screen.look();
    assert.deepEqual(at.told, [{ parts: [text(long.slice(0, -2))], data: '' }]);
    at.screen.push([{ type: 'usage', usage: {} as never }], 'usage', openai);
    at.screen.push([call('{}')], 'call', openai);
    assert.deepEqual(
      at.told.slice(1).map(({ parts, data }) => [parts[0]?.type, data]),
      [
        ['text', ''],
        ['usage', 'usage'],
      ],
    );
    at.screen.push([finish], 'finish', openai);
    assert.deepEqual(
      at.told.slice(3).map(({ data }) => data),
      ['call', 'finish'],
    );
  });

  it('with `block` ends there: what came before is told, nothing after', () => {
    const at = stage({ kinds: { credential: 'block' } });
    at.screen.push([text('First. ')], 'a', openai);
    at.screen.push([text(`Then ${AWS.slice(0, 9)}`)], 'b', openai);
    at.screen.look();
    at.screen.push([text(`${AWS.slice(9)} and more`), { type: 'usage', usage: {} as never }], 'c', openai);
    at.screen.look();
    at.screen.push([finish], 'finish', openai);
    at.screen.rest();
    assert.deepEqual(at.blocked, ['aws_access_key']);
    assert.deepEqual(assembled(at.told), [text('First. Then ')]);
    assert.ok(!at.told.some(({ data }) => data === 'finish'));
    assert.equal(at.notes[0]?.action, 'block');
  });

  it('with `block` in a whole answer nothing that was not looked at is told', () => {
    const at = stage({ kinds: { credential: 'block' } });
    at.screen.push([text('Before. '), text(AWS), call(`{"t":"${TOKEN}"}`), finish], '', openai);
    assert.deepEqual(at.blocked, ['aws_access_key']);
    assert.deepEqual(assembled(at.told), [text('Before. ')]);
  });

  it('with `flag` and `allow` changes nothing, and notes what is flagged', () => {
    for (const action of ['flag', 'allow'] as const) {
      const at = stage({ kinds: { credential: action } });
      say(at, [text(`Use ${AWS} now.`)]);
      assert.deepEqual(assembled(at.told), [text(`Use ${AWS} now.`)]);
      assert.equal(at.told[0]?.data, 'event 0');
      assert.equal(at.notes.length, action === 'flag' ? 1 : 0);
      assert.equal(at.shield.changed, false);
    }
  });

  it('leaves the placeholders of the caller alone, and has the same one for his value', () => {
    const placeholder = `[[secret:aws_access_key:${createHmac('sha256', 't').update(AWS).digest('hex').slice(0, 10)}]]`;
    const at = stage({}, [[placeholder, AWS]]);
    say(at, [text(`password=${placeholder} is `), text(`"${AWS}".`)]);
    assert.deepEqual(assembled(at.told), [text(`password=${placeholder} is "${placeholder}".`)]);
    assert.deepEqual(restored(at.told, at.mapping), [text(`password=${AWS} is "${AWS}".`)]);
    assert.equal(at.shield.sealed(), null, 'his own vault has it');
  });

  it('tells nobody what stands for it when it shall not be revealed', () => {
    const at = stage({ reveal: false });
    say(at, [text(`Use ${AWS} now.`)]);
    assert.equal(at.mapping.size, 0);
    assert.equal(at.shield.sealed(), null);
    assert.ok(!JSON.stringify(restored(at.told, at.mapping)).includes(AWS));
    assert.equal(at.shield.changed, true);
  });

  it('seals for the record what its placeholders stand for, all of them and those of one text', () => {
    const at = stage();
    say(at, [text(`Use ${AWS} or ${TOKEN}.`)]);
    const all = at.vault.open('t', at.shield.sealed() ?? '');
    assert.deepEqual([...(all?.values() ?? [])], [AWS, TOKEN]);
    const [first] = all?.keys() ?? [];
    assert.deepEqual([...(at.vault.open('t', at.shield.sealedOf(`… ${first}`) ?? '')?.values() ?? [])], [AWS]);
    assert.equal(at.shield.sealedOf('nothing here'), null);
  });

  it('looks into the fields of a vendor, but not into what is encrypted', () => {
    const field = (fields: Record<string, unknown>): Part => ({
      type: 'reasoning',
      text: '',
      vendor: { dialect: 'responses', fields },
    });
    const at = stage();
    say(at, [field({ code: `print("${AWS}")`, encrypted_content: AWS }), text('ok')]);
    const [shown] = at.told[0]?.parts ?? [];
    const { fields } = (shown as { vendor: { fields: Record<string, string> } }).vendor;
    assert.match(fields.code ?? '', /^print\("\[\[secret:aws_access_key:[0-9a-f]{10}\]\]"\)$/);
    assert.equal(fields.encrypted_content, AWS);
    assert.equal(at.told[0]?.data, '');
    const blocked = stage({ kinds: { credential: 'block' } });
    say(blocked, [text('Well. '), field({ code: AWS }), text('more')]);
    assert.deepEqual(assembled(blocked.told), [text('Well. ')]);
    assert.deepEqual(blocked.blocked, ['aws_access_key']);
  });
});
