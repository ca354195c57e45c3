/** What policies may speak of: the one schema against which each is checked when it is saved. */

/** What a caller wants to do. */
export type PolicyAction = 'ask' | 'embed' | 'raw';

/** A policy's own words about itself that mean something to us. Others are refused: a typing error would be silent. */
export const ANNOTATIONS: readonly string[] = ['id', 'reason', 'require', 'description'];

/** The one thing that `@require` can ask for. */
export const REDACTION = 'redaction';

/**
 * Money is US dollars. `cost_usd` is missing when nobody knows the price, so a policy has to say what then
 * (`context has cost_usd`). `spent` is what the tenant has spent in this UTC day and month, and what the key that asks
 * has, if one does; `spent_usd` is the tenant's month. Times are UTC. A request is for one model after another: each is asked about by itself.
 */
export const SCHEMA = `
entity Tenant;
entity Role enum ["owner", "admin", "operator", "member", "viewer", "service"];
entity Team in [Tenant];
entity User in [Team, Tenant, Role];
entity Key in [User, Team, Tenant, Role];

entity Provider;
entity Task;
entity Model in [Provider, Task] { name: String, provider: String, local: Bool };

type Spent = { day: decimal, month: decimal, key_day?: decimal, key_month?: decimal };
type Asked = {
  hour: Long,
  weekday: String,
  data_class: String,
  findings: Set<String>,
  tools: Set<String>,
  cost_usd?: decimal,
  spent_usd: decimal,
  spent: Spent,
  region: String
};

action ask, embed, raw appliesTo { principal: [Key, User], resource: [Model], context: Asked };
`;

export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** Stands in front of a set that has no permit of its own (beside those that ask for redaction). */
export const BASE = { id: 'base', cedar: 'permit (principal, action, resource);' } as const;
