/**
 * The types of events in the audit trail. A type that is not here is not written: a test compares this table with the
 * code, and the documents have it from here. `warning`: somebody should look.
 */
export interface EventType {
  /** When it is written, and what its payload says. */
  about: string;
  warning?: true;
}

export const EVENT_TYPES = {
  'request.queued': { about: 'a request was accepted, or waits again: kind, mode, model, user (hash)' },
  'request.running': { about: 'a request began: with its connection, or claimed by a worker' },
  'request.fallback': { about: 'another target takes over: from, to, why' },
  'request.succeeded': { about: 'its end: provider, model, cost' },
  'request.failed': { about: 'its end: the code of the error' },
  'request.cancelled': { about: 'its end, and by whom' },
  'request.expired': { about: 'its end: the deadline passed' },
  'request.blocked': { about: 'its end: stopped by a rule or a policy', warning: true },
  'request.refused': {
    about:
      'a call was refused, by a permission, a policy, a limit, a budget, a rule or a wrong field: code, key; of those of a minute the first, and the `count` of the others',
    warning: true,
  },
  'request.erased': { about: 'its content was taken out of the record' },
  'user.erasing': { about: 'somebody ordered that everything a user has asked is erased' },
  'user.erased': { about: 'it is done: how much of what' },
  'content.read': { about: 'a stored prompt of somebody else was read' },
  'answer.read': { about: 'an answer, a stream or metadata of somebody else was read: once a minute for each reader' },
  'audit.exported': { about: 'the trail was exported: by which filter' },
  'guard.finding': { about: 'a secret was found: rule, place, action, a keyed fingerprint', warning: true },
  'guardrail.blocked': { about: 'a guardrail said no: stage, reason', warning: true },
  'guardrail.replaced': { about: 'a guardrail changed a text: stage, reason' },
  'guardrail.flagged': { about: 'a guardrail remarked something: stage, reason', warning: true },
  'guardrail.failed': { about: 'a guardrail did not answer: stage, why, what was done', warning: true },
  'policy.changed': { about: 'a new version of the policies of the tenant' },
  'secret_rules.changed': { about: 'a new version of the rules of the scanner that the tenant has set' },
  'provider_key.set': { about: 'a key of a vendor was set: provider, name, where it goes, whose; never the key' },
  'provider_key.removed': { about: 'a key of a vendor was taken away' },
  'secret.rotated': {
    about: 'everything in the record was sealed with the current MCP_SECRET: which one, and which were there before',
  },
  'session.begun': { about: 'somebody signed in: method' },
  'session.refused': {
    about: 'somebody could not sign in: method, user (hash), the reason at an issuer',
    warning: true,
  },
  'session.reused': { about: 'a refresh token was used twice, and its session ended', warning: true },
  'session.ended': { about: 'a session ended: by what' },
  'key.created': { about: 'a key was made or imported' },
  'key.revoked': { about: 'a key was revoked' },
  'key.new_place': {
    about: 'a key was used from a network or by a kind of client that it was not used from before: a keyed digest',
    warning: true,
  },
  'user.created': { about: 'an account was made' },
  'user.changed': { about: 'an account was changed: which fields' },
  'team.created': { about: 'a team was made' },
  'team.changed': { about: 'a team was renamed' },
  'team.closed': { about: 'a team was closed, and its keys with it' },
  'team.joined': { about: 'somebody is in a team now: role' },
  'team.left': { about: 'somebody is no longer in a team' },
  'tenant.created': { about: 'a tenant was made' },
  'tenant.changed': { about: 'a tenant was renamed, closed or opened' },
  'limits.changed': { about: 'rate limits were set: of whom, which' },
  'budget.created': { about: 'a budget was made' },
  'budget.changed': { about: 'a budget was changed' },
  'budget.removed': { about: 'a budget was taken away' },
  'budget.warned': { about: 'a budget reached its soft limit' },
  'budget.exceeded': { about: 'a budget reached its hard limit', warning: true },
  'breaker.set': { about: 'an operator opened or closed a target by hand' },
  'keys.reset': { about: 'an operator put keys of a provider back to use' },
  'drill.started': { about: 'a fire drill began' },
  'drill.ended': { about: 'a fire drill ended' },
} as const satisfies Record<string, EventType>;

const TYPES: Readonly<Record<string, EventType>> = EVENT_TYPES;

export const isWarning = (type: string): boolean => Object.hasOwn(TYPES, type) && TYPES[type]?.warning === true;
