/**
 * Between what a vendor says and everybody who hears or keeps it: its words are searched for secrets, all that one read
 * from the socket brought at once. An event is passed on as it came, when all of it is decided; only one that holds a
 * finding is told anew. Order is kept: what follows undecided text waits behind it.
 */

import type { Dialect } from '../contract/dialect.ts';
import { isVisible, type Part, type VisiblePart } from '../contract/part.ts';
import type { AnswerShield } from '../guard/answers.ts';
import type { Safe } from '../guard/secrets/stream.ts';

export interface Screen {
  push(parts: readonly Part[], data: string, dialect: Dialect): void;
  /** All that came with one read is there. */
  look(): void;
  /** The answer breaks off, or is over: what was held back is told, but for what may be the beginning of a secret. */
  rest(): void;
  /** The next attempt says again what was not shown. */
  back(): void;
  /** What was said is void. */
  clear(): void;
  /** What came and was not told yet: UTF-8 bytes of text, and parts. */
  waiting(): { bytes: number; pieces: number };
}

/** An event whose text is not all decided is told in two parts when it is longer: vendors that send words are told whole. */
const LONG_EVENT = 64;
/** So much of what may be the beginning of a secret is shown when an answer breaks off there. It says nothing. */
const SHORT_REST = 16;

interface Waiting {
  parts: readonly Part[];
  data: string;
  dialect: Dialect;
  /** Parts with undecided text, and one more while its parts are still looked at. */
  open: number;
}

interface Edit {
  start: number;
  end: number;
  text: string;
}

/** The text of a part, by its place in the block. */
interface Slot {
  of: Waiting;
  part: number;
  from: number;
  to: number;
  edits: Edit[] | null;
}

export function createScreen(
  shield: AnswerShield,
  show: (parts: readonly Part[], data: string, dialect: Dialect) => void,
  block: (rule: string) => void,
): Screen {
  const scanner = shield.scanner();
  let queue: Waiting[] = [];
  let slots: Slot[] = [];
  /** Text of one kind, or of one tool call: what a secret cannot stretch beyond. */
  let kind = '';
  let fresh = '';
  let size = 0;
  let decided = 0;
  /** The event that is looked at, and how many of its parts were. */
  let entering: { of: Waiting; parts: number } | null = null;
  let over = false;

  function add(of: Waiting, part: VisiblePart, index: number): void {
    const name = part.type === 'tool_call' ? `tool_call ${part.index}` : part.type;
    if (name !== kind) endBlock();
    if (over) return;
    kind = name;
    entering = { of, parts: index + 1 };
    const text = part.type === 'tool_call' ? part.arguments : part.text;
    if (text !== '') {
      slots.push({ of, part: index, from: size, to: size + text.length, edits: null });
      of.open++;
      size += text.length;
      fresh += text;
    }
    if (part.type === 'text' || part.vendor === undefined) return;
    const said = shield.field(part.vendor);
    if ('rule' in said) {
      const { vendor: _vendor, ...rest } = part;
      change(of, index, rest);
      endBlock();
      stopAt(0, said.rule);
      return;
    }
    if (said.vendor !== part.vendor) change(of, index, { ...part, vendor: said.vendor });
    // A mark closes the thoughts that it belongs to.
    if (part.type === 'reasoning') endBlock();
  }

  function change(of: Waiting, index: number, part: VisiblePart): void {
    of.parts = of.parts.with(index, part);
    of.data = '';
  }

  function take(safe: Safe): void {
    const from = decided;
    decided += safe.text.length;
    if (safe.findings.length > 0) {
      const form = kind.startsWith('tool_call') ? 'json' : 'text';
      const { replacements, block: stop } = shield.judge(safe.text, safe.findings, form);
      for (const { start, end, placeholder } of replacements) edit(from + start, from + end, placeholder);
      if (stop) {
        stopAt(from + stop.start, stop.rule);
        return;
      }
    }
    settle();
  }

  /** The text stands where its place begins. */
  function edit(start: number, end: number, text: string): void {
    let rest = text;
    for (const slot of slots) {
      if (slot.to <= start || slot.from >= end) continue;
      slot.edits ??= [];
      slot.edits.push({ start: Math.max(start, slot.from), end: Math.min(end, slot.to), text: rest });
      rest = '';
    }
  }

  function stopAt(place: number, rule: string): void {
    if (over) return;
    over = true;
    edit(place, size, '');
    decided = size;
    settle();
    // What was not looked at yet is not told.
    if (entering) entering.of.parts = entering.of.parts.slice(0, entering.parts);
    for (const one of queue) one.open = 0;
    release();
    queue = [];
    block(rule);
  }

  /** Parts that are decided get their text, and events that are decided are told. */
  function settle(): void {
    let done = 0;
    for (const slot of slots) {
      if (slot.to > decided) break;
      done++;
      slot.of.open--;
      if (slot.edits) change(slot.of, slot.part, withText(slot, slot.to));
    }
    if (done > 0) slots = done === slots.length ? [] : slots.slice(done);
    release();
    split();
  }

  function release(): void {
    let told = 0;
    for (const { parts, data, dialect, open } of queue) {
      if (open > 0) break;
      told++;
      if (data !== '' || parts.length === 0) show(parts, data, dialect);
      else {
        const left = parts.filter(saysSomething);
        if (left.length > 0) show(left, '', dialect);
      }
    }
    if (told > 0) queue = told === queue.length ? [] : queue.slice(told);
  }

  /** The decided beginning of a long event does not wait for its end. */
  function split(): void {
    const [slot] = slots;
    const [first] = queue;
    if (!slot || !first || slot.of !== first || first.parts.length > 1 || decided - slot.from < LONG_EVENT) return;
    const part = first.parts[0] as VisiblePart;
    show([head(withText(slot, decided))], '', first.dialect);
    const rest = textOf(part).slice(decided - slot.from);
    first.parts = [tail(part, rest)];
    first.data = '';
    slot.from = decided;
    slot.edits = null;
  }

  function withText({ of, part, from, edits }: Slot, end: number): VisiblePart {
    const whole = of.parts[part] as VisiblePart;
    const text = textOf(whole);
    let out = '';
    let at = from;
    for (const one of edits ?? []) {
      out += text.slice(at - from, one.start - from) + one.text;
      at = one.end;
    }
    out += text.slice(at - from, end - from);
    return whole.type === 'tool_call' ? { ...whole, arguments: out } : { ...whole, text: out };
  }

  function look(): void {
    if (over || fresh === '') return;
    const text = fresh;
    fresh = '';
    take(scanner.push(text));
  }

  function endBlock(): void {
    look();
    if (!over && kind !== '') take(scanner.end());
    kind = '';
    size = 0;
    decided = 0;
  }

  function forget(): void {
    queue = [];
    slots = [];
    fresh = '';
    size = 0;
    decided = 0;
  }

  return {
    push(parts, data, dialect) {
      if (over) return;
      const event: Waiting = { parts, data, dialect, open: 1 };
      queue.push(event);
      for (let index = 0; index < parts.length && !over; index++) {
        const part = parts[index] as Part;
        entering = { of: event, parts: index };
        if (isVisible(part)) add(event, part, index);
        else if (part.type !== 'usage') endBlock();
      }
      entering = null;
      event.open--;
      if (!over && slots.length === 0) release();
    },
    look,
    rest() {
      look();
      if (over || kind === '') return;
      const safe = scanner.end();
      if (safe.findings.length === 0 && safe.text.length > SHORT_REST) edit(decided, size, '');
      take(safe);
      kind = '';
    },
    back() {
      scanner.back(decided - (slots[0]?.from ?? decided));
      forget();
    },
    clear() {
      scanner.end();
      kind = '';
      forget();
    },
    waiting() {
      const parts = queue.flatMap((event) => event.parts.filter(isVisible));
      return { bytes: parts.reduce((sum, part) => sum + Buffer.byteLength(textOf(part)), 0), pieces: parts.length };
    },
  };
}

const textOf = (part: VisiblePart): string => (part.type === 'tool_call' ? part.arguments : part.text);

/** What is left of a part whose text went into a placeholder before it. */
function saysSomething(part: Part): boolean {
  if (part.type === 'text') return part.text !== '';
  return part.type !== 'reasoning' || part.text !== '' || part.vendor !== undefined;
}

/** A mark closes what it belongs to, so it goes with the end. */
function head(part: VisiblePart): VisiblePart {
  if (part.type !== 'reasoning') return part;
  const { vendor: _vendor, ...rest } = part;
  return rest;
}

function tail(part: VisiblePart, text: string): VisiblePart {
  if (part.type === 'tool_call') return { type: 'tool_call', index: part.index, arguments: text };
  return { ...part, text };
}
