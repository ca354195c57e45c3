/**
 * Fire drills: faults that the calls of one API key to one provider meet, for some minutes. In memory, told to the other
 * processes; each ends by itself. Nobody else's call is touched.
 */
import { type Fault, parseFault } from '../providers/simulator/faults.ts';

export interface Drill {
  id: string;
  provider: string;
  /** As it was asked for, e.g. `cut-after-40`. */
  fault: string;
  /** Id of the API key. */
  key: string;
  /** Milliseconds since the epoch. */
  at: number;
  until: number;
  by: string;
  /** It was ended before its time. */
  ended: boolean;
}

export interface Drills {
  /** Whether calls of this key may meet one. Costs nothing while there is none. */
  concerns(key: string): boolean;
  /** The drill that a call of this key to this provider meets now. */
  meets(key: string, provider: string): { drill: Drill; fault: Fault } | null;
  /** Takes the place of another one for the same key and provider. */
  start(drill: Omit<Drill, 'ended'>): void;
  /** Null when there is none that runs. */
  end(id: string): Drill | null;
  /** Those that run. */
  list(): Drill[];
  /** Everything that others must know, ends included. */
  export(): Drill[];
  /** Takes over what another process says. What makes no sense is left out. */
  import(said: unknown): void;
  /** Grows with every change that was made here. */
  changes(): number;
}

const MOST = 1000;
const MOST_TEXT = 200;
/** Nobody can set a longer one. Milliseconds. */
export const LONGEST_DRILL_MS = 24 * 3_600_000;

export function createDrills(now: () => number = Date.now): Drills {
  const drills = new Map<string, Drill>();
  let changes = 0;

  function put(drill: Drill): void {
    drills.set(drill.id, drill);
    if (drills.size > MOST) for (const [oldest] of drills) if (drills.delete(oldest)) break;
  }

  /** Those whose time is over are forgotten, those that were ended too: until then others may still tell of them. */
  function prune(): void {
    const at = now();
    for (const [id, { until }] of drills) if (until <= at) drills.delete(id);
  }

  const runs = (drill: Drill): boolean => !drill.ended && drill.until > now();

  return {
    concerns(key) {
      if (drills.size === 0) return false;
      for (const drill of drills.values()) if (drill.key === key && runs(drill)) return true;
      return false;
    },
    meets(key, provider) {
      for (const drill of drills.values()) {
        if (drill.key !== key || drill.provider !== provider || !runs(drill)) continue;
        const fault = parseFault(drill.fault);
        if (fault !== null) return { drill, fault };
      }
      return null;
    },
    start(drill) {
      prune();
      for (const other of drills.values()) {
        if (other.key === drill.key && other.provider === drill.provider) put({ ...other, ended: true });
      }
      put({ ...drill, ended: false });
      changes++;
    },
    end(id) {
      const drill = drills.get(id);
      if (drill === undefined || !runs(drill)) return null;
      put({ ...drill, ended: true });
      changes++;
      return drill;
    },
    list: () => [...drills.values()].filter(runs),
    export() {
      prune();
      return [...drills.values()];
    },
    import(said) {
      if (!Array.isArray(said)) return;
      for (const one of said.slice(0, MOST)) {
        const drill = readDrill(one, now());
        if (drill === null) continue;
        // An end is for good.
        const known = drills.get(drill.id);
        if (known === undefined || (drill.ended && !known.ended)) put(drill);
      }
    },
    changes: () => changes,
  };
}

function readDrill(value: unknown, now: number): Drill | null {
  if (typeof value !== 'object' || value === null) return null;
  const { id, provider, fault, key, at, until, by, ended } = value as Record<string, unknown>;
  const texts = [id, provider, fault, key, by];
  if (!texts.every((text) => typeof text === 'string' && text !== '' && text.length <= MOST_TEXT)) return null;
  if (typeof at !== 'number' || typeof until !== 'number' || typeof ended !== 'boolean') return null;
  // Whatever somebody says: it ends.
  if (!(until > now) || until > now + LONGEST_DRILL_MS || parseFault(fault as string) === null) return null;
  return { id, provider, fault, key, at, until, by, ended } as Drill;
}
