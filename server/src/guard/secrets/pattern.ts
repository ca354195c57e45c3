/**
 * A reader of regular expressions, for the part of their grammar that rules use. From its tree follow the longest
 * match, the characters a match can begin with, whether matching is bounded, and the expression for "a match that is
 * cut off by the end of the text", which is what a stream must hold back.
 */

export type Node =
  | { type: 'set'; source: string }
  | { type: 'seq'; items: readonly Node[] }
  | { type: 'any'; branches: readonly Node[] }
  | { type: 'group'; open: string; body: Node }
  | { type: 'look'; source: string; behind: boolean }
  /** `from` and `to`: its place in the source. */
  | { type: 'repeat'; body: Node; min: number; max: number; lazy: boolean; from: number; to: number };

/** A fault in a pattern, with its place in the source. */
export class PatternError extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const EMPTY: Node = { type: 'seq', items: [] };

export function parsePattern(source: string): Node {
  let at = 0;
  const fail = (message: string): never => {
    throw new PatternError(message, at);
  };

  function alternatives(): Node {
    const branches: Node[] = [sequence()];
    while (source[at] === '|') {
      at++;
      branches.push(sequence());
    }
    return branches.length === 1 ? (branches[0] ?? EMPTY) : { type: 'any', branches };
  }

  function sequence(): Node {
    const items: Node[] = [];
    while (at < source.length && source[at] !== '|' && source[at] !== ')') items.push(repeated(at, atom()));
    return { type: 'seq', items };
  }

  function atom(): Node {
    const char = source[at];
    if (char === '(') return group();
    if (char === '[') return { type: 'set', source: charClass() };
    if (char === '\\') return escapeSequence();
    if (char === '*' || char === '+' || char === '?') return fail(`"${char}" repeats nothing`);
    at++;
    if (char === '^' || char === '$') return { type: 'look', source: char, behind: char === '^' };
    return { type: 'set', source: char ?? '' };
  }

  function escapeSequence(): Node {
    const next = source[at + 1];
    if (next === undefined) return fail('a backslash at the end');
    if (/[1-9k]/.test(next)) return fail('back references cannot be matched in linear time');
    const long = /^\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[pP]\{[^}]{1,40}\})/.exec(source.slice(at, at + 48));
    const text = long?.[0] ?? source.slice(at, at + 2);
    at += text.length;
    if (next === 'b' || next === 'B') return { type: 'look', source: text, behind: false };
    return { type: 'set', source: text };
  }

  function charClass(): string {
    const from = at;
    at++;
    if (source[at] === '^') at++;
    for (; source[at] !== ']'; at++) {
      if (at >= source.length) return fail('a "[" without its "]"');
      if (source[at] === '\\') at++;
    }
    at++;
    return source.slice(from, at);
  }

  function group(): Node {
    const from = at;
    const open = /^\((?:\?(?:[:=!]|<[=!]|P?<[A-Za-z]\w{0,31}>))?/.exec(source.slice(at, at + 40))?.[0] ?? '(';
    at += open.length;
    if (source[at] === '?') return fail('this kind of group is not known');
    const body = alternatives();
    if (source[at] !== ')') return fail('a "(" without its ")"');
    at++;
    if (/^\(\?<?[=!]/.test(open)) {
      return { type: 'look', source: source.slice(from, at), behind: open.startsWith('(?<') };
    }
    return { type: 'group', open, body };
  }

  function repeated(from: number, body: Node): Node {
    const found = /^(?:[*+?]|\{(\d{1,5})(?:(,)(\d{0,5}))?\})/.exec(source.slice(at, at + 16));
    if (!found) return body;
    if (body.type === 'look') return fail('a look around cannot be repeated');
    at += found[0].length;
    const [sign, low, comma, high] = found;
    const min = low === undefined ? (sign === '+' ? 1 : 0) : Number(low);
    const max = low === undefined ? (sign === '?' ? 1 : Infinity) : !comma ? min : high ? Number(high) : Infinity;
    if (max < min) return fail('a repeat whose end is below its beginning');
    const lazy = source[at] === '?';
    if (lazy) at++;
    if (/^[*+]|^\{\d/.test(source.slice(at, at + 2))) return fail('a repeat of a repeat');
    return { type: 'repeat', body, min, max, lazy, from, to: at };
  }

  const tree = alternatives();
  if (at < source.length) fail('a ")" without its "("');
  return tree;
}

/** The longest match in characters; Infinity for one without bound. */
export function longest(node: Node): number {
  switch (node.type) {
    case 'set':
      return 1;
    case 'look':
      return 0;
    case 'group':
      return longest(node.body);
    case 'seq':
      return node.items.reduce((sum, item) => sum + longest(item), 0);
    case 'any':
      return Math.max(...node.branches.map(longest));
    case 'repeat': {
      const body = longest(node.body);
      return body === 0 ? 0 : body * node.max;
    }
  }
}

/** The shortest match in characters. */
export function shortest(node: Node): number {
  switch (node.type) {
    case 'set':
      return 1;
    case 'look':
      return 0;
    case 'group':
      return shortest(node.body);
    case 'seq':
      return node.items.reduce((sum, item) => sum + shortest(item), 0);
    case 'any':
      return Math.min(...node.branches.map(shortest));
    case 'repeat':
      return shortest(node.body) * node.min;
  }
}

/** The ASCII characters that a match can begin with, as a table of 128 flags. */
export function firstChars(node: Node, flags: string): Uint8Array {
  const table = new Uint8Array(128);
  addFirst(node, flags, table);
  return table;
}

/** Adds to the table; true when the node can match nothing, so that what follows it counts too. */
function addFirst(node: Node, flags: string, table: Uint8Array): boolean {
  switch (node.type) {
    case 'set': {
      const set = new RegExp(node.source, flags.replace(/[^isu]/g, ''));
      for (let code = 0; code < 128; code++) if (set.test(String.fromCharCode(code))) table[code] = 1;
      return false;
    }
    case 'look':
      return true;
    case 'group':
      return addFirst(node.body, flags, table);
    case 'seq':
      return node.items.every((item) => addFirst(item, flags, table));
    case 'any':
      return node.branches.map((branch) => addFirst(branch, flags, table)).some(Boolean);
    case 'repeat':
      return addFirst(node.body, flags, table) || node.min === 0;
  }
}

export function sourceOf(node: Node): string {
  switch (node.type) {
    case 'set':
    case 'look':
      return node.source;
    case 'group':
      return `${node.open.startsWith('(?:') ? node.open : '(?:'}${sourceOf(node.body)})`;
    case 'seq':
      return node.items.map(sourceOf).join('');
    case 'any':
      return node.branches.map(sourceOf).join('|');
    case 'repeat':
      return sourceOf(node.body) + range(node.min, node.max) + (node.lazy ? '?' : '');
  }
}

function range(min: number, max: number): string {
  return max === Infinity ? `{${min},}` : min === max ? `{${min}}` : `{${min},${max}}`;
}

/**
 * The source of an expression that matches from the same place to the very end of the text whenever a longer text
 * could make the pattern match, or match further. `end` is how the engine writes "end of text", `$` or `\z`, and
 * `never` what matches nothing.
 */
export function cutOff(node: Node, end = '$', never = '(?!)'): string {
  switch (node.type) {
    case 'set':
      return end;
    case 'look':
      return node.behind ? never : end;
    case 'group':
      return `(?:${cutOff(node.body, end, never)})`;
    case 'any':
      return `(?:${node.branches.map((branch) => cutOff(branch, end, never)).join('|')})`;
    case 'seq':
      return node.items.reduceRight((rest, item, index) => {
        const cut = cutOff(item, end, never);
        if (index === node.items.length - 1) return cut;
        const whole = `${wrapped(item)}(?:${rest})`;
        return cut === never ? whole : `(?:${cut}|${whole})`;
      }, end);
    case 'repeat': {
      // The last round may be cut anywhere, the ones before it are whole.
      const rounds = node.max === Infinity ? Infinity : Math.max(0, node.max - 1);
      if (node.body.type === 'set') return `${node.body.source}${range(0, node.max)}${end}`;
      return `(?:${sourceOf(node.body)})${range(0, rounds)}(?:${cutOff(node.body, end, never)})`;
    }
  }
}

function wrapped(node: Node): string {
  return node.type === 'any' ? `(?:${sourceOf(node)})` : sourceOf(node);
}
