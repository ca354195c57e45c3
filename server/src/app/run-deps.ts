/** What every run of a request needs, whoever has begun it. */
import type { SharedRunDeps } from '../execution/terms.ts';
import type { Guardrails } from '../guard/hook.ts';
import type { Wheel } from '../providers/wheel.ts';
import type { HealthBook } from '../routing/book.ts';
import type { AllowanceRoom } from './allowance.ts';
import type { Parts } from './parts.ts';
import type { Sharing } from './sharing.ts';

export interface RunRooms {
  parts: Parts;
  wheel: Wheel;
  health: HealthBook;
  sharing: Sharing;
  room: Pick<AllowanceRoom, 'price'>;
  guardrails: Pick<Guardrails, 'after'>;
}

export function runDepsOf({ parts, wheel, health, sharing, room, guardrails }: RunRooms): SharedRunDeps {
  const { config, live, recorder } = parts;
  const { settings } = config;
  return {
    transport: parts.transport,
    wheel,
    clocks: settings.clocks,
    attemptCap: settings.attempts,
    leaseMs: settings.clocks.leaseMs,
    provider: (name, tenant) => live.of(tenant).provider(name),
    price: room.price,
    maxOutput: (of, model) => live.info(of, model)?.maxOutput ?? undefined,
    reasons: (of, model) => live.info(of, model)?.reasoning ?? undefined,
    dialect: live.dialect,
    health,
    drills: sharing.drills,
    ...(guardrails.after ? { guardrail: guardrails.after } : {}),
    ...(sharing.cache ? { cache: sharing.cache } : {}),
    fellBack(from, to, code) {
      recorder.fellBack();
      recorder.count('goblin.mcp.fallback.count', {
        provider: from.provider,
        model: from.model,
        to: to.provider,
        code,
      });
    },
    observe(start, end) {
      recorder.attempt({
        provider: start.provider,
        model: start.model,
        ok: end.status === 'succeeded',
        latencyMs: end.latencyMs,
        firstTokenMs: end.firstTokenMs,
      });
    },
  };
}
