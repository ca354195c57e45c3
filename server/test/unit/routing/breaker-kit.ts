/** Breakers of the default rules, and calls that fail. */
import { Breaker } from '../../../src/routing/breaker.ts';
import { RULES, steady } from './health-kit.ts';

export const rules = RULES.breaker;
export const FEW = { calls: 5, faults: 5 };

/** Fails so often in a row, all at once. */
export function fail(breaker: Breaker, times: number, at: number, window = FEW): void {
  for (let i = 0; i < times; i++) breaker.fault(at, false, at, window);
}

export const make = (more: Partial<typeof rules> = {}, random = steady): Breaker =>
  new Breaker({ ...rules, ...more }, random);
