/**
 * Secrets in what a caller sends: found before anything is stored or sent, and replaced by placeholders, which the vendor
 * and the record get. The caller gets his own values back (`restore.ts`).
 */
import type { AnswerCall } from '../contract/call.ts';
import { GoblinError } from '../contract/errors.ts';
import { type ActionOf, type ActionSettings, decide, saidOf } from './secrets/actions.ts';
import { isBinary } from './secrets/blobs.ts';
import type { Scanner } from './secrets/engine.ts';
import { fromFields, hiddenName, scanName } from './secrets/fields.ts';
import { acrossTexts } from './secrets/joints.ts';
import { createRedactor, type Redactor, type TextForm } from './secrets/redact.ts';
import type { Action, Finding } from './secrets/rule.ts';
import { inTurns, type Look } from './secrets/turns.ts';

export interface FoundSecret {
  rule: string;
  action: Action;
  /** Dotted path in the call. */
  place: string;
  /** Keyed digest of the value: says whether two are the same, and nothing else. */
  fingerprint: string;
}

/** What is searched: what the model is sent, and what the caller wants to be kept beside it. */
export interface Content {
  call: AnswerCall;
  metadata: Record<string, unknown> | null;
  labels: Record<string, string> | null;
  /** The task type of the request, for which other actions may be set. Left out: those of all. */
  task?: string;
}

export interface Shielded extends Content {
  /** What each placeholder stands for; empty when nothing was replaced. */
  mapping: ReadonlyMap<string, string>;
  found: FoundSecret[];
}

export interface Shield {
  /** The same content when nothing is found. Throws `secret_blocked`, with the places, and `unavailable`. */
  protect(tenant: string, content: Content): Shielded;
  /** The same; a promise for content that takes so long that others must be served meanwhile. */
  protectInTurns(tenant: string, content: Content): Shielded | Promise<Shielded>;
}

/** The rules that are looked for in what belongs to one tenant, and what is done about findings. */
export interface TenantShield extends Shield {
  readonly scanner: Scanner;
  readonly actionOf: ActionOf;
  /** What the tenant itself says; undefined: nothing. */
  said(finding: Pick<Finding, 'rule' | 'kind'>, task: string | null): Action | undefined;
}

const NONE: ReadonlyMap<string, string> = new Map();
/** Fields with content that may be no text: pictures, sounds, files. */
const BLOBS = new Set(['data', 'file_data', 'b64_json', 'url', 'image_url']);
/** Below that a field is searched whatever its name: encoded secrets are short. */
const BLOB_CHARS = 16_384;
/** Fields of a call with objects whose names are the caller's own; all others are named by us. */
const FREE = new Set(['parameters', 'schema', 'body', 'fields', 'raw']);
const ROLES = ['system', 'user', 'assistant', 'tool'] as const;
/** Nothing nests so deep; what does is refused at the door. */
const MOST_DEPTH = 64;

/** `digest`: a keyed digest of a value for a tenant, 16 hexadecimal digits or more. */
export function createShield(
  scanner: Scanner,
  actionOf: ActionOf,
  digest: (tenant: string, value: string) => string,
  own: ActionSettings = {},
): TenantShield {
  /** `binary`: which large fields are no text, as far as that was found out in an earlier turn. */
  function protect(tenant: string, content: Content, look: Look, binary = new Map<string, boolean>()): Shielded {
    const { task = null } = content;
    const found: FoundSecret[] = [];
    const blocked: FoundSecret[] = [];
    /** Doors give the same text twice: decoded, and as it came. */
    const seen = new Map<string, readonly Finding[]>();
    const cut = acrossMessages(look, content.call);
    let redactor: Redactor | null = null;
    const digests = new Map<string, string>();
    const keyedDigest = (value: string): string => {
      const known = digests.get(value) ?? digest(tenant, value);
      digests.set(value, known);
      return known;
    };

    function text(value: string, place: string, form: TextForm): string {
      let findings = seen.get(value);
      const first = findings === undefined;
      if (findings === undefined) {
        findings = look(value);
        const parts = cut?.get(value);
        if (parts) findings = [...findings, ...parts].sort((a, b) => a.start - b.start);
        seen.set(value, findings);
      }
      if (findings.length === 0) return value;
      const decision = decide(findings, actionOf, task);
      if (first) {
        for (const { finding, action } of decision.findings) {
          if (action === 'allow') continue;
          const one = { rule: finding.rule, action, place, fingerprint: keyedDigest(finding.value).slice(0, 16) };
          found.push(one);
          if (action === 'block') blocked.push(one);
        }
      }
      const replaced = decision.findings.filter(({ action }) => action === 'redact').map(({ finding }) => finding);
      if (replaced.length === 0) return value;
      redactor ??= createRedactor({ keyedDigest });
      return redactor.redact(value, replaced, form);
    }

    /** The same object where nothing in it changes. `free`: its names are the caller's. */
    function walk(value: unknown, place: string, name: string, depth: number, free: boolean): unknown {
      if (typeof value === 'string') {
        if (BLOBS.has(name) && (value.length > BLOB_CHARS || value.startsWith('data:'))) {
          const known = binary.get(value) ?? isBinary(value);
          binary.set(value, known);
          if (known) return value;
        }
        return text(value, place, name === 'arguments' ? 'json' : 'text');
      }
      if (typeof value !== 'object' || value === null || depth > MOST_DEPTH) return value;
      if (Array.isArray(value)) {
        let copy: unknown[] | null = null;
        for (let n = 0; n < value.length; n++) {
          const next = walk(value[n], `${place}.${n}`, name, depth + 1, free);
          if (next === value[n]) continue;
          copy ??= [...value];
          copy[n] = next;
        }
        return copy ?? value;
      }
      let copy: Record<string, unknown> | null = null;
      let renamed: Map<string, string> | null = null;
      let index = -1;
      for (const key in value) {
        index++;
        const hidden = free && scanName(scanner, key, look).length > 0;
        const shown = hidden ? hiddenName(index) : key;
        const at = place === '' ? shown : `${place}.${shown}`;
        const other = hidden ? text(key, at, 'text') : key;
        if (other !== key) renamed = (renamed ?? new Map()).set(key, other);
        const old = (value as Record<string, unknown>)[key];
        const next = walk(old, at, key, depth + 1, free || FREE.has(key));
        if (next === old) continue;
        copy ??= { ...value };
        copy[key] = next;
      }
      const same = copy ?? value;
      const names: ReadonlyMap<string, string> | null = renamed;
      if (names === null) return same;
      return fromFields(Object.entries(same).map(([key, one]) => [names.get(key) ?? key, one]));
    }

    const call = walk(content.call, '', '', 0, false) as AnswerCall;
    const metadata = walk(content.metadata, 'metadata', '', 0, true) as Content['metadata'];
    const labels = walk(content.labels, 'labels', '', 0, true) as Content['labels'];
    if (blocked.length > 0) throw refused(blocked);
    return { call, metadata, labels, found, mapping: (redactor as Redactor | null)?.mapping ?? NONE };
  }

  return {
    scanner,
    actionOf,
    said: (finding, task) => saidOf(own, finding, task),
    protect: (tenant, content) => protect(tenant, content, scanner.scan),
    protectInTurns(tenant, content) {
      const binary = new Map<string, boolean>();
      return inTurns(scanner, (look) => protect(tenant, content, look, binary));
    },
  };
}

/** By text: its parts of secrets that are cut over several texts of one role, within a message or from one to the next. */
function acrossMessages(look: Look, call: AnswerCall): ReadonlyMap<string, Finding[]> | null {
  let cut: Map<string, Finding[]> | null = null;
  for (const role of ROLES) {
    const texts: string[] = [];
    for (const message of call.messages) {
      if (message.role !== role) continue;
      for (const content of message.content) if (content.type === 'text') texts.push(content.text);
    }
    if (texts.length < 2) continue;
    for (const [n, parts] of acrossTexts(look, texts)) {
      cut ??= new Map();
      cut.set(texts[n] as string, parts);
    }
  }
  return cut;
}

function refused(blocked: readonly FoundSecret[]): GoblinError {
  const rules = [...new Set(blocked.map(({ rule }) => rule))].join(', ');
  return new GoblinError(
    'secret_blocked',
    `The request holds a secret that must not be sent (${rules}); take it out.`,
    {
      errors: blocked.slice(0, 20).map(({ place, rule }) => ({ path: place, message: `holds a secret (${rule})` })),
    },
  );
}
