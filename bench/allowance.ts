/**
 * What limits and budgets add to the admission of a prompt of 1 kB, in processor time: without limits, with none configured, with limits and with budgets.
 * The plan is given; databases and Redis are stood in for, because nothing waits for them once it runs.
 */
import { type AdmissionDeps, createAdmission } from '../server/src/admission/admit.ts';
import { type AllowanceDeps, createAllowance } from '../server/src/admission/allowance.ts';
import { createBudgetBook } from '../server/src/admission/budgets/book.ts';
import { createBudgets } from '../server/src/admission/budgets/budgets.ts';
import { createLimitBook } from '../server/src/admission/limits/book.ts';
import { createLimiter } from '../server/src/admission/limits/limiter.ts';
import type { Caller } from '../server/src/contract/caller.ts';
import type { Submission } from '../server/src/contract/flow.ts';
import type { Budget, LimitRule } from '../server/src/contract/limits.ts';
import type { Rates } from '../server/src/contract/ports.ts';
import type { Price, Provider } from '../server/src/contract/provider.ts';
import type { RunPlan } from '../server/src/contract/record.ts';
import { createMemoryRates } from '../server/src/drivers/memory-rates.ts';

const ROUNDS = 20_000;
const now = () => performance.now();
const caller: Caller = { tenant: 'acme', user: 'u', key: 'key_1', permissions: new Set(['request:write']) };
const text = 'Please summarise the letter below in two sentences. '.repeat(20).slice(0, 1000);
const price: Price = { input: { base: 150_000 }, output: { base: 600_000 }, version: 'bench' };
const provider = { name: 'p', free: false, models: ['m'] } as unknown as Provider;
const plan: RunPlan = {
  targets: [{ provider: 'p', model: 'm', reason: '' }],
  dropped: [],
  conversation: null,
  seed: 1,
};
const userHash = () => '00112233445566778899aabbccddeeff';

const limits: LimitRule[] = [
  { scope: 'key', match: null, requestsPerMinute: 1e9, concurrent: 1e6 },
  { scope: 'tenant', match: null, tokensPerMinute: 1e12 },
  { scope: 'global', match: null, requestsPerMinute: 1e9 },
];
const budgets: Budget[] = (['tenant', 'key'] as const).map((scope) => ({
  ...{ id: scope, name: null, tenant: null, scope, match: null, period: 'month' },
  ...{ hardPico: 1e17, softPico: null, webhookUrl: null, source: 'file' },
}));

/** As it is through Redis: the answer comes in another turn. */
function remote(): Rates {
  const counts = createMemoryRates(now);
  const later = <T>(answer: () => T) => new Promise<T>((resolve) => setImmediate(() => resolve(answer())));
  return {
    ...counts,
    take: (ask) => later(() => counts.take(ask) as Awaited<ReturnType<Rates['take']>>),
    seats: (ask) => later(() => counts.seats(ask) as Awaited<ReturnType<Rates['seats']>>),
  };
}

function allowanceOf(rules: LimitRule[], given: Budget[], rates: Rates | null) {
  const book = createBudgetBook(given, userHash);
  const limitBook = createLimitBook(rules, [], userHash);
  const limiter = createLimiter({
    ...{ rates, own: createMemoryRates(now), unsaid: createMemoryRates(now), now },
    ...{ processes: () => 2, share: (limit: number) => limit, refused() {} },
  });
  const deps: AllowanceDeps = {
    ...{ limits: () => limitBook, limiter, anyBudget: () => book.any, userHash, now: Date.now },
    budgets: createBudgets({
      async take(_, size) {
        const grantedPico = size(1e16);
        return { purse: 1, slice: 1, grantedPico, leftPico: 1e16 - grantedPico, spentPico: 0, hardPico: 1e17 };
      },
      ...{
        async giveBack() {},
        async recount() {
          return true;
        },
        processes: () => 2,
        now,
        book: () => book,
        refused() {},
      },
    }),
    ...{
      provider: () => provider,
      price: () => price,
      maxOutput: () => 16_384,
      moneyOf: async () => null,
      settle() {},
    },
  };
  const beat = setInterval(() => limiter.beat(), 1000).unref();
  return { allowance: createAllowance(deps), stop: () => clearInterval(beat) };
}

const submission = (): Submission => ({
  ...{ kind: 'answer', mode: 'attached', taskType: 'chat', hints: [], priority: 5, userId: 'u', notBefore: null },
  ...{ deadlineMs: null, failover: null, callbackUrl: null, labels: null, metadata: null, idempotency: null },
  call: { kind: 'answer', messages: [{ role: 'user', content: [{ type: 'text', text }] }], maxTokens: 500 },
});

async function measure(name: string, made: ReturnType<typeof allowanceOf> | null): Promise<void> {
  const admission = createAdmission({
    ...{ shield: null, guardrail: null, vault: null, strict: null, newId: () => 'id', userHash, userKeyId: 'k' },
    ...{ ledger: { lostFor: () => null }, plan: () => plan, info: () => null, price: () => price },
    ...(made ? { allowance: made.allowance } : {}),
  } as unknown as AdmissionDeps);
  const round = async () => {
    const before = process.cpuUsage();
    for (let n = 0; n < ROUNDS; n++) {
      const admitted = await admission.admit(caller, submission(), 'id');
      const { entry } = admitted;
      if (entry) {
        entry.recorded();
        entry.end(700);
        entry.settled('id');
      }
      // Others get their turn, as between requests.
      if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / ROUNDS;
  };
  await round();
  const times: number[] = [];
  for (let n = 0; n < 5; n++) times.push(await round());
  times.sort((a, b) => a - b);
  made?.stop();
  console.log(
    `${name.padEnd(50)} ${(times[2] as number).toFixed(2).padStart(6)} µs (best ${(times[0] as number).toFixed(2)})`,
  );
}

await measure('no limits built in', null);
await measure('nothing configured', allowanceOf([], [], null));
await measure('four limits, counts in the process', allowanceOf(limits, [], null));
await measure('four limits, counts shared', allowanceOf(limits, [], remote()));
await measure('two budgets', allowanceOf([], budgets, null));
await measure('four limits and two budgets, counts shared', allowanceOf(limits, budgets, remote()));
