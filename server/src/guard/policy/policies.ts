/**
 * The policies in force: those of `goblin.yaml`, for every tenant, and each tenant's own. Both must allow: a tenant can
 * narrow what the installation allows, not widen it. Where there are none, permissions alone decide.
 */
import { createHash } from 'node:crypto';
import { type FieldError, GoblinError } from '../../contract/errors.ts';
import type { Sql, Telemetry } from '../../contract/ports.ts';
import { type Cedar, loadCedar } from './cedar.ts';
import { type PolicyText, readPolicies } from './check.ts';
import { createJudge, type Judge, type PolicyQuestion } from './judge.ts';
import { createPolicySet, type PolicySet } from './set.ts';
import { newestVersions, readStored, type StoredPolicies, savePolicies } from './store.ts';

export interface Policies {
  /** Those of `goblin.yaml`. */
  file: readonly PolicyText[];
  /** Null: no policy concerns the tenant. Throws `unavailable` when policies cannot be read. */
  judge(tenant: string, question: () => PolicyQuestion): Judge | null;
  /** What is wrong with them; nothing: they may be saved. Rejects with `unavailable` without an engine. */
  check(policies: readonly PolicyText[]): Promise<FieldError[]>;
  /** A set that is not in force, to try it: it lasts as long as `use` does. Throws `invalid_request` with every fault. */
  trial<T>(policies: readonly PolicyText[], use: (set: PolicySet) => T): Promise<T>;
  ofFile: readonly PolicySet[];
  /** The sets in force for a tenant, those of the file among them. */
  inForce(tenant: string): readonly PolicySet[];
  read(tenant: string, version: number | null): Promise<StoredPolicies | null>;
  /** Throws `invalid_request` for policies that make no sense. Answers the new version, in force here at once. */
  save(tenant: string, policies: readonly PolicyText[], actor: string, expected: number | null): Promise<number>;
  /** Told with each sweep which version of all rules stands in the record: another one is read. */
  looked(rules: number): void;
  close(): void;
}

export interface PoliciesDeps {
  /** Null: only what the file says. */
  sql: Pick<Sql, 'query' | 'lostFor'> | null;
  telemetry: Telemetry;
  file: readonly PolicyText[];
  load?(): Promise<Cedar>;
}

/** Policies of the file that make no sense. The message is one sentence. */
export class PolicyFault extends Error {}

/** What nobody could look at for so long, with the record there, may have been changed: nothing is let in. */
const STALE_MS = 15_000;
const SECOND = 1000;
const NONE: readonly PolicySet[] = [];
/** Sets of several houses in one process, and of trials, share the engine. */
let slots = 0;

interface Own {
  version: number;
  /** Null: they cannot be read. */
  sets: readonly PolicySet[] | null;
}

/** Throws `PolicyFault` for policies of the file. Rejects when the record's cannot be asked for. */
export async function openPolicies(deps: PoliciesDeps): Promise<Policies> {
  const { sql, telemetry } = deps;
  const house = `house ${++slots}`;
  const own = new Map<string, Own>();
  let looked = performance.now();
  const ofFile = deps.file.length === 0 ? NONE : [await compileFile()];
  const join = (sets: readonly PolicySet[]) => (ofFile.length === 0 ? sets : [...ofFile, ...sets]);

  async function compileFile(): Promise<PolicySet> {
    const cedar = await engine();
    const { policies, errors } = readPolicies(cedar, deps.file);
    const [first] = errors;
    if (first) throw new PolicyFault(`${first.path}: ${first.message}`);
    const digest = createHash('sha256').update(JSON.stringify(deps.file)).digest('hex').slice(0, 8);
    return createPolicySet(cedar, `${house} file`, `goblin.yaml ${digest}`, policies);
  }

  function engine(): Promise<Cedar> {
    return deps.load ? deps.load() : loadCedar();
  }

  async function compile(tenant: string, stored: StoredPolicies): Promise<readonly PolicySet[]> {
    if (stored.policies.length === 0) return NONE;
    const cedar = await engine();
    const { policies, errors } = readPolicies(cedar, stored.policies);
    if (errors.length > 0) throw new Error(`${errors[0]?.path}: ${errors[0]?.message}`);
    return [createPolicySet(cedar, `${house} tenant ${tenant}`, `tenant ${stored.version}`, policies)];
  }

  async function look(): Promise<void> {
    if (sql === null) return;
    for (const { tenant, version } of await newestVersions(sql)) {
      const known = own.get(tenant);
      if (known && (known.version > version || (known.version === version && known.sets !== null))) continue;
      await take(sql, tenant, version);
    }
  }

  async function take(from: Pick<Sql, 'query'>, tenant: string, version: number): Promise<void> {
    const stored = await readStored(from, tenant, version);
    if (stored === null) return;
    try {
      const sets = await compile(tenant, stored);
      own.set(tenant, { version, sets: join(sets) });
    } catch (error) {
      const told = own.get(tenant)?.version === version;
      own.set(tenant, { version, sets: null });
      if (told) return;
      telemetry.log('error', 'policies cannot be read; nothing of the tenant is let in', {
        tenant,
        version,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  await look();
  let looking = false;
  let version: number | null = null;
  // While the record is away nothing of it can be known to have changed, and nothing new is let in anyway.
  const away =
    sql === null
      ? null
      : setInterval(() => {
          if (sql.lostFor() !== null) looked = performance.now();
        }, SECOND).unref();

  function setsOf(tenant: string): readonly PolicySet[] {
    const known = own.get(tenant);
    if (known === undefined) return ofFile;
    if (known.sets === null) throw unreadable();
    return known.sets;
  }

  return {
    file: deps.file,
    judge(tenant, question) {
      if (away !== null && performance.now() - looked > STALE_MS) throw unreadable();
      if (own.size === 0 && ofFile.length === 0) return null;
      const sets = setsOf(tenant);
      return sets.length === 0 ? null : createJudge(sets, question());
    },
    async check(policies) {
      return readPolicies(await engine(), policies).errors;
    },
    async trial(policies, use) {
      const cedar = await engine();
      const { policies: read, errors } = readPolicies(cedar, policies);
      if (errors.length > 0) throw refused(errors);
      return use(createPolicySet(cedar, `${house} trial`, 'trial', read));
    },
    ofFile,
    inForce: setsOf,
    read: async (tenant, version) => (sql === null ? null : await readStored(sql, tenant, version)),
    async save(tenant, policies, actor, expected) {
      if (sql === null) throw new GoblinError('unavailable', 'There is no record to keep policies in.');
      const { errors } = readPolicies(await engine(), policies);
      if (errors.length > 0) throw refused(errors);
      const version = await savePolicies(sql, tenant, policies, actor, expected);
      await take(sql, tenant, version);
      return version;
    },
    looked(rules) {
      if (rules === version) looked = performance.now();
      if (rules === version || looking) return;
      looking = true;
      look()
        .then(
          () => {
            version = rules;
            looked = performance.now();
          },
          (error: unknown) => {
            if (sql?.lostFor() === null)
              telemetry.log('error', 'policies could not be looked at', { error: String(error) });
          },
        )
        .finally(() => {
          looking = false;
        });
    },
    close() {
      if (away !== null) clearInterval(away);
    },
  };
}

const unreadable = () =>
  new GoblinError('unavailable', 'The policies cannot be read right now, so nothing is let in.', {
    retryAfterMs: 5000,
  });

function refused(errors: readonly FieldError[]): GoblinError {
  const [first] = errors;
  return new GoblinError('invalid_request', first ? `${first.path}: ${first.message}` : 'policies', { errors });
}
