/** The vendor of the runs: one with a journal that is called, and a second that says what the first would say. */
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { OPENAI_KEY, saidBy } from '../support/vendors.ts';
import { PRICES } from './violation.ts';

export interface Vendor {
  simulator: Simulator;
  /** What is said to a prompt when nothing goes wrong and nobody takes his time. */
  expect(prompts: readonly string[]): Promise<(prompt: string) => string>;
  close(): Promise<void>;
}

export async function startVendor(): Promise<Vendor> {
  const simulator = await startSimulator({ journal: true, key: OPENAI_KEY });
  const plain = await startSimulator({ key: OPENAI_KEY });
  const known = new Map<string, string>();
  return {
    simulator,
    async expect(prompts) {
      for (const prompt of prompts) {
        if (known.has(prompt)) continue;
        // Pace and faults change when words come, not which.
        const calm = prompt.replace(/ (rate|first|fault|times)=[\w.-]+/g, '');
        known.set(prompt, (await saidBy(plain, calm)).text);
      }
      return (prompt) => known.get(prompt) ?? '';
    },
    async close() {
      await simulator.close();
      await plain.close();
    },
  };
}

export const LEASE_MS = 1000;
export const CAP = 4;

/** One budget over everything, which never runs out: then all of it must be in it, once. */
const BUDGET = { list: [{ scope: 'tenant', period: 'total', hard_usd: 1000 }] };

/** `goblin.yaml` of every process in these runs; `GOBLIN_CHAOS_BUDGET=1`: with a budget. */
export const settingsWith = (clocks: Record<string, number> = {}): Record<string, unknown> => ({
  clocks: { lease_ms: LEASE_MS, heartbeat_ms: 300, ...clocks },
  attempts: CAP,
  prices: PRICES,
  ...(process.env.GOBLIN_CHAOS_BUDGET === '1' ? { budgets: BUDGET } : {}),
});
