/** What the record says of one request: of our own tenant, or of the one that `--tenant` names. */
import { OPERATOR } from '../../identity/callers.ts';
import { type Flag, type Input, VerbError } from './flags.ts';
import { bodyOf, type Link, sentenceOf } from './link.ts';

export const TENANT_FLAG: Flag = {
  value: 'name',
  help: `whose request it is; left out: one of the command line itself, in ${OPERATOR.tenant}`,
};

/** `part`: what follows the id in the address. Throws `VerbError` with the tenant that was looked into when it is not there. */
export async function requestOf<T>(link: Link, input: Input, id: string, part = ''): Promise<T> {
  const tenant = input.text('tenant');
  const query = tenant === undefined ? '' : `?tenant=${encodeURIComponent(tenant)}`;
  const answer = await link.call(`/mcp/v1/request/${encodeURIComponent(id)}${part}${query}`);
  if (answer.status !== 404) return await bodyOf<T>(answer);
  const said = sentenceOf(await answer.json().catch(() => null), 404).replace(/\.$/, '');
  throw new VerbError(`${said} in tenant ${tenant ?? OPERATOR.tenant}; name another with --tenant.`);
}
