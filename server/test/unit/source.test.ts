/** What holds for every source file: Node runs it as it is, and nobody has to scroll for long. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { it } from 'node:test';
import { pathOf } from '../../scripts/docs.ts';

const MOST_LINES = 300;

const found = (pattern: string) => globSync(pattern, { cwd: pathOf('.'), exclude: ['**/node_modules/**'] });
const read = (name: string) => readFileSync(pathOf(name), 'utf8');

// What the type stripper cannot read would be found only by whoever loads it.
it('every source file can be read by Node without a build', () => {
  for (const name of found('{server,bench}/**/*.ts')) {
    try {
      stripTypeScriptTypes(read(name));
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`);
    }
  }
});

it(`no source file has more than ${MOST_LINES} lines`, () => {
  const names = found('{server,bench,.ci}/**/*.{ts,mjs}').map((name) => name.replaceAll('\\', '/'));
  for (const one of ['server/src/app/start.ts', 'bench/bin.mjs', '.ci/test.mjs']) assert.ok(names.includes(one), one);
  const long = names
    .map((name) => ({ name, lines: read(name).trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > MOST_LINES);
  assert.deepEqual(long, []);
});
