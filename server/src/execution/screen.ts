/**
 * Between what a vendor says and everybody who hears or keeps it: its words are searched for secrets, all that one read
 * from the socket brought at once. An event is passed on as it came, when all of it is decided; only one that holds a
 * finding is told anew. Order is kept: what follows undecided text waits behind it.
 */

import type { VendorField } from '../contract/call.ts';
import type { Dialect } from '../contract/dialect.ts';
import { isVisible, type Part, type TextPart, type VisiblePart } from '../contract/part.ts';
import type { AnswerShield } from '../guard/answers.ts';
import type { Safe } from '../guard/secrets/stream.ts';
import { edited, head, put, saysSomething, tail, textOf, type Waiting, withText } from './edits.ts';

export interface Screen {
  push(parts: readonly Part[], data: string, dialect: Dialect): void;
  /** All that came with one read is there. */
  look(): void;
  /** The answer breaks off, or is over: what was held back is told, but for what may be the beginning of a secret. */
  rest(): void;
  /**
   * The answer breaks off, and goes on elsewhere. What was held back is told when it is short, and still looked at as
   * the beginning of what comes; else it is dropped, and the next attempt says it again.
   */
  carry(): void;
  /** What was said is void. */
  clear(): void;
  /** What came and was not told yet: UTF-8 bytes of text, and parts. */
  waiting(): { bytes: number; pieces: number };
}

/** An event whose text is not all decided is told in two parts when it is longer: vendors that send words are told whole. */
const LONG_EVENT = 64;
/** So much of what may be the beginning of a secret is shown when an answer breaks off there. It says nothing. */
const SHORT_REST = 16;

export function createScreen(
  shield: AnswerShield,
  show: (parts: readonly Part[], data: string, dialect: Dialect) => void,
  block: (rule: string) => void,
): Screen {
  const scanner = shield.scanner();
  let queue: Waiting[] = [];
  /** The block: text of one kind, or of one tool call. A secret does not stretch beyond it. */
  let kind = '';
  let size = 0;
  let decided = 0;
  /** Its end, which is not scanned yet. */
  let fresh = '';
  /** The event that is looked at, and how many of its parts were. */
  let entering: Waiting | null = null;
  let looked = 0;
  let over = false;

  function add(of: Waiting, part: VisiblePart): void {
    const name = part.type === 'tool_call' ? `tool_call ${part.index}` : part.type;
    if (name !== kind) endBlock();
    if (over) return;
    kind = name;
    looked++;
    const text = textOf(part);
    size += text.length;
    of.to = size;
    fresh += text;
    if (part.type !== 'text' && part.vendor !== undefined) addField(of, part, part.vendor);
  }

  function addField(of: Waiting, part: Exclude<VisiblePart, TextPart>, vendor: VendorField): void {
    const said = shield.field(vendor);
    if ('rule' in said) {
      const { vendor: _vendor, ...rest } = part;
      of.parts = of.parts.with(looked - 1, rest);
      endBlock();
      stopAt(size, said.rule);
      return;
    }
    if (said.vendor !== vendor) {
      of.parts = of.parts.with(looked - 1, { ...part, vendor: said.vendor });
      of.data = '';
    }
    // A mark closes the thoughts that it belongs to.
    if (part.type === 'reasoning') endBlock();
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
    release();
  }

  /** The text stands where its place begins. */
  function edit(start: number, end: number, text: string): void {
    let rest = text;
    for (const event of queue) {
      if (event.to <= start || event.from >= end) continue;
      event.edits ??= [];
      event.edits.push({ start: Math.max(start, event.from), end: Math.min(end, event.to), text: rest });
      rest = '';
    }
  }

  function stopAt(place: number, rule: string): void {
    if (over) return;
    over = true;
    edit(place, size, '');
    decided = size;
    // What was not looked at yet is not told.
    if (entering) {
      entering.parts = entering.parts.slice(0, looked);
      entering.data = '';
    }
    entering = null;
    release();
    queue = [];
    block(rule);
  }

  function release(): void {
    let told = 0;
    try {
      for (
        let first = queue[0];
        first !== undefined && first !== entering && first.to <= decided;
        first = queue[told]
      ) {
        told++;
        put(first);
        if (first.data !== '' || first.parts.length === 0) show(first.parts, first.data, first.dialect);
        else {
          const left = first.parts.filter(saysSomething);
          if (left.length > 0) show(left, '', first.dialect);
        }
      }
    } finally {
      // All at once: one by one the rest would be moved as often.
      if (told > 0) queue.splice(0, told);
    }
    split();
  }

  /** The decided beginning of a long event does not wait for its end. */
  function split(): void {
    const [first] = queue;
    if (first === undefined || first === entering || first.parts.length > 1 || decided - first.from < LONG_EVENT)
      return;
    const part = first.parts[0] as VisiblePart;
    const rest = textOf(part).slice(decided - first.from);
    show([head(withText(part, edited(textOf(part), first.from, decided, first.edits ?? [])))], '', first.dialect);
    first.parts = [tail(part, rest)];
    first.data = '';
    first.from = decided;
    first.edits = null;
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
    if (over) return;
    kind = '';
    size = 0;
    decided = 0;
    if (!entering) return;
    put(entering);
    entering.first = looked;
    entering.from = 0;
    entering.to = 0;
  }

  function forget(): void {
    queue = [];
    fresh = '';
    size = 0;
    decided = 0;
  }

  return {
    push(parts, data, dialect) {
      if (over) return;
      const event: Waiting = { parts, data, dialect, from: size, to: size, first: 0, edits: null };
      queue.push(event);
      entering = event;
      looked = 0;
      for (const part of parts) {
        if (isVisible(part)) add(event, part);
        else {
          if (part.type !== 'usage') endBlock();
          looked++;
        }
        if (over) return;
      }
      entering = null;
      if (event.to <= decided) release();
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
    carry() {
      look();
      if (over) return;
      if (size - decided > SHORT_REST) {
        scanner.back(Math.max(0, decided - (queue[0]?.from ?? decided)));
        forget();
        return;
      }
      for (const event of queue) {
        put(event);
        show(event.parts, event.data, event.dialect);
      }
      queue = [];
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
