/**
 * Secrets in raw calls. They go to the vendor byte for byte, so nothing in them can be replaced: what would be redacted
 * elsewhere is refused. Rules and actions are those of the task type `raw`.
 */
import { isUtf8 } from 'node:buffer';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import { RAW, type RawCall } from '../contract/raw.ts';
import type { Scanner } from './secrets/engine.ts';
import { hiddenName, scanName } from './secrets/fields.ts';
import { inTurns, type Look } from './secrets/turns.ts';
import type { Shields } from './shields.ts';

export interface RawSecretsDeps {
  shields: Pick<Shields, 'of'>;
  /** A keyed digest of a value for a tenant, 16 hexadecimal digits or more. */
  digest(tenant: string, value: string): string;
  /** An event of the audit trail. Never throws. */
  note(tenant: string, payload: Record<string, unknown>, request: string): void;
}

/** Rejects with `secret_blocked`, with the places, and `unavailable` when it cannot be known what the tenant looks for. */
export type CheckRawSecrets = (caller: Caller, id: string, call: RawCall) => Promise<void>;

const READABLE = /^(?:text\/|multipart\/)|json|xml|yaml|x-www-form-urlencoded|javascript/i;

export function createRawSecrets({ shields, digest, note }: RawSecretsDeps): CheckRawSecrets {
  return async ({ tenant, key }, id, call) => {
    const shield = shields.of(tenant);
    if (!shield) return;
    const { scanner } = shield;
    const found = await inTurns(scanner, (look) =>
      [...textsOf(call, scanner, look)].flatMap(([place, text]) => look(text).map((finding) => ({ place, finding }))),
    );
    const blocked: { path: string; rule: string }[] = [];
    for (const { place, finding } of found) {
      const action = shield.actionOf(finding, RAW);
      if (action === 'allow') continue;
      const { rule } = finding;
      const refused = action !== 'flag';
      const fingerprint = digest(tenant, finding.value).slice(0, 16);
      note(tenant, { rule, action: refused ? 'block' : action, place, fingerprint, key, mode: RAW }, id);
      if (refused) blocked.push({ path: place, rule });
    }
    if (blocked.length === 0) return;
    const rules = [...new Set(blocked.map(({ rule }) => rule))].join(', ');
    throw new GoblinError(
      'secret_blocked',
      `The raw call holds a secret that must not be sent (${rules}); take it out, or have it flagged or allowed by secrets.tasks.raw in goblin.yaml.`,
      { errors: blocked.slice(0, 20).map(({ path, rule }) => ({ path, message: `holds a secret (${rule})` })) },
    );
  };
}

/** All that the vendor or the record would get of the caller, as far as it is text. */
function* textsOf(
  { path, headers, labels, body }: RawCall,
  scanner: Scanner,
  look: Look,
): Generator<[place: string, text: string]> {
  yield ['path', path];
  for (const [where, named] of Object.entries({ headers, labels: labels ?? {} })) {
    for (const [index, [name, value]] of Object.entries(named).entries()) {
      const hidden = scanName(scanner, name, look).length > 0;
      const place = `${where}.${hidden ? hiddenName(index) : name}`;
      if (hidden) yield [place, name];
      yield [place, value];
    }
  }
  const text = body === null ? null : readable(body, headers['content-type'] ?? '');
  if (text !== null) yield ['body', text];
}

/** Null for pictures, sounds and the like. What is said to be text is read, however it is encoded. */
function readable(body: Buffer, type: string): string | null {
  if (isUtf8(body)) return body.toString('utf8');
  // Of UTF-16 in either order, letters and digits are left without their zeros.
  return READABLE.test(type) || type === '' ? body.toString('latin1').replaceAll('\0', '') : null;
}
