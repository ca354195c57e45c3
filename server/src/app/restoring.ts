/** The record as callers see it: who asked has his own values where the record has placeholders, others the placeholders. */
import type { Bus, BusMessage, Ledger } from '../contract/ports.ts';
import { SEALED, type StoredFrame, type StoredResult } from '../contract/record.ts';
import { restoreDeep } from '../execution/placeholders.ts';
import type { Vault } from '../guard/vault.ts';

type Mapping = ReadonlyMap<string, string>;

const MARK = /\[\[(secret|pii):/;
const hasMark = (text: string): boolean => text.includes('[[') && MARK.test(text);
/** Mappings are asked for once while somebody reads. */
const KEEP_MS = 60_000;
const MOST = 1000;

/** What placeholders of a request stand for, and what is sealed beside those of its answer. Null: not to be told. */
interface Values {
  of(tenant: string, id: string): Promise<Mapping | null>;
  open(tenant: string, sealed: string): Mapping | null;
}

/** The record as all others see it: with placeholders, and nothing that could open them. */
export const maskedLedger = (ledger: Ledger): Ledger => seen(ledger, { of: async () => null, open: () => null });

/** As who asked sees it. `onForget`: told that values that were erased must not be remembered. */
export function restoringLedger(ledger: Ledger, vault: Vault, onForget: (listener: () => void) => void): Ledger {
  const kept = new Map<string, { mapping: Promise<Mapping | null>; until: number }>();
  onForget(() => kept.clear());

  async function load(tenant: string, id: string): Promise<Mapping | null> {
    const body = await ledger.body(tenant, id);
    return body?.vault === undefined ? null : vault.open(tenant, body.vault);
  }

  return seen(ledger, {
    open: vault.open,
    of(tenant, id) {
      const name = `${tenant}\n${id}`;
      const now = performance.now();
      const known = kept.get(name);
      if (known && known.until > now) return known.mapping;
      if (kept.size >= MOST) kept.clear();
      const mapping = load(tenant, id);
      kept.set(name, { mapping, until: now + KEEP_MS });
      mapping.catch(() => kept.delete(name));
      return mapping;
    },
  });
}

function seen(ledger: Ledger, values: Values): Ledger {
  async function deep<T>(tenant: string, id: string, value: T): Promise<T> {
    if (value === null || !hasMark(JSON.stringify(value))) return value;
    const mapping = await values.of(tenant, id);
    return mapping ? restoreDeep(value, mapping) : value;
  }

  /** With what the answer's own placeholders stand for, which is kept beside them. */
  async function result(tenant: string, id: string): Promise<StoredResult | null> {
    const found = await ledger.result(tenant, id);
    if (!found || !(SEALED in found.message)) return await deep(tenant, id, found);
    const { [SEALED]: sealed, ...message } = found.message;
    const own = typeof sealed === 'string' ? values.open(tenant, sealed) : null;
    const plain = await deep(tenant, id, { ...found, message });
    return own ? restoreDeep(plain, own) : plain;
  }

  function frameOf(tenant: string, frame: StoredFrame, mapping: Mapping | null): StoredFrame {
    if (!hasMark(frame.json)) return frame;
    const { [SEALED]: sealed, ...body } = JSON.parse(frame.json) as Record<string, unknown>;
    const own = typeof sealed === 'string' ? values.open(tenant, sealed) : null;
    const plain = mapping ? restoreDeep(body, mapping) : body;
    return { ...frame, json: JSON.stringify(own ? restoreDeep(plain, own) : plain) };
  }

  return {
    ...ledger,
    result,
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
      const mapping = await values.of(tenant, id);
      return frames.map((frame) => frameOf(tenant, frame, mapping));
    },
  };
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
