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

/** Where a fault is: in which of the texts, from 0 on, and there, from 1 on. */
export interface Place {
  text: number;
  at: { line: number; column: number } | null;
  /** What it is, without the place. */
  what: string;
}

interface Part {
  /** In which of the texts, and where in it. */
  index: number;
  whole: string;
  start: number;
}

export const MOST_POLICIES = 500;

/** Either what they are, or what is wrong with them, with paths below `at`. */
export function readPolicies(
  cedar: Cedar,
  texts: readonly PolicyText[],
  at = 'policies',
): { policies: OnePolicy[]; errors: FieldError[]; places: ReadonlyMap<FieldError, Place> } {
  const policies: OnePolicy[] = [];
  const errors: FieldError[] = [];
  const places = new Map<FieldError, Place>();
  const parted = new Map<string, Part>();

  function fault(path: string, place: Place): void {
    const { at: where, what } = place;
    const error = { path, message: where === null ? what : `${what} (line ${where.line}, column ${where.column})` };
    errors.push(error);
    places.set(error, place);
  }
  const cedarFault = (error: DetailedError, { index, whole, start }: Part): void =>
    fault(`${at}.${index}.cedar`, placeOf(error, index, whole, start));

  for (const [index, { id, cedar: text }] of texts.entries()) {
    const path = `${at}.${index}.cedar`;
    const parts = cedar.policySetTextToParts(text);
    const here = (what: string, start = 0): void =>
      fault(path, { text: index, at: start === 0 ? null : lineOf(text, start), what });
    if (parts.type === 'failure') {
      for (const error of parts.errors) cedarFault(error, { index, whole: text, start: 0 });
      continue;
    }
    if (parts.policy_templates.length > 0) {
      here('holds a template (?principal or ?resource); write the policy out');
      continue;
    }
    if (parts.policies.length === 0) here('holds no policy');
    for (const [n, part] of parts.policies.entries()) {
      const place = { index, whole: text, start: Math.max(0, text.indexOf(part)) };
      const read = cedar.policyToJson(part);
      if (read.type === 'failure') {
        for (const error of read.errors) cedarFault(error, place);
        continue;
      }
      const own = read.json.annotations?.id;
      const name = parts.policies.length === 1 ? id : `${id}.${own ?? n + 1}`;
      if (parted.has(name) || name === BASE.id) {
        const what = `${JSON.stringify(name)} is taken; ids are for one policy`;
        fault(`${at}.${index}.id`, { text: index, at: null, what });
        continue;
      }
      parted.set(name, place);
      const wrong = annotationFault(read.json);
      if (wrong !== null) here(wrong, place.start);
      policies.push({ id: name, cedar: part, json: read.json });
    }
  }
  if (policies.length > MOST_POLICIES) errors.push({ path: at, message: `has more than ${MOST_POLICIES} policies` });
  if (errors.length > 0) return { policies, errors, places };

  const staticPolicies = Object.fromEntries(policies.map(({ id, cedar: text }) => [id, text]));
  const answer = cedar.validate({ schema: SCHEMA, policies: { staticPolicies } });
  if (answer.type === 'failure') errors.push(...answer.errors.map(({ message }) => ({ path: at, message })));
  const seen = new Set<string>();
  for (const { policyId, error } of answer.type === 'failure' ? [] : answer.validationErrors) {
    // The same fault is found once for each action.
    const key = `${policyId}\n${error.sourceLocations?.[0]?.start ?? error.message}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const place = parted.get(policyId);
    if (place) cedarFault(error, place);
    else errors.push({ path: at, message: error.message });
  }
  return { policies, errors, places };
}

function annotationFault({ annotations = {}, effect }: PolicyJson): string | null {
  for (const name of Object.keys(annotations)) {
    if (!ANNOTATIONS.includes(name)) return `@${name} means nothing here; there are @${ANNOTATIONS.join(', @')}`;
  }
  if (annotations.require === undefined) return null;
  if (annotations.require !== REDACTION) return `@require takes "${REDACTION}"`;
  return effect === 'permit' ? null : `@require("${REDACTION}") belongs to a permit: what is forbidden is not sent`;
}

/** In one line: what, and what would help. The engine counts bytes, from where the policy begins. */
function placeOf(
  { message, help, sourceLocations }: DetailedError,
  index: number,
  whole: string,
  start: number,
): Place {
  const bytes = sourceLocations?.[0]?.start;
  const before = Buffer.from(whole.slice(start)).subarray(0, bytes).toString('utf8').length;
  return {
    text: index,
    at: bytes === undefined ? null : lineOf(whole, start + before),
    what: `${message}${help ? `; ${help}` : ''}`.replace(/\s+/g, ' ').slice(0, 500),
  };
}

function lineOf(text: string, place: number): { line: number; column: number } {
  const lines = text.slice(0, place).split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}
