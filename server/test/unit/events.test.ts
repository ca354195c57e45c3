/** The table of events says what the code writes: no more and no less. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EVENT_TYPES, isWarning } from '../../src/contract/events.ts';
import { STATES } from '../../src/contract/states.ts';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));
/** Files that write events, or give types to those that do. */
const WRITES = /into mcp_event|eventOf\(|[^a-z]note\(|event: '/;

/** Literals that look like a type: two words with a dot, the first of two letters at least (shorter are names in SQL). */
function written(): Map<string, string> {
  const found = new Map<string, string>();
  for (const file of readdirSync(SRC, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.startsWith('dialects/') || file === 'contract/events.ts') continue;
    const text = readFileSync(SRC + file, 'utf8');
    if (!WRITES.test(text)) continue;
    for (const [, type = ''] of text.matchAll(/'([a-z]{2}[a-z_]*\.[a-z_]+)'/g))
      if (!type.endsWith('.ts')) found.set(type, file);
    // Of a state.
    if (text.includes("'request.' ||")) for (const state of STATES) found.set(`request.${state}`, file);
  }
  return found;
}

test('every type that is written stands in the table, and every type of the table is written', () => {
  const found = written();
  const known = new Set(Object.keys(EVENT_TYPES));
  for (const [type, file] of found) assert.ok(known.has(type), `${type} of ${file} is not in contract/events.ts`);
  for (const type of known) assert.ok(found.has(type), `nobody writes ${type}`);
  assert.ok(isWarning('request.refused') && !isWarning('session.begun') && !isWarning('constructor'));
});
