/**
 * Secrets in what models write: found as it streams, before anything of it is numbered or stored. What is replaced
 * stands in the record as a placeholder, and the caller reads what the model wrote; see `execution/screen.ts`.
 */
import type { VendorField } from '../contract/call.ts';
import { type ActionOf, type Actions, isWeaker } from './secrets/actions.ts';
import { fromFields, scanName } from './secrets/fields.ts';
import { createRedactor, type Redactor, type Replacement, type TextForm } from './secrets/redact.ts';
import type { Action, Finding } from './secrets/rule.ts';
import { createStreamScanner, type StreamScanner } from './secrets/stream.ts';
import { inTurns } from './secrets/turns.ts';
import type { TenantShield } from './shield.ts';
import type { Shields } from './shields.ts';
import type { Vault } from './vault.ts';

export interface AnswerSettings extends Actions {
  enabled: boolean;
  /** Whether the caller reads what the model wrote where the record has a placeholder. */
  reveal: boolean;
}

/** Whose answer it is. */
export interface AnswerOf {
  tenant: string;
  key: string | null;
  request: string;
  /** The task type of the request. */
  task: string;
}

export interface Verdict {
  replacements: readonly Replacement[];
  /** The rule of the first finding that ends the answer, and where that begins. */
  block: { rule: string; start: number } | null;
}

/** One answer. */
export interface AnswerShield {
  /** The same for answers that pass the same rules with the same actions. */
  readonly mark: string;
  scanner(): StreamScanner;
  /** What is done about the findings of a text. Each is noted. */
  judge(text: string, findings: readonly Finding[], form: TextForm): Verdict;
  /** A vendor's own field with placeholders, the same object when nothing is found; or the rule that ends the answer. */
  field(vendor: VendorField): { vendor: VendorField } | { rule: string };
  /** Whether something stands in what a vendor says beside the answer that must not be shown. Each finding is noted. */
  outside(text: string): boolean;
  /** The same for all that a vendor answered in one body, which may be long. */
  whole(text: string): boolean | Promise<boolean>;
  /** Something was found that is not to be shown as it came. */
  readonly changed: boolean;
  /** What the placeholders of this answer stand for, for the record; null when there is nothing that may be told. */
  sealed(): string | null;
  /** The same for those that stand in this text. */
  sealedOf(text: string): string | null;
}

/**
 * `mapping`: what the placeholders of the caller stand for; those of the answer are added to it. Throws `unavailable`
 * when it cannot be known what the tenant looks for.
 */
export type OpenAnswer = (of: AnswerOf, mapping: Map<string, string>) => AnswerShield | undefined;

export interface AnswerDeps {
  shields: Pick<Shields, 'of' | 'all' | 'mark'>;
  settings: AnswerSettings;
  /** A keyed digest of a value for a tenant, 16 hexadecimal digits or more. */
  digest(tenant: string, value: string): string;
  vault: Vault;
  /** An event of the audit trail. Never throws. */
  note(tenant: string, payload: Record<string, unknown>, request: string): void;
}

/** An answer full of findings is told of by the first ones. */
const MOST_NOTED = 100;
/** Fields whose content is encrypted, or no text. */
const OPAQUE = new Set(['encrypted_content', 'signature', 'data', 'redactedContent', 'thoughtSignature', 'id']);
const MOST_DEPTH = 64;

export function createAnswerShields({ shields, settings, digest, vault, note }: AnswerDeps): OpenAnswer {
  // What is allowed in prompts is not among what is looked for there.
  const more = [settings.rules ?? {}, settings.kinds ?? {}].some((said) =>
    Object.values(said).some((action) => action !== 'allow'),
  );

  return ({ tenant, key, request, task }, mapping) => {
    const shield = shields.of(tenant);
    if (!shield) return undefined;
    const scanner = more ? shields.all(tenant) : shield.scanner;
    const actionOf = actionsOf(settings, shield);
    const own = new Map<string, string>();
    const noted = new Set<string>();
    let redactor: Redactor | null = null;
    let changed = false;

    function tell(finding: Finding, action: string): void {
      const fingerprint = digest(tenant, finding.value).slice(0, 16);
      const name = `${finding.rule} ${fingerprint}`;
      if (noted.has(name) || noted.size >= MOST_NOTED) return;
      noted.add(name);
      note(tenant, { rule: finding.rule, action, place: 'answer', fingerprint, key }, request);
    }

    function judge(text: string, findings: readonly Finding[], form: TextForm): Verdict {
      const replaced: Finding[] = [];
      let block: Verdict['block'] = null;
      for (const finding of findings) {
        const action = actionOf(finding, task);
        if (action === 'allow') continue;
        tell(finding, action);
        if (action === 'redact') replaced.push(finding);
        if (action === 'block' && (block === null || finding.start < block.start)) block = finding;
      }
      if (block !== null || replaced.length > 0) changed = true;
      if (replaced.length === 0) return { replacements: [], block };
      redactor ??= createRedactor({ keyedDigest: (value) => digest(tenant, value), mapping });
      const replacements = redactor.replacements(text, replaced, form);
      for (const { placeholder } of replacements) {
        const value = redactor.mapping.get(placeholder);
        if (value === undefined || mapping.has(placeholder) || !settings.reveal) continue;
        mapping.set(placeholder, value);
        own.set(placeholder, value);
      }
      return { replacements, block };
    }

    /** Whether any of them must not be shown. */
    function hidden(found: readonly Finding[]): boolean {
      const kept = found.filter((finding) => {
        const action = actionOf(finding, task);
        if (action !== 'allow') tell(finding, action);
        return action === 'redact' || action === 'block';
      });
      if (kept.length > 0) changed = true;
      return kept.length > 0;
    }

    function field(vendor: VendorField): { vendor: VendorField } | { rule: string } {
      let blocked: string | null = null;
      function text(value: string, findings: readonly Finding[], form: TextForm): string {
        if (findings.length === 0) return value;
        const { replacements, block } = judge(value, findings, form);
        if (block) blocked ??= block.rule;
        return replaceAll(value, replacements);
      }
      function walk(value: unknown, name: string, depth: number): unknown {
        if (typeof value === 'string') {
          if (OPAQUE.has(name)) return value;
          return text(value, scanner.scan(value), name === 'arguments' ? 'json' : 'text');
        }
        if (typeof value !== 'object' || value === null || depth > MOST_DEPTH) return value;
        if (Array.isArray(value)) return value.map((one) => walk(one, name, depth + 1));
        return fromFields(
          Object.entries(value).map(([key, one]) => [
            text(key, scanName(scanner, key), 'text'),
            walk(one, key, depth + 1),
          ]),
        );
      }
      const before = changed;
      changed = false;
      const fields = walk(vendor.fields, '', 0) as VendorField['fields'];
      const same = !changed;
      changed ||= before;
      if (blocked !== null) return { rule: blocked };
      return { vendor: same ? vendor : { ...vendor, fields } };
    }

    return {
      scanner: () => createStreamScanner(scanner),
      judge,
      field,
      outside: (text) => hidden(scanner.scan(text)),
      whole(text) {
        const found = inTurns(scanner, (look) => look(text));
        return found instanceof Promise ? found.then(hidden) : hidden(found);
      },
      mark: shields.mark(tenant, task),
      get changed() {
        return changed;
      },
      sealed: () => (own.size === 0 ? null : vault.seal(tenant, own)),
      sealedOf(text) {
        if (own.size === 0 || !text.includes('[[')) return null;
        const inIt = [...own].filter(([placeholder]) => text.includes(placeholder));
        return inIt.length === 0 ? null : vault.seal(tenant, new Map(inIt));
      },
    };
  };
}

export function replaceAll(text: string, replacements: readonly Replacement[]): string {
  let out = '';
  let at = 0;
  for (const { start, end, placeholder } of replacements) {
    out += text.slice(at, start) + placeholder;
    at = end;
  }
  return at === 0 ? text : out + text.slice(at);
}

/**
 * Where nothing is said of answers it is as with what callers send, but what is refused there is replaced here: nobody
 * can take out of an answer what the model wrote, and it goes to nobody but who asked.
 */
function actionsOf({ rules = {}, kinds = {} }: AnswerSettings, sent: TenantShield): ActionOf {
  const ofAnswer = (action: Action): Action => (action === 'block' ? 'redact' : action);
  return (finding, task) => {
    const own: Action | undefined = Object.hasOwn(rules, finding.rule) ? rules[finding.rule] : kinds[finding.kind];
    if (own === undefined) return ofAnswer(sent.actionOf(finding, task));
    // As with what is sent: the tenant may be stricter than the house.
    const wanted = ofAnswer(sent.said(finding, task) ?? 'allow');
    return isWeaker(own, wanted) ? wanted : own;
  };
}
