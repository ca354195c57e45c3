/** What a rule, a match and a finding are. */

export type RuleKind = 'credential' | 'private_key' | 'pii';
export type Action = 'block' | 'redact' | 'flag' | 'allow';

/** How a finding was written in the text: as it is, or hidden in an encoding. */
export type Via = 'plain' | 'base64' | 'url' | 'json' | 'html' | 'zero-width' | 'wide';

/** The place of a value in the text that was searched. `start` is where the whole match began, e.g. at its keyword. */
export interface Match {
  start: number;
  from: number;
  to: number;
  /** Set by matchers that serve several rules. */
  rule?: Rule;
}

/**
 * What a matcher says at a place: a match, nothing, or that more text could make a match. Then `open` is where the
 * text must not be shown yet, which is its end when the value has not begun; else it is -1.
 */
export interface Verdict {
  match: Match | null;
  open: number;
}

/**
 * A matcher written by hand, for what an expression cannot say in bounded steps. `hit` is where one of the rule's
 * literals begins. With `final` the text ends there and nothing is open. Must be linear in what it reads.
 */
export type HandMatcher = (text: string, hit: number, final: boolean) => Verdict;

export interface Rule {
  /** `a-z`, digits and `_`; stands in placeholders and events. */
  id: string;
  title: string;
  kind: RuleKind;
  /** The prefilter, without case: the pattern is tried only where one of these stands, less `lead` characters. */
  literals?: readonly string[];
  /** The prefilter for values without a fixed text: 16 and more characters of the base64 alphabets, or digits. */
  at?: 'run' | 'digit';
  /** Characters that a match may have before the literal, and how many at most. */
  lead?: { chars: RegExp; max: number };
  /** Must match from its first character on; bounded, so that every try costs at most a constant. */
  pattern: RegExp | HandMatcher;
  /**
   * For patterns that can begin with anything: searches whole texts that have one of the literals, or all when there
   * are none. `open` says where a match begins that the end of the text cuts off, -1 for none.
   */
  sweep?: { find(text: string, from: number): readonly Match[]; open(text: string): number };
  /** The group that holds the value; without it the whole match is the value. */
  group?: number;
  check?: (value: string) => boolean;
  /** Shannon entropy in bits a character that a value must have. */
  minEntropy?: number;
  /** What comes before the value may be shown before the value comes: hits are looked for in shown text too. */
  behind?: boolean;
  /** In characters; worked out from the pattern where it is an expression. */
  maxLength?: number;
  /** The value may follow a letter or a digit directly; without it such a place is no beginning. */
  glued?: boolean;
  /** Values that look like examples are findings too. */
  examples?: boolean;
  /** Found inside a finding of a rule without this mark, it is left out: the other one says more. */
  vague?: boolean;
  action: Action;
}

export interface Finding {
  rule: string;
  kind: RuleKind;
  /** In UTF-16 code units of the text that was scanned; `end` is exclusive. */
  start: number;
  end: number;
  /** The secret, decoded. Never log or store it: make a keyed fingerprint of it. */
  value: string;
  via: Via;
}

export const NOTHING: Verdict = { match: null, open: -1 };
