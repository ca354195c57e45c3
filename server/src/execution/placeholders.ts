/** Answers that hold placeholders: kept whole in frames, and replaced by the caller's own values on the way to him. */
import type { AnswerListener, AttachedHandle, AttachedOutcome } from '../contract/flow.ts';
import { isVisible, type Part, type VisiblePart } from '../contract/part.ts';
import { fromFields } from '../guard/secrets/fields.ts';
import { createRestorer, type Restorer, restoreText } from '../guard/secrets/restore.ts';

export type Mapping = ReadonlyMap<string, string>;

export interface PartFilter {
  /** The parts that are decided. Text is held back only while its end may be the beginning of a placeholder. */
  push(parts: readonly Part[]): Part[];
  /** What was held back. */
  rest(): VisiblePart[];
  /** Something is held back. */
  readonly holds: boolean;
}

/** Every placeholder of `mapping` becomes its value, in text, thoughts and arguments, whatever the slicing. */
export function createPartFilter(mapping: Mapping): PartFilter {
  let text: { type: 'text' | 'reasoning'; restorer: Restorer } | null = null;
  let call: { index: number; restorer: Restorer } | null = null;

  function rest(): VisiblePart[] {
    const parts: VisiblePart[] = [];
    const last = text?.restorer.end() ?? '';
    if (text && last !== '') parts.push({ type: text.type, text: last });
    const more = call?.restorer.end() ?? '';
    if (call && more !== '') parts.push({ type: 'tool_call', index: call.index, arguments: more });
    text = null;
    call = null;
    return parts;
  }

  function one(part: Part): Part[] {
    if (part.type === 'text' || part.type === 'reasoning') {
      const before = text?.type === part.type && call === null ? [] : rest();
      text ??= { type: part.type, restorer: createRestorer(mapping) };
      return [...before, { ...marked(part, mapping), text: text.restorer.push(part.text) }];
    }
    if (part.type === 'tool_call') {
      const before = call?.index === part.index && text === null ? [] : rest();
      call ??= { index: part.index, restorer: createRestorer(mapping, 'json') };
      return [...before, { ...marked(part, mapping), arguments: call.restorer.push(part.arguments) }];
    }
    // Usage may come in the middle.
    return part.type === 'usage' ? [part] : [...rest(), part];
  }
  return {
    push: (parts) => parts.flatMap(one),
    rest,
    get holds() {
      return (text ?? call)?.restorer.holds ?? false;
    },
  };
}

/** So that no placeholder is cut by the end of a frame: each is replaced by itself. */
export const createWholeFilter = (mapping: Mapping): PartFilter =>
  createPartFilter(new Map([...mapping.keys()].map((placeholder) => [placeholder, placeholder])));

export function restoreParts(parts: readonly VisiblePart[], mapping: Mapping): VisiblePart[] {
  return parts.map((part) =>
    part.type === 'tool_call'
      ? { ...marked(part, mapping), arguments: restoreText(part.arguments, mapping, 'json') }
      : { ...marked(part, mapping), text: restoreText(part.text, mapping) },
  );
}

/** A vendor's own field may hold words of the model too. */
function marked<T extends VisiblePart>(part: T, mapping: Mapping): T {
  if (part.type === 'text' || part.vendor === undefined || mapping.size === 0) return part;
  return { ...part, vendor: { ...part.vendor, fields: restoreDeep(part.vendor.fields, mapping) } };
}

/** Every text and every name in a value, with values for placeholders. */
export function restoreDeep<T>(value: T, mapping: Mapping, name = ''): T {
  if (typeof value === 'string') return restoreText(value, mapping, name === 'arguments' ? 'json' : 'text') as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => restoreDeep(one, mapping, name)) as T;
  return fromFields(
    Object.entries(value).map(([key, one]) => [restoreText(key, mapping), restoreDeep(one, mapping, key)]),
  ) as T;
}

/**
 * The caller hears his own values. A vendor's own bytes are sent on where nothing in them can be a placeholder; as long
 * as there are none at all (`mapping` may grow while the answer comes) all passes as it is.
 */
export function restoring(listener: AnswerListener, mapping: Mapping): AnswerListener {
  let filter = createPartFilter(mapping);
  return {
    ...listener,
    attempt(start, restart) {
      if (restart !== null) filter = createPartFilter(mapping);
      listener.attempt(start, restart);
    },
    event(parts, data) {
      if (!filter.holds && parts.every(isPlain)) {
        listener.event(parts, data);
        return;
      }
      if (!parts.some(isVisible)) {
        const rest = filter.rest();
        if (rest.length > 0) listener.event(rest, null);
        listener.event(parts, data);
        return;
      }
      // Arguments are read from their beginning, so that it is known where a string is in them.
      const held = filter.holds;
      const told = filter.push(parts);
      if (!held && !filter.holds && isSame(parts, told)) listener.event(parts, data);
      else listener.event(told, null);
    },
    done(outcome: AttachedOutcome) {
      if (mapping.size === 0) {
        listener.done(outcome);
        return;
      }
      const rest = filter.rest();
      if (rest.length > 0) listener.event(rest, null);
      listener.done({ ...outcome, parts: restoreParts(outcome.parts, mapping), body: null });
    },
  };
}

/** Nothing in it can be a placeholder, or the beginning of one. */
function isPlain(part: Part): boolean {
  if (part.type === 'text') return !part.text.includes('[');
  return part.type === 'usage' || (part.type === 'reasoning' && !part.vendor && !part.text.includes('['));
}

function isSame(parts: readonly Part[], told: readonly Part[]): boolean {
  return (
    parts.length === told.length &&
    parts.every((part, at) => {
      const now = told[at];
      if (!isVisible(part) || now === undefined || !isVisible(now)) return part === now;
      if (part.type === 'tool_call')
        return now.type === 'tool_call' && part.arguments === now.arguments && !part.vendor;
      return now.type === part.type && part.text === now.text && (part.type === 'text' || !part.vendor);
    })
  );
}

/** Whoever joins sent the same, so the values are his too. */
export function restoringHandle(handle: AttachedHandle, mapping: Mapping): AttachedHandle {
  return { ...handle, join: (listener) => handle.join(restoring(listener, mapping)) };
}
