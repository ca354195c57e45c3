/** Who asks. Every ledger function takes its scope (the tenant) first. */
export interface Caller {
  tenant: string;
  /** Account or key holder; the default for a request's `user_id`. */
  user: string;
  /** Id of the API key, null when none was used. */
  key: string | null;
  permissions: ReadonlySet<Permission>;
}

export type Permission = 'request:write' | 'request:read' | 'operations:read' | 'admin';
