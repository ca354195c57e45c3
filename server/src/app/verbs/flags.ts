/** What a verb takes, as data: its arguments are read by it, and its help is written from it. */
import { parseArgs } from 'node:util';

/** A verb that cannot go on: one sentence, exit code 1. */
export class VerbError extends Error {}

export interface Flag {
  help: string;
  /** What its value is called in the help; without one it is a switch. */
  value?: string;
  /** Its value is a whole number from this on. */
  from?: number;
}

export interface Verb {
  name: string;
  /** What follows the name in the first line of the help. */
  usage: string;
  about: string;
  /** How many words it takes beside its flags. */
  words: { most: number };
  flags: Readonly<Record<string, Flag>>;
  examples: readonly string[];
  /** Answers the exit code. */
  run(input: Input): Promise<number>;
}

export interface Input {
  words: readonly string[];
  text(flag: string): string | undefined;
  number(flag: string): number | undefined;
  on(flag: string): boolean;
}

/** Throws `VerbError` for what the verb does not take. */
export function readFlags(verb: Pick<Verb, 'name' | 'flags' | 'words'>, args: readonly string[]): Input {
  const options: Record<string, { type: 'string' | 'boolean' }> = {};
  for (const [name, flag] of Object.entries(verb.flags)) options[name] = { type: flag.value ? 'string' : 'boolean' };
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const words: string[] = [];
  const values = new Map<string, string | true>();
  const wrong = (message: string) => new VerbError(`goblin ${verb.name}: ${message}`);
  let phrase = -1;
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const flag = Object.hasOwn(verb.flags, token.name) ? verb.flags[token.name] : undefined;
    const arg = args[token.index] ?? '';
    if (!flag || token.rawName === `-${token.name}`) {
      // "- a list" is a prompt; its letters come as so many short flags with the same index.
      const isPhrase = /^-[^=\s]*\s/.test(arg) && verb.words.most > 0;
      if (!isPhrase) throw wrong(unknownFlag(arg, verb));
      if (phrase !== token.index) words.push(arg);
      phrase = token.index;
      continue;
    }
    const shown = `--${token.name}`;
    if (!flag.value) {
      if (token.value !== undefined) throw wrong(`${shown} takes no value.`);
      values.set(token.name, true);
      continue;
    }
    if (token.value === undefined || (!token.inlineValue && token.value.startsWith('--'))) {
      throw wrong(`${shown} needs a value: ${shown} <${flag.value}>.`);
    }
    if (flag.from !== undefined && (!/^\d{1,9}$/.test(token.value) || Number(token.value) < flag.from)) {
      throw wrong(`${shown} is "${token.value}" but takes a whole number from ${flag.from}.`);
    }
    values.set(token.name, token.value);
  }
  const extra = words[verb.words.most];
  if (extra !== undefined) {
    const takes = verb.words.most === 0 ? 'it takes none' : `it takes ${verb.words.most} at most`;
    throw wrong(`"${extra}" is one word too many; ${takes}. See: goblin ${verb.name} --help`);
  }
  return {
    words,
    text: (name) => {
      const value = values.get(name);
      return typeof value === 'string' ? value : undefined;
    },
    number: (name) => (values.has(name) ? Number(values.get(name)) : undefined),
    on: (name) => values.has(name),
  };
}

function unknownFlag(arg: string, verb: Pick<Verb, 'name' | 'flags'>): string {
  const written = arg.split('=')[0] ?? arg;
  const names = Object.keys(verb.flags);
  const close = near(written.replace(/^-+/, ''), names).map((name) => `--${name}`);
  const meant = close.length > 0 ? `did you mean ${close.join(' or ')}?` : flagList(names);
  return `${written} is not a flag here; ${meant}`;
}

const flagList = (names: readonly string[]): string =>
  names.length === 0 ? 'it has none.' : `there are ${names.map((name) => `--${name}`).join(', ')}.`;

export function helpOf(verb: Verb): string {
  const rows = Object.entries(verb.flags).map(([name, flag]): [string, string] => [
    flag.value ? `--${name} <${flag.value}>` : `--${name}`,
    flag.help,
  ]);
  const lines = [`goblin ${verb.name}${verb.usage === '' ? '' : ` ${verb.usage}`}`, '', verb.about];
  if (rows.length > 0) lines.push('', ...columns(rows).map((line) => `  ${line}`));
  if (verb.examples.length > 0) lines.push('', 'For example:', ...verb.examples.map((example) => `  ${example}`));
  return lines.join('\n');
}

/** Rows as lines with their columns aligned; the last one is not padded. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** Names that somebody may have meant, the nearest first: those that begin so, and those two slips of the finger away. */
export function near(wanted: string, names: readonly string[]): string[] {
  const name = wanted.toLowerCase();
  if (name === '' || name.length > 40) return [];
  return names
    .map((other) => ({ other, slips: other.startsWith(name) || name.startsWith(other) ? 0 : slips(name, other) }))
    .filter(({ other, slips }) => slips <= Math.min(2, Math.ceil(Math.min(name.length, other.length) / 2) - 1))
    .sort((a, b) => a.slips - b.slips)
    .slice(0, 3)
    .map(({ other }) => other);
}

/** Letters changed, left out, put in, or two neighbours swapped. */
function slips(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, at) => at)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const change = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : change;
      row.push(Math.min(change, swap, at(i - 1, j) + 1, at(i, j - 1) + 1));
    }
  }
  return at(a.length, b.length);
}
