/** The documents say what the code says: their tables are made from its tables, and their examples are accepted. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { DOCUMENTS, pathOf, withTables } from '../../scripts/docs.ts';
import { LOCAL_VENDORS, VENDORS } from '../../src/catalogue/vendors.ts';
import { parseSettings, settle } from '../../src/settings/settings.ts';

const read = (name: string): string => readFileSync(pathOf(name), 'utf8');

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...['docs', 'docs/adr'].flatMap((folder) =>
    readdirSync(pathOf(folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  ),
];

describe('documents', () => {
  for (const name of DOCUMENTS) {
    it(`${name} has the tables of the code`, () => {
      const text = read(name);
      assert.match(text, /<!-- table: /);
      assert.equal(withTables(text), text, `${name} is old; run: npx node server/scripts/docs.ts`);
    });
  }

  it('goblin.example.yaml is accepted', () => {
    assert.ok(settle(parseSettings(read('goblin.example.yaml'), 'goblin.example.yaml')));
  });

  it('.env.example sets nothing, and names only variables that are read', () => {
    const vendors = [...VENDORS, ...LOCAL_VENDORS];
    const known = new Set([
      ...vendors.flatMap((vendor) => [...vendor.keyVariables, `${vendor.variablePrefix}_BASE_URL`]),
      ...'HOST PORT LOG_LEVEL HTTPS_PROXY NO_PROXY'.split(' '),
      ...'DATABASE_URL DATABASE_OWNER_URL DATABASE_POOL REDIS_URL'.split(' '),
      ...'MCP_DATA_DIR MCP_CONFIG MCP_AUTH MCP_ORIGINS MCP_TRUSTED_PROXIES MCP_SECRET MCP_SECRET_PREVIOUS'.split(' '),
    ]);
    for (const line of read('.env.example').split('\n')) {
      if (line === '') continue;
      assert.ok(line.startsWith('#'), `"${line}" is set`);
      const variable = /^#([A-Z_]+)=/.exec(line)?.[1];
      if (variable) assert.ok(known.has(variable), `${variable} is not read by anything`);
    }
  });

  it('every link to a file leads to one', () => {
    for (const page of PAGES) {
      for (const [, target = ''] of read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        assert.ok(existsSync(join(dirname(pathOf(page)), target)), `${page} links to ${target}`);
      }
    }
  });
});
