/**
 * The policies in force: those of `goblin.yaml`, for every tenant, and each tenant's own. Both must allow: a tenant can
 * narrow what the installation allows, not widen it. Where there are none, permissions alone decide.
 */
import { createHash } from 'node:crypto';
import { type FieldError, GoblinError } from '../../contract/errors.ts';
import type { Sql, Telemetry } from '../../contract/ports.ts';
import { keepVersions } from '../kept.ts';
import type { Stored } from '../versions.ts';
import { type Cedar, loadCedar } from './cedar.ts';
import { type Place, type PolicyText, readPolicies } from './check.ts';
import { createJudge, type Judge, type PolicyQuestion } from './judge.ts';
import { createPolicySet, type PolicySet } from './set.ts';
import { POLICY_VERSIONS } from './store.ts';

export interface Policies {
  /** Those of `goblin.yaml`. */
  file: readonly PolicyText[];
  /** Null: no policy concerns the tenant. Throws `unavailable` when policies cannot be read. */
  judge(tenant: string, question: () => PolicyQuestion): Judge | null;
  /** After the record was away: waits until what was changed meanwhile is known. Null: nothing to wait for. Rejects with `unavailable`. */
  ready(): Promise<void> | null;
  /** Whether a policy in force for the tenant looks at what was spent. Throws as `judge`. */
  seesSpent(tenant: string): boolean;
  /** What is wrong with them; nothing: they may be saved. Rejects with `unavailable` without an engine. */
  check(policies: readonly PolicyText[]): Promise<FieldError[]>;
  /** A set that is not in force, to try it: it lasts as long as `use` does. Throws `invalid_request` with every fault. */
  trial<T>(policies: readonly PolicyText[], use: (set: PolicySet) => Promise<T>): Promise<T>;
  ofFile: readonly PolicySet[];
  /** The sets in force for a tenant, those of the file among them. */
  inForce(tenant: string): readonly PolicySet[];
  read(tenant: string, version: number | null): Promise<Stored<readonly PolicyText[]> | null>;
  /** Throws `invalid_request` for policies that make no sense. Answers the new version, in force here at once. `own`: see guard/versions.ts. */
  save(
    tenant: string,
    policies: readonly PolicyText[],
    actor: string,
    expected: number | null,
    own: boolean,
  ): Promise<number>;
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

/** Policies of the file that make no sense. */
export class PolicyFault extends Error {
  /** In which of them, from 0 on; null: that cannot be said. */
  readonly place: Place | null;

  constructor(message: string, place: Place | null) {
    super(message);
    this.place = place;
  }
}

const NONE: readonly PolicySet[] = [];
/** Sets of several houses in one process, and of trials, share the engine. */
let slots = 0;

/** Throws `PolicyFault` for policies of the file. Rejects when the record's cannot be asked for. */
export async function openPolicies(deps: PoliciesDeps): Promise<Policies> {
  const { sql, telemetry } = deps;
  const house = `house ${++slots}`;
  const ofFile = deps.file.length === 0 ? NONE : [await compileFile()];

  async function compileFile(): Promise<PolicySet> {
    const cedar = await engine();
    const { policies, errors, places } = readPolicies(cedar, deps.file);
    const [first] = errors;
    if (first) throw new PolicyFault(`${first.path}: ${first.message}`, places.get(first) ?? null);
    const digest = createHash('sha256').update(JSON.stringify(deps.file)).digest('hex').slice(0, 8);
    return createPolicySet(cedar, `${house} file`, `goblin.yaml ${digest}`, policies);
  }

  function engine(): Promise<Cedar> {
    return deps.load ? deps.load() : loadCedar();
  }

  async function compile({ tenant, version, document }: Stored<readonly PolicyText[]>): Promise<readonly PolicySet[]> {
    if (document.length === 0) return ofFile;
    const cedar = await engine();
    const { policies, errors } = readPolicies(cedar, document);
    if (errors.length > 0) throw new Error(`${errors[0]?.path}: ${errors[0]?.message}`);
    // Not in the place of the version before: somebody may be in the middle of a decision by it.
    const slot = `${house} tenant ${tenant} ${version % 2}`;
    return [...ofFile, createPolicySet(cedar, slot, `tenant ${version}`, policies)];
  }

  const kept = await keepVersions({ sql, telemetry, versions: POLICY_VERSIONS, make: compile, what: 'policies' });
  let trying: Promise<unknown> = Promise.resolve();
  const setsOf = (tenant: string): readonly PolicySet[] => kept.of(tenant) ?? ofFile;

  return {
    file: deps.file,
    judge(tenant, question) {
      if (!kept.any() && ofFile.length === 0) return null;
      const sets = setsOf(tenant);
      return sets.length === 0 ? null : createJudge(sets, question());
    },
    seesSpent: (tenant) => (kept.any() || ofFile.length > 0) && setsOf(tenant).some(({ seesSpent }) => seesSpent),
    async check(policies) {
      return readPolicies(await engine(), policies).errors;
    },
    async trial(policies, use) {
      const cedar = await engine();
      const { policies: read, errors } = readPolicies(cedar, policies);
      if (errors.length > 0) throw refused(errors);
      // One after the other: they take each other's place in the engine.
      const tried = trying.then(() => use(createPolicySet(cedar, `${house} trial`, 'trial', read)));
      trying = tried.catch(() => {});
      return await tried;
    },
    ofFile,
    inForce: setsOf,
    read: async (tenant, version) => (sql === null ? null : await POLICY_VERSIONS.read(sql, tenant, version)),
    async save(tenant, policies, actor, expected, own) {
      if (sql === null) throw new GoblinError('unavailable', 'There is no record to keep policies in.');
      const { errors } = readPolicies(await engine(), policies);
      if (errors.length > 0) throw refused(errors);
      const version = await POLICY_VERSIONS.save(sql, tenant, policies, actor, expected, own);
      await kept.take(tenant, version);
      return version;
    },
    ready: kept.ready,
    looked: kept.looked,
    close: kept.close,
  };
}

function refused(errors: readonly FieldError[]): GoblinError {
  const [first] = errors;
  return new GoblinError('invalid_request', first ? `${first.path}: ${first.message}` : 'policies', { errors });
}
