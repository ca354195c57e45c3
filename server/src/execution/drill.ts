/**
 * A request of a key that is under a fire drill. It runs as every other, through the same plan, and its calls to the
 * provider of the drill meet the fault. What is learnt of that provider by it is kept from everybody else.
 */
import type { PlannedTarget, Price } from '../contract/provider.ts';
import { breaking, callsVendor, canDrill, sham } from './drill-faults.ts';
import type { Drills } from './drills.ts';
import { startRun } from './run.ts';
import type { Run, RunDeps, RunInput, RunSink } from './terms.ts';

/** A call that was not made costs nothing. */
const NOTHING: Price = { input: { base: 0 }, output: { base: 0 }, version: 'drill' };

export function underDrill(deps: RunDeps, input: RunInput, sink: RunSink, key: string, drills: Drills): Run {
  /** Where the fault was committed last, and whether the vendor was called for it. */
  let met: { provider: string; called: boolean } | null = null;
  const isMet = (provider: string): boolean => met?.provider === provider;

  const transport: RunDeps['transport'] = {
    ...deps.transport,
    post(provider, request, hop, handler, providerKey) {
      met = null;
      const found = drills.meets(key, provider.name);
      const dialect = deps.dialect(provider);
      if (found === null || !canDrill(found.fault, dialect.framing)) {
        return deps.transport.post(provider, request, hop, handler, providerKey);
      }
      const { fault } = found;
      met = { provider: provider.name, called: callsVendor(fault) };
      if (!met.called) return sham(fault, dialect.framing, handler);
      const victim = { dialect, quirks: provider.quirks, stream: input.stream };
      const upstream = deps.transport.post(
        provider,
        request,
        hop,
        breaking(fault, victim, handler, () => upstream.abort()),
        providerKey,
      );
      return upstream;
    },
  };

  const { plan } = input;
  const marked = (target: PlannedTarget): PlannedTarget => {
    const found = drills.meets(key, target.provider);
    return found === null ? target : { ...target, reason: `${target.reason}; fire drill: ${found.drill.fault}` };
  };
  const targets = plan.targets.map(marked);
  const unwell = (plan.unwell ?? []).map(marked);

  return startRun(
    {
      ...deps,
      transport,
      health: {
        ...deps.health,
        end: (ticket, outcome, now) => deps.health.end(ticket, isMet(ticket.start.provider) ? null : outcome, now),
      },
      observe(start, end) {
        if (!isMet(start.provider)) deps.observe(start, end);
      },
      price: (provider, model) =>
        isMet(provider.name) && met?.called === false ? NOTHING : deps.price(provider, model),
    },
    { ...input, plan: { ...plan, targets, unwell } },
    sink,
  );
}
