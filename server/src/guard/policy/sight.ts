/**
 * What a set of policies can see, read from the policies themselves. A decision is kept under these and nothing else:
 * what no policy looks at cannot change it.
 */
import type { PolicyJson } from './cedar.ts';

export interface Sight {
  /** Types of entities that are named somewhere: `Key`, `Role`, `Provider` … */
  types: ReadonlySet<string>;
  /** Attributes of the model that are read. */
  resource: ReadonlySet<string>;
  /** Attributes of the context that are read. Null: all, because it is used as a whole. */
  context: ReadonlySet<string> | null;
}

export function sightOf(policies: readonly PolicyJson[]): Sight {
  const types = new Set<string>();
  const resource = new Set<string>();
  let context: Set<string> | null = new Set();

  function look(node: unknown): void {
    if (Array.isArray(node)) {
      for (const item of node) look(item);
      return;
    }
    if (typeof node !== 'object' || node === null) return;
    const fields = node as Record<string, unknown>;
    const { type, id, entity_type: is } = fields;
    if (typeof type === 'string' && typeof id === 'string') types.add(type);
    if (typeof is === 'string') types.add(is);
    if (fields.Var === 'context') {
      context = null;
      return;
    }
    for (const [name, inner] of Object.entries(fields)) {
      if ((name === '.' || name === 'has') && readsAttribute(inner)) continue;
      look(inner);
    }
  }

  /** `context.hour`, `resource.name`, `context has cost_usd`. */
  function readsAttribute(node: unknown): boolean {
    const { left, attr } = (node ?? {}) as { left?: { Var?: unknown }; attr?: unknown };
    const name: unknown = Array.isArray(attr) ? attr[0] : attr;
    if (typeof name !== 'string') return false;
    if (left?.Var === 'resource') resource.add(name);
    else if (left?.Var === 'context') context?.add(name);
    else return false;
    return true;
  }

  for (const { principal, action, resource: on, conditions } of policies) look([principal, action, on, conditions]);
  return { types, resource, context };
}
