/** Whose things a caller may name: his own tenant's; all, if he runs the installation. Another tenant's are as unknown as any other. */

import type { TSchema } from '@sinclair/typebox';
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import { type FieldError, GoblinError } from '../contract/errors.ts';
import { noSuchTenant } from '../identity/tenants.ts';
import { checker, parseObject, refuse } from './body.ts';
import { readQuery } from './query.ts';

export const callerOf = (request: FastifyRequest): Caller => request.caller as Caller;

export function tenantMissing(): GoblinError {
  const message = 'must be given: the operator is in no tenant';
  return new GoblinError('invalid_request', `tenant ${message}.`, { errors: [{ path: 'tenant', message }] });
}

/**
 * The tenant that is meant. Throws `not_found` for one that the caller must not know of, and `invalid_request` when the
 * operator says none: a typing error must not end in a tenant that nobody is in.
 */
export function tenantOf(caller: Caller, asked: string | undefined): string {
  if (asked === undefined && caller.homeless) throw tenantMissing();
  if (asked === undefined || asked === caller.tenant || caller.everywhere) return asked ?? caller.tenant;
  throw noSuchTenant();
}

/**
 * The caller in the tenant that he means, which is another than his for who runs the installation only. The operator who
 * says none means the requests of the command line itself. `query`: what the route has read, if it takes more than
 * `tenant`. Throws `not_found` as `tenantOf`.
 */
export function callerIn(request: FastifyRequest, query = readQuery(request, ['tenant'])): Caller {
  const caller = callerOf(request);
  const tenant = tenantOf(caller, query.tenant ?? caller.tenant);
  return tenant === caller.tenant ? caller : { ...caller, tenant, visits: true };
}

/** In the schema of a route that takes it so. */
export const TENANT_ASKED = { type: 'object', properties: { tenant: { type: 'string' } } };

/** As `tenantOf`; who runs the installation and names none means all: null. */
export function tenantOrAll(caller: Caller, asked: string | undefined): string | null {
  return caller.everywhere && asked === undefined ? null : tenantOf(caller, asked);
}

/** For what is named by its id alone: null means that any tenant's will do. */
export const within = (caller: Caller): string | null => (caller.everywhere ? null : caller.tenant);

/** Whether it is the caller's own: the tenant of his record may be missing yet, another's may not. */
export const isOwn = (caller: Caller, tenant: string): boolean => tenant === caller.tenant && !caller.homeless;

/** Who did it, for the audit trail. */
export const actorOf = (caller: Caller): string => caller.key ?? caller.user;

/**
 * The body, checked and typed. Throws `invalid_request` with every field that cannot be accepted. `more`: what else is
 * wrong with a body whose form is; of a field that is named already it says nothing new.
 */
export function bodyReader<T extends TSchema>(
  schema: T,
  more: (body: Record<string, unknown>) => readonly FieldError[] = () => [],
): (request: FastifyRequest) => T['static'] {
  const check = checker(schema);
  return (request) => {
    const body = parseObject(request.body);
    const errors = check(body);
    if (errors.length > 0) {
      const named = new Set(errors.map(({ path }) => path));
      refuse([...errors, ...more(body).filter(({ path }) => !named.has(path))]);
    }
    return body;
  };
}
