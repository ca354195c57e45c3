/** Sets of policies in the record. */
import { versionsOf } from '../versions.ts';
import type { PolicyText } from './check.ts';

export const POLICY_VERSIONS = versionsOf<readonly PolicyText[]>({
  table: 'mcp_policy',
  column: 'policies',
  event: 'policy.changed',
  payload: `jsonb_build_object('version', version, 'policies', policies)`,
  what: 'policies',
});
