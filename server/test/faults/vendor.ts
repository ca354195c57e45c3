/** The vendors of all cases: a prompt that names a case makes the vendor that hears it commit that case's fault. */
import type { Script } from '../../src/providers/simulator/script.ts';
import type { Answer } from '../vendors/speaker.ts';
import { type Raw, startWorld, type World, type WorldCall } from '../vendors/world.ts';
import { type FaultRow, WIRES } from './row.ts';
import { ROWS } from './rows.ts';

/** The provider that is always well, and goes on from the beginning of an answer. */
export const SECOND = 'second';

/** Found in the prompt, whatever stands around it. */
export const caseId = (row: string, dialect: string, way: string): string => `${row}.${dialect}.${way}`;
const CASE = /case:([a-z0-9-]+)\.([a-z]+)\.([a-z]+):/;

/** What is said in a case: its own words, so that no answer can be another's. */
export function answerFor(id: string, row: FaultRow): Answer {
  const plain = ['Case', ` ${id}`, ' has', ' twelve', ' words', ' and', ' more', ' than', ' one', ' of', ' them', '.'];
  if (row.holds === 'wide') {
    return { words: plain.map((word, i) => (i > 1 && i < 11 ? ([' Größe', ' 日本語', ' 🐉'][i % 3] ?? word) : word)) };
  }
  if (row.holds === 'thoughts') return { thoughts: ['Let', ' me', ' see', '.'], words: plain };
  if (row.holds === 'call') {
    return { calls: [{ id: 'call_1', name: 'get_weather', pieces: ['{"ci', 'ty":"P', 'aris"', '}'] }] };
  }
  return { words: plain };
}

/** The other target says in plain words what the first would have said. */
const asWords = (answer: Answer): Answer =>
  answer.calls ? { words: ['It', ' is', ' sunny', ' in', ' Paris.'] } : { words: answer.words ?? [] };

export const textOfCase = (id: string, row: FaultRow): string => (answerFor(id, row).words ?? []).join('');
export const textOfSecond = (id: string, row: FaultRow): string => (asWords(answerFor(id, row)).words ?? []).join('');

/** Goes on behind what was shown already, a word at a time. */
function goingOn(answer: Answer, prefix: string): Answer {
  if (prefix === '') return answer;
  const text = (answer.words ?? []).join('');
  if (!text.startsWith(prefix)) return { words: ['[not what was shown]'] };
  return { words: text.slice(prefix.length).match(/\s*\S+/g) ?? [] };
}

export interface FaultVendor {
  url(provider: string): string;
  /** Calls of a case, in order. */
  calls(id: string): readonly WorldCall[];
  /** Calls that no configured provider is for: redirects that were followed. */
  strays(): readonly string[];
  close(): Promise<void>;
}

export async function startFaultVendor(): Promise<FaultVendor> {
  const journal = new Map<string, WorldCall[]>();
  const world: World = await startWorld((provider, raw) => {
    const [, name = '', dialect = '', way = ''] = CASE.exec(raw) ?? [];
    const row = ROWS.get(name);
    const wire = WIRES.find((one) => one.dialect === dialect);
    if (row === undefined || wire === undefined) return null;
    const id = caseId(name, dialect, way);
    const answer = answerFor(id, row);
    const isSecond = provider === SECOND;
    return {
      dialect: isSecond ? 'openai' : wire.dialect,
      say(call): Answer | Script | Raw | null {
        const before = journal.get(id) ?? [];
        journal.set(id, [...before, call]);
        if (isSecond) return goingOn(asWords(answer), call.hear().prefix);
        if (row.once && before.length > 0) return answer;
        return (call.stream ? row.stream : row.whole)?.(wire, answer) ?? null;
      },
    };
  });
  return {
    url: world.url,
    calls: (id) => journal.get(id) ?? [],
    strays: world.strays,
    close: world.close,
  };
}
