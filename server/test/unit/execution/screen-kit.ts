/** A screen with a caller behind it, and what he is told. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import type { Part, VisiblePart } from '../../../src/contract/part.ts';
import { DIALECTS } from '../../../src/dialects/index.ts';
import { createAssembly } from '../../../src/execution/assembly.ts';
import { createPartFilter } from '../../../src/execution/placeholders.ts';
import { createScreen, type Screen } from '../../../src/execution/screen.ts';
import {
  type AnswerSettings,
  type AnswerShield,
  createAnswerShields,
  type OpenAnswer,
} from '../../../src/guard/answers.ts';
import { actionsOf } from '../../../src/guard/secrets/actions.ts';
import { createScanner } from '../../../src/guard/secrets/engine.ts';
import { SECRET_RULES } from '../../../src/guard/secrets/rules/index.ts';
import { createShield } from '../../../src/guard/shield.ts';
import type { Vault } from '../../../src/guard/vault.ts';

// Made here, so that no file of the project holds what looks like a key.
export const AWS = ['AKIA', 'Z7Q3M5N2P6R4T6V4'].join('');
export const TOKEN = ['gh', 'p_', 'aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD3fG6'].join('');
export const { openai } = DIALECTS;

export interface Told {
  parts: readonly Part[];
  data: string;
}

interface Stage {
  screen: Screen;
  told: Told[];
  shield: AnswerShield;
  mapping: Map<string, string>;
  notes: Record<string, unknown>[];
  blocked: string[];
  vault: Vault;
}

export const digest = (tenant: string, value: string): string =>
  createHmac('sha256', tenant).update(value).digest('hex');
/** Not encrypted: what goes in is what is looked at. */
const vault: Vault = {
  seal: (_tenant, mapping) => JSON.stringify([...mapping]),
  open: (_tenant, sealed) => (sealed === '' ? null : new Map(JSON.parse(sealed) as [string, string][])),
};
const house = createShield(createScanner(SECRET_RULES), actionsOf(), digest);
const SHIELDS = { of: () => house, all: () => house.scanner, mark: () => '' };
let notes: Record<string, unknown>[] = [];
/** A scanner is slow to make. */
const made = new Map<string, OpenAnswer>();

function opened(settings: Partial<AnswerSettings>): OpenAnswer {
  const name = JSON.stringify(settings);
  const known = made.get(name);
  if (known) return known;
  const open = createAnswerShields({
    shields: SHIELDS,
    settings: { enabled: true, reveal: true, ...settings },
    digest,
    vault,
    note: (_tenant, payload) => void notes.push(payload),
  });
  made.set(name, open);
  return open;
}

export function stage(settings: Partial<AnswerSettings> = {}, own: [string, string][] = []): Stage {
  notes = [];
  const mapping = new Map(own);
  const told: Told[] = [];
  const blocked: string[] = [];
  const shield = opened(settings)({ tenant: 't', key: null, request: 'r', task: 'chat' }, mapping);
  assert.ok(shield);
  const screen = createScreen(
    shield,
    (parts, data) => void told.push({ parts, data }),
    (rule) => void blocked.push(rule),
  );
  return { screen, told, shield, mapping, notes, blocked, vault };
}

export const text = (words: string): Part => ({ type: 'text', text: words });
export const call = (args: string, index = 0): Part => ({ type: 'tool_call', index, arguments: args });
export const finish: Part = { type: 'finish', reason: 'stop' };

export function assembled(told: readonly Told[]): VisiblePart[] {
  const assembly = createAssembly();
  for (const { parts } of told) {
    for (const part of parts) {
      if (part.type === 'text' || part.type === 'reasoning' || part.type === 'tool_call') assembly.add(part);
    }
  }
  return assembly.parts();
}

/** As the caller hears it. */
export function restored(told: readonly Told[], mapping: ReadonlyMap<string, string>): VisiblePart[] {
  const filter = createPartFilter(mapping);
  const parts = told.map((one) => ({ parts: filter.push(one.parts), data: '' }));
  return assembled([...parts, { parts: filter.rest(), data: '' }]);
}

export function say(to: Stage, pieces: readonly Part[], readEach = true): void {
  for (const [at, part] of pieces.entries()) {
    to.screen.push([part], `event ${at}`, openai);
    if (readEach) to.screen.look();
  }
  to.screen.push([finish], 'finish', openai);
  to.screen.look();
}
