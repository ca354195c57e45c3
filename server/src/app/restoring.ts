/** The record as its callers see it: with their own values where the record has placeholders. */
import type { Bus, BusMessage, Ledger } from '../contract/ports.ts';
import type { StoredFrame } from '../contract/record.ts';
import { restoreText } from '../guard/secrets/restore.ts';
import type { Vault } from '../guard/vault.ts';

type Mapping = ReadonlyMap<string, string>;

const MARK = /\[\[(secret|pii):/;
const hasMark = (text: string): boolean => text.includes('[[') && MARK.test(text);
/** Mappings are asked for once while somebody reads. */
const KEEP_MS = 60_000;
const MOST = 1000;

export function restoringLedger(ledger: Ledger, vault: Vault): Ledger {
  const kept = new Map<string, { mapping: Promise<Mapping | null>; until: number }>();

  async function load(tenant: string, id: string): Promise<Mapping | null> {
    const body = await ledger.body(tenant, id);
    return body?.vault === undefined ? null : vault.open(tenant, body.vault);
  }

  function mappingOf(tenant: string, id: string): Promise<Mapping | null> {
    const name = `${tenant}\n${id}`;
    const now = performance.now();
    const known = kept.get(name);
    if (known && known.until > now) return known.mapping;
    if (kept.size >= MOST) kept.clear();
    const mapping = load(tenant, id);
    kept.set(name, { mapping, until: now + KEEP_MS });
    mapping.catch(() => kept.delete(name));
    return mapping;
  }

  async function deep<T>(tenant: string, id: string, value: T): Promise<T> {
    if (value === null || !hasMark(JSON.stringify(value))) return value;
    const mapping = await mappingOf(tenant, id);
    return mapping ? (restored(value, mapping, '') as T) : value;
  }

  return {
    ...ledger,
    result: async (tenant, id) => await deep(tenant, id, await ledger.result(tenant, id)),
    partialText: async (tenant, id) => await deep(tenant, id, await ledger.partialText(tenant, id)),
    async body(tenant, id) {
      const body = await ledger.body(tenant, id);
      if (!body?.vault) return body;
      const { vault: _vault, ...rest } = await deep(tenant, id, body);
      return rest;
    },
    async framesAfter(tenant, id, after, limit) {
      const frames = await ledger.framesAfter(tenant, id, after, limit);
      if (!frames.some(({ json }) => hasMark(json))) return frames;
      const mapping = await mappingOf(tenant, id);
      return mapping ? frames.map((frame) => restoredFrame(frame, mapping)) : frames;
    },
  };
}

function restoredFrame(frame: StoredFrame, mapping: Mapping): StoredFrame {
  if (!hasMark(frame.json)) return frame;
  return { ...frame, json: JSON.stringify(restored(JSON.parse(frame.json), mapping, '')) };
}

function restored(value: unknown, mapping: Mapping, name: string): unknown {
  if (typeof value === 'string') return restoreText(value, mapping, name === 'arguments' ? 'json' : 'text');
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => restored(one, mapping, name));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, restored(one, mapping, key)]));
}

/** Frames with placeholders are not told over the bus: whoever follows looks into the record, which gives them their values. */
export function restoringBus(bus: Bus): Bus {
  const masked = (message: BusMessage): BusMessage =>
    message.type === 'frames' && message.frames.some(({ json }) => hasMark(json)) ? { type: 'ended' } : message;
  return {
    ...bus,
    follow: (topic, listener) => bus.follow(topic, (message) => listener(masked(message))),
    async recent(topic, after) {
      const frames = await bus.recent(topic, after);
      return frames?.some(({ json }) => hasMark(json)) ? null : frames;
    },
  };
}
