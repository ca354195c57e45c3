/** Whether policies make sense, and where they do not. */
import type { DetailedError } from '@cedar-policy/cedar-wasm/nodejs';
import type { FieldError } from '../../contract/errors.ts';
import type { Cedar, PolicyJson } from './cedar.ts';
import { ANNOTATIONS, BASE, REDACTION, SCHEMA } from './schema.ts';

/** As somebody wrote it: a text may hold several policies. */
export interface PolicyText {
  id: string;
  cedar: string;
}

/** One policy. */
export interface OnePolicy extends PolicyText {
  json: PolicyJson;
}

export const MOST_POLICIES = 500;

/** Either what they are, or what is wrong with them, with paths below `at`. */
export function readPolicies(
  cedar: Cedar,
  texts: readonly PolicyText[],
  at = 'policies',
): { policies: OnePolicy[]; errors: FieldError[] } {
  const policies: OnePolicy[] = [];
  const errors: FieldError[] = [];
  const places = new Map<string, string>();
  for (const [index, { id, cedar: text }] of texts.entries()) {
    const path = `${at}.${index}.cedar`;
    const parts = cedar.policySetTextToParts(text);
    if (parts.type === 'failure') {
      errors.push(...parts.errors.map((error) => ({ path, message: say(error, text) })));
      continue;
    }
    if (parts.policy_templates.length > 0) {
      errors.push({ path, message: 'holds a template (?principal or ?resource); write the policy out' });
      continue;
    }
    if (parts.policies.length === 0) errors.push({ path, message: 'holds no policy' });
    for (const [n, part] of parts.policies.entries()) {
      const read = cedar.policyToJson(part);
      if (read.type === 'failure') {
        errors.push(...read.errors.map((error) => ({ path, message: say(error, part) })));
        continue;
      }
      const own = read.json.annotations?.id;
      const name = parts.policies.length === 1 ? id : `${id}.${own ?? n + 1}`;
      if (places.has(name) || name === BASE.id) {
        errors.push({ path: `${at}.${index}.id`, message: `${JSON.stringify(name)} is taken; ids are for one policy` });
        continue;
      }
      places.set(name, path);
      const wrong = annotationFault(read.json);
      if (wrong !== null) errors.push({ path, message: wrong });
      policies.push({ id: name, cedar: part, json: read.json });
    }
  }
  if (policies.length > MOST_POLICIES) errors.push({ path: at, message: `has more than ${MOST_POLICIES} policies` });
  if (errors.length === 0) errors.push(...schemaFaults(cedar, policies, places, at));
  return { policies, errors };
}

function schemaFaults(
  cedar: Cedar,
  policies: readonly OnePolicy[],
  places: ReadonlyMap<string, string>,
  at: string,
): FieldError[] {
  const staticPolicies = Object.fromEntries(policies.map(({ id, cedar: text }) => [id, text]));
  const answer = cedar.validate({ schema: SCHEMA, policies: { staticPolicies } });
  if (answer.type === 'failure') return answer.errors.map((error) => ({ path: at, message: error.message }));
  const seen = new Set<string>();
  const faults: FieldError[] = [];
  for (const { policyId, error } of answer.validationErrors) {
    const text = policies.find(({ id }) => id === policyId)?.cedar ?? '';
    const message = say(error, text);
    // The same fault is found once for each action.
    const key = `${policyId}\n${error.sourceLocations?.[0]?.start ?? message}`;
    if (seen.has(key)) continue;
    seen.add(key);
    faults.push({ path: places.get(policyId) ?? at, message });
  }
  return faults;
}

function annotationFault({ annotations = {}, effect }: PolicyJson): string | null {
  for (const name of Object.keys(annotations)) {
    if (!ANNOTATIONS.includes(name)) return `@${name} means nothing here; there are @${ANNOTATIONS.join(', @')}`;
  }
  if (annotations.require === undefined) return null;
  if (annotations.require !== REDACTION) return `@require takes "${REDACTION}"`;
  return effect === 'permit' ? null : `@require("${REDACTION}") belongs to a permit: what is forbidden is not sent`;
}

/** In one line: what, where, and what would help. */
function say({ message, help, sourceLocations }: DetailedError, text: string): string {
  const start = sourceLocations?.[0]?.start;
  const before = start === undefined ? null : Buffer.from(text).subarray(0, start).toString('utf8');
  const lines = before?.split('\n') ?? [];
  const where = before === null ? '' : ` (line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1})`;
  return `${message}${where}${help ? `; ${help}` : ''}`.replace(/\s+/g, ' ').slice(0, 500);
}
