/**
 * Answers and errors of every dialect with some of their fields gone or turned into something else: no codec throws, every
 * answer ends exactly once, and what comes out has the types that it must have.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DialectName } from '../../../src/contract/call.ts';
import type { Part } from '../../../src/contract/part.ts';
import { createFrameParser } from '../../../src/dialects/frames.ts';
import { DIALECTS } from '../../../src/dialects/index.ts';
import { SPEAKERS } from '../../vendors/speak.ts';
import { awsEvent } from '../../vendors/speak-bedrock.ts';
import type { Answer, RefusalKind } from '../../vendors/speaker.ts';

const NAMES = Object.keys(SPEAKERS) as DialectName[];
const ANSWER: Answer = {
  thoughts: ['Let', ' me'],
  words: ['One', ' two', ' three'],
  calls: [{ id: 'call_1', name: 'now', pieces: ['{"a"', ':1}'] }],
};
const KINDS: readonly RefusalKind[] = ['key', 'rate', 'quota', 'context', 'broken'];

/** What may stand where something else is expected. */
const odd = fc.constantFrom<unknown>(
  ...[null, 0, -1, 1e308, 12.5, '', 'x', 'null', '\ud800', true, [], {}, [null], [[]], [{}], ['a']],
  ...[{ error: null }, { error: {} }, { type: 'x' }, { length: 3 }, { toString: 1 }, { valueOf: null }],
);

type Change = { at: number; put: unknown | typeof GONE };
const GONE = Symbol('gone');
const changes = fc.array(
  fc.record({
    at: fc.nat(60),
    put: fc.oneof({ weight: 3, arbitrary: odd }, { weight: 1, arbitrary: fc.constant(GONE) }),
  }),
  { maxLength: 4 },
);

/** A copy in which the values at these places, counted from the outside in, are others. */
function changed(document: unknown, list: readonly Change[]): unknown {
  let place = 0;
  const walk = (value: unknown): unknown => {
    const change = list.find(({ at }) => at === place);
    place++;
    if (change) return change.put;
    if (Array.isArray(value)) return value.map(walk).filter((one) => one !== GONE);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, one]) => {
        const made = walk(one);
        return made === GONE ? [] : [[key, made]];
      }),
    );
  };
  const made = walk(document);
  return made === GONE ? {} : made;
}

/** The events of the answer, all with the same changes. */
function mutated(name: DialectName, list: readonly Change[]): Buffer[] {
  return SPEAKERS[name].events(ANSWER).map(({ bytes }) => {
    if (typeof bytes === 'string') {
      return Buffer.from(bytes.replace(/\{.*\}/, (json) => JSON.stringify(changed(JSON.parse(json), list)) ?? ''));
    }
    const headers = bytes.readUInt32BE(4);
    // The first header is the type: its name, the kind of value, its length, its value.
    const at = 14 + (bytes[12] ?? 0);
    const type = bytes.toString('utf8', at + 2, at + 2 + bytes.readUInt16BE(at));
    return awsEvent(type, changed(JSON.parse(bytes.toString('utf8', 12 + headers, bytes.length - 4)), list));
  });
}

function check(parts: readonly Part[], what: string): void {
  const ends = parts.filter(({ type }) => type === 'finish' || type === 'failure');
  assert.equal(ends.length, 1, `${what}: ${JSON.stringify(parts)}`);
  for (const part of parts) {
    if (part.type === 'text' || part.type === 'reasoning') assert.equal(typeof part.text, 'string', what);
    if (part.type === 'tool_call') {
      assert.equal(typeof part.arguments, 'string', what);
      assert.ok(Number.isInteger(part.index), what);
      for (const field of [part.id, part.name]) assert.ok(field === undefined || typeof field === 'string', what);
    }
    if (part.type === 'usage') {
      const { inputTokens, outputTokens, cachedInputTokens, cacheWriteTokens, reasoningTokens } = part.usage;
      for (const count of [inputTokens, outputTokens, cachedInputTokens, cacheWriteTokens, reasoningTokens]) {
        assert.ok(Number.isSafeInteger(count) && count >= 0, `${what}: ${count}`);
      }
    }
  }
}

for (const name of NAMES) {
  const { framing, vendor } = DIALECTS[name] as (typeof DIALECTS)[DialectName];

  test(`${name}: streams that are not what they should be`, () => {
    fc.assert(
      fc.property(changes, fc.array(fc.nat(20), { maxLength: 3 }), (list, lost) => {
        const parts: Part[] = [];
        const decoder = vendor.decoder({});
        const parser = createFrameParser(framing, (event) => parts.push(...decoder.push(event)));
        mutated(name, list).forEach((bytes, i) => {
          if (!lost.includes(i)) parser.push(bytes);
        });
        parser.end();
        parts.push(...decoder.end());
        check(parts, JSON.stringify(list));
      }),
      { numRuns: 300 },
    );
  });

  test(`${name}: documents that are not what they should be`, () => {
    fc.assert(
      fc.property(
        changes,
        fc.constantFrom(...KINDS),
        fc.constantFrom(400, 401, 429, 500, 503),
        (list, kind, status) => {
          check(vendor.whole(JSON.stringify(changed(SPEAKERS[name].whole(ANSWER), list)), {}), JSON.stringify(list));
          const error = JSON.stringify(changed(SPEAKERS[name].error(kind), list));
          check(vendor.whole(error, {}), error);
          const failure = vendor.failure(status, {}, error, Date.now());
          assert.match(failure.code, /^(upstream_|content_filter|unsupported_by_target)/, error);
          assert.equal(typeof failure.detail, 'string');
        },
      ),
      { numRuns: 300 },
    );
  });
}
