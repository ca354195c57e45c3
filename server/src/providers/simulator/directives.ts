/**
 * Orders to the simulator, in the prompt (`[[sim tokens=40 fault=cut-after-10]]`) or behind the model's name
 * (`goblin-sim?tokens=40&fault=cut-after-10`). Options are weakest, then the model's name, then the prompt.
 */
import { type Fault, faultNames, parseFault } from './faults.ts';

/** Bounds keep a typing error from running for a week. */
const NUMBERS = {
  /** Tokens of the answer's text. */
  tokens: 100_000,
  /** Tokens per second, 0 for as fast as possible. */
  rate: 100_000,
  /** Milliseconds before the first token. */
  first: 600_000,
  /** Tokens of reasoning before the answer. */
  reasoning: 10_000,
  /** Prompt tokens that count as cached. */
  cached: 10_000_000,
  /** The fault hits only so many calls with the same prompt. */
  times: 1_000_000,
} as const;

type NumberKey = keyof typeof NUMBERS;

export interface Orders extends Partial<Record<NumberKey, number>> {
  /** Null means `fault=none`: no fault, whatever a weaker source says. */
  fault?: Fault | null;
}

/** A sentence that says what is wrong. */
export class OrderError extends Error {}

const KEYS = [...Object.keys(NUMBERS), 'fault'];

function setOrder(orders: Orders, key: string, value: string): void {
  if (key === 'fault') {
    if (value === 'none') {
      orders.fault = null;
      return;
    }
    const fault = parseFault(value);
    if (fault === null) {
      throw new OrderError(`Unknown fault '${value.slice(0, 60)}'. Known faults are: ${faultNames().join(', ')}.`);
    }
    orders.fault = fault;
    return;
  }
  if (!Object.hasOwn(NUMBERS, key)) {
    throw new OrderError(`Unknown order '${key.slice(0, 60)}'. Known orders are: ${KEYS.join(', ')}.`);
  }
  const number = /^\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isFinite(number)) throw new OrderError(`The order '${key}' takes a number that is not negative.`);
  const bounded = Math.min(number, NUMBERS[key as NumberKey]);
  // Half a token per second makes sense, half a token does not.
  orders[key as NumberKey] = key === 'rate' ? bounded : Math.floor(bounded);
}

export function ordersInText(text: string): Orders {
  const orders: Orders = {};
  if (!text.includes('[[sim')) return orders;
  for (const match of text.matchAll(/\[\[sim\b([^\]]*)\]\]/g)) {
    for (const pair of (match[1] ?? '').split(/\s+/)) {
      if (pair === '') continue;
      const at = pair.indexOf('=');
      setOrder(orders, at < 0 ? pair : pair.slice(0, at), at < 0 ? '' : pair.slice(at + 1));
    }
  }
  return orders;
}

export function ordersInModel(model: string): { name: string; orders: Orders } {
  const at = model.indexOf('?');
  if (at < 0) return { name: model, orders: {} };
  const orders: Orders = {};
  for (const pair of model.slice(at + 1).split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    setOrder(orders, equals < 0 ? pair : pair.slice(0, equals), equals < 0 ? '' : pair.slice(equals + 1));
  }
  return { name: model.slice(0, at), orders };
}
