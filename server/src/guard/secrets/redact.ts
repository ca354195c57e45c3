/** Placeholders for findings: a form that models repeat faithfully, and that is the same in every turn. */
import type { Finding } from './rule.ts';

/** How a text is written: as it is read, or as the inside and outside of JSON text (tool arguments). */
export type TextForm = 'text' | 'json';

export interface RedactorOptions {
  /**
   * A keyed digest of a value, e.g. HMAC-SHA-256 under the tenant's key, as at least 16 hexadecimal digits. The same
   * value gives the same placeholder in every turn, so that vendors' prompt caches hit, and tells nothing without the key.
   */
  keyedDigest(value: string): string;
  /** Placeholders of earlier turns of the same conversation. Those of others must never be given here. */
  mapping?: Iterable<readonly [placeholder: string, value: string]>;
}

/** What stands in the place of a finding. `start` and `end` are places of the text that was searched. */
export interface Replacement {
  start: number;
  end: number;
  placeholder: string;
}

export interface Redactor {
  /** `text` with a placeholder for every finding; those that overlap become one. */
  redact(text: string, findings: readonly Finding[], form?: TextForm): string;
  /** The same, for who puts them in himself: in their order, none over another. */
  replacements(text: string, findings: readonly Finding[], form?: TextForm): Replacement[];
  /** What each placeholder stands for. Secret: keep it encrypted, and only as long as the body. */
  readonly mapping: ReadonlyMap<string, string>;
}

/** Digits of the digest that a placeholder has; 40 bits among the few secrets of one conversation. */
const DIGITS = 10;
const RANK = { private_key: 2, credential: 1, pii: 0 } as const;

export function createRedactor({ keyedDigest, mapping: known = [] }: RedactorOptions): Redactor {
  const mapping = new Map<string, string>(known);

  function placeholder(label: string, value: string): string {
    const digest = keyedDigest(value).toLowerCase();
    if (!/^[0-9a-f]{16,}$/.test(digest)) throw new Error('A keyed digest must be at least 16 hexadecimal digits');
    for (let digits = DIGITS; ; digits++) {
      // Two values with the same digits: the later one gets more of them.
      const tag = digits <= digest.length ? digest.slice(0, digits) : `${digest}${digits.toString(16)}`;
      const name = `[[${label}:${tag}]]`;
      const other = mapping.get(name);
      if (other !== undefined && other !== value) continue;
      mapping.set(name, value);
      return name;
    }
  }

  function replacements(text: string, findings: readonly Finding[], form: TextForm = 'text'): Replacement[] {
    return merged(findings).map(({ start, end, label }) => {
      const slice = text.slice(start, end);
      return { start, end, placeholder: placeholder(label, form === 'json' ? plainOf(slice) : slice) };
    });
  }

  return {
    mapping,
    replacements,
    redact(text, findings, form) {
      let out = '';
      let at = 0;
      for (const one of replacements(text, findings, form)) {
        out += text.slice(at, one.start) + one.placeholder;
        at = one.end;
      }
      return at === 0 ? text : out + text.slice(at);
    },
  };
}

interface Span {
  start: number;
  end: number;
  label: string;
  rank: number;
}

function merged(findings: readonly Finding[]): Span[] {
  const spans: Span[] = [];
  for (const { start, end, rule, kind } of findings.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    if (end <= start) continue;
    const span = { start, end, label: `${kind === 'pii' ? 'pii' : 'secret'}:${rule}`, rank: RANK[kind] };
    const last = spans.at(-1);
    if (!last || start >= last.end) {
      spans.push(span);
      continue;
    }
    if (span.rank > last.rank) Object.assign(last, { label: span.label, rank: span.rank });
    last.end = Math.max(last.end, end);
  }
  return spans;
}

/** The value of a piece of a JSON string; the piece itself when it is none. */
function plainOf(slice: string): string {
  if (!slice.includes('\\')) return slice;
  try {
    const value: unknown = JSON.parse(`"${slice}"`);
    return typeof value === 'string' ? value : slice;
  } catch {
    return slice;
  }
}
