/** Node runs the sources as they are: what its type stripper cannot read would be found only by whoever loads it. */
import { globSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { it } from 'node:test';
import { pathOf } from '../../scripts/docs.ts';

it('every source file can be read by Node without a build', () => {
  for (const name of globSync('{server,bench}/**/*.ts', { cwd: pathOf('.'), exclude: ['**/node_modules/**'] })) {
    try {
      stripTypeScriptTypes(readFileSync(pathOf(name), 'utf8'));
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`);
    }
  }
});
