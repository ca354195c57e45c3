/** Who asks. Every ledger function takes its scope (the tenant) first. */
export interface Caller {
  tenant: string;
  /** Account or key holder; the default for a request's `user_id`. */
  user: string;
  /** Id of the API key, null when none was used. */
  key: string | null;
  permissions: ReadonlySet<Permission>;
  /** Id of the account, of a person who signed in or whose key it is. */
  account?: string;
  /** Id of the team for which it acts. */
  team?: string;
  /** Left out: not known, as of an older build's credential. */
  roles?: readonly Role[];
  /** Names and patterns of the models that may be asked (`identity/models.ts`). Left out: all. */
  models?: readonly string[];
  /** It runs the installation: it may name any tenant. */
  everywhere?: true;
  /** Nobody is in its tenant: whose a thing is that it administers, it must say. */
  homeless?: true;
  /** It does so, and looks at what is of another tenant than its own: nothing there is its own. */
  visits?: true;
  /** It came as a cookie, which a browser sends whoever wrote the page: what changes something needs our own `Origin`. */
  cookie?: true;
  /** It may look at this request only: a token in a link. */
  only?: string;
  /** What its credential stands on. Left out: on nothing that could be taken away while the process lives. */
  standing?: Standing;
}

/** Whose a request is: of the account, and without one of the key. Null with authentication off. */
export const askerOf = ({ account, key }: Caller): string | null => account ?? key;

/** A connection that was opened by a credential ends when that no longer stands. */
export interface Standing {
  readonly tenant: string;
  readonly key: string | null;
  readonly session: string | null;
  readonly account: string | null;
  /** Milliseconds since the epoch; after that it is over by itself. */
  readonly until: number;
  /** Set within five seconds after it was revoked. */
  ended: boolean;
}

/** What may be done, in the order of the documents. Which role has which is in `identity/roles.ts`. */
export const PERMISSIONS = {
  self: 'look at oneself, change one’s password, sign out',
  'request:read': 'requests of the tenant, their results and streams, the list of models',
  'request:write': 'submit requests, call the doors, cancel',
  'content:read': 'read stored prompts; each time is an event of the audit trail',
  'operations:read': 'numbers of queue, database, workers and providers',
  'operations:write': 'step into what runs',
  'key:read': 'list API keys',
  'key:write': 'make, import and revoke API keys',
  'user:read': 'list accounts',
  'user:write': 'make and change accounts',
  'team:read': 'list teams and who is in them',
  'team:write': 'make, change and close teams, and say who is in them',
  'audit:read': 'read the audit trail of the tenant',
  'policy:read': 'read policies, rules and findings',
  'policy:write': 'change policies and rules',
  'budget:read': 'read limits, budgets and what was spent',
  'budget:write': 'change limits and budgets',
  'provider:read': 'see which keys of vendors the tenant has set',
  'provider:write': 'set and remove the tenant’s own keys of vendors',
  'settings:read': 'read the settings, secrets masked',
  'tenant:read': 'look at the tenant',
  'tenant:write': 'rename the tenant; make owners',
  'tenant:create': 'make tenants, close them and open them again',
  'settings:write': 'change the settings of the installation',
} as const;

export type Permission = keyof typeof PERMISSIONS;

export type Role = 'owner' | 'admin' | 'operator' | 'member' | 'viewer' | 'service';
