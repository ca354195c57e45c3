/** What the requests of a process share, beside health: answers that are kept, and fire drills. */
import type { Bus, Telemetry } from '../contract/ports.ts';
import { createResponseCache, type ResponseCache } from '../execution/cache.ts';
import { createDrills, type Drills } from '../execution/drills.ts';
import type { Settings } from '../settings/settings.ts';
import { startDrillExchange } from './drill-exchange.ts';

export interface Sharing {
  /** Null: switched off. */
  cache: ResponseCache | null;
  drills: Drills;
  /** Tells the other processes of a drill that was begun or ended here. */
  tellDrills(): void;
  /** Called when this process must forget what it remembers of content. */
  onForget(listener: () => void): void;
  forgetContent(): void;
  close(): void;
}

export function startSharing({ cache: rules }: Pick<Settings, 'cache'>, bus: Bus, telemetry: Telemetry): Sharing {
  const drills = createDrills();
  const exchange = startDrillExchange(drills, bus);
  const cache = rules.enabled
    ? createResponseCache(
        { ttlMs: rules.ttlS * 1000, maxBytes: rules.maxMb * 1024 * 1024 },
        { counted: (result) => telemetry.count('goblin.mcp.cache.count', { result }) },
      )
    : null;
  const listeners: (() => void)[] = [];
  return {
    cache,
    drills,
    tellDrills: exchange.tell,
    onForget: (listener) => listeners.push(listener),
    forgetContent() {
      cache?.clear();
      for (const listener of listeners) listener();
    },
    close: exchange.close,
  };
}
