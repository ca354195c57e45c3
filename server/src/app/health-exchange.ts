/** What the processes tell each other of the vendors' health, over the bus: at once what changed, and all every few seconds. */
import { type Bus, HEALTH, type Sql, type Telemetry } from '../contract/ports.ts';
import { loadBreakers } from '../ledger/breakers.ts';
import type { HealthBook } from '../routing/book.ts';

/** Changes of a state are told by then. */
const SOON_MS = 250;
/** Counts without a change of state are told so often. */
const OFTEN_MS = 5000;

/** What was set by hand before this process began; what others know of it by now is newer. */
export async function recallBreakers(health: HealthBook, sql: Sql | null, now: number): Promise<void> {
  if (sql === null) return;
  for (const { provider, model, state, until, actor, setAt } of await loadBreakers(sql, now)) {
    health.force(provider, model, state, until, actor, setAt);
  }
}

export function startHealthExchange(health: HealthBook, bus: Bus, telemetry: Telemetry): { close(): void } {
  let told = 0;
  let toldAt = 0;
  const unfollow = bus.follow(HEALTH, (message) => {
    if (message.type !== 'health') return;
    try {
      health.import(message.said, Date.now());
    } catch (error) {
      telemetry.log('warn', 'what another process says of health cannot be read', { error: String(error) });
    }
  });
  const timer = setInterval(() => {
    const now = Date.now();
    const changes = health.changes();
    if (changes === told && now - toldAt < OFTEN_MS) return;
    const said = health.export(now);
    told = changes;
    toldAt = now;
    if (hasNews(said)) bus.publish(HEALTH, { type: 'health', said });
  }, SOON_MS).unref();
  return {
    close() {
      clearInterval(timer);
      unfollow();
    },
  };
}

const hasNews = (said: ReturnType<HealthBook['export']>): boolean =>
  [said.targets, said.keys, said.rests].some((part) => Object.keys(part).length > 0);
