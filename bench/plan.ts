/** A plan for a hundred candidates: what it takes, with and without health, and by each strategy. */
import { createCatalogue } from '../server/src/catalogue/models.ts';
import { VENDORS } from '../server/src/catalogue/vendors.ts';
import type { Provider, Vendor } from '../server/src/contract/provider.ts';
import { createHealthBook, type Outcome } from '../server/src/routing/book.ts';
import { createRouter, type PlanRequest } from '../server/src/routing/plan.ts';
import { STRATEGIES } from '../server/src/routing/rule.ts';

const CANDIDATES = 100;
const ROUNDS = 2000;
const MODEL = 'shared-model';
/** Noon, so that no minute ends while it runs. */
const NOW = Date.UTC(2026, 0, 1, 12);

const catalogue = createCatalogue();
await catalogue.load(VENDORS.map((vendor) => vendor.name));

const providers = Array.from({ length: CANDIDATES }, (_, index): Provider => {
  const vendor = VENDORS[index % VENDORS.length] as Vendor;
  const { dialect, baseUrl, auth, title } = vendor;
  const base = { name: `p${index}`, title, dialect, baseUrl, auth, headers: {}, key: 'key', quirks: {}, vendor };
  return { ...base, free: false, local: false, models: [MODEL], anyModel: false };
});
const names = providers.map(({ name }) => `${name}/${MODEL}`);
const aliases = Object.fromEntries(STRATEGIES.map((strategy) => [strategy, names]));

const router = createRouter({
  providers,
  aliases,
  tasks: {},
  routes: { aliases: Object.fromEntries(STRATEGIES.map((strategy) => [strategy, { strategy }])), tasks: {} },
  catalogue,
  price: (provider, model) => ({
    input: { base: 100_000 + Number(provider.name.slice(1)) * 10_000 },
    output: { base: 400_000 },
    version: model,
  }),
});

const book = createHealthBook(
  {
    breaker: {
      consecutive: 5,
      rate: 0.5,
      minCalls: 20,
      windowMs: 60_000,
      openMs: 5000,
      maxOpenMs: 300_000,
      slowMs: 0,
      probes: 1,
    },
    retryBudget: { ratio: 0.1, reserve: 10 },
  },
  { process: 'bench' },
);

/** Every tenth target is open, every tenth fails a little, one provider is rate limited. */
function fill(): void {
  for (const [index, { name }] of providers.entries()) {
    const of = { provider: name, model: MODEL, key: null };
    const good: Outcome = {
      code: null,
      firstTokenMs: 100 + index,
      latencyMs: 1000 + index,
      tokens: 300,
      outputTokens: 200,
      streamed: true,
    };
    for (let call = 0; call < 20; call++) {
      const bad = index % 10 === 0 ? call > 10 : index % 10 === 1 && call % 10 === 0;
      book.observe(of, bad ? { ...good, code: 'upstream_unavailable' } : good, NOW);
    }
  }
  book.observe({ provider: 'p5', model: MODEL, key: null }, limited, NOW);
}

const limited: Outcome = {
  code: 'upstream_rate_limited',
  retryAfterMs: 30_000,
  firstTokenMs: null,
  latencyMs: 50,
  tokens: null,
  outputTokens: null,
  streamed: true,
};

function measure(label: string, ask: Partial<PlanRequest>, live: boolean): void {
  let at = NOW + 1;
  const plan = () => {
    const request: PlanRequest = {
      taskType: 'chat',
      hints: [],
      needs: { tools: true, images: false, inputTokens: { least: 100, likely: 600 } },
      at,
      ...ask,
      ...(live ? { health: book.snapshot(at) } : {}),
    };
    return router.plan(request);
  };
  // One observation between two plans, as under load.
  const round = () => {
    const start = performance.now();
    for (let i = 0; i < ROUNDS; i++) {
      at += 0.1;
      if (live) {
        const provider = `p${(i * 7) % 80}`;
        const start = { provider, model: MODEL, key: null, kind: 'first', conversation: null } as const;
        book.end(book.begin(start, at), { ...limited, code: null, firstTokenMs: 90 + (i % 30) }, at);
      }
      plan();
    }
    return ((performance.now() - start) / ROUNDS) * 1000;
  };
  round();
  const times = Array.from({ length: 7 }, round).sort((a, b) => a - b);
  const { targets, dropped } = plan();
  console.log(
    `${label.padEnd(34)} ${(times[3] as number).toFixed(1).padStart(6)} µs (best ${(times[0] as number).toFixed(1)}); ` +
      `${targets.length} targets, ${dropped.length} dropped`,
  );
}

measure('a bare name, nothing known', { model: MODEL }, false);
fill();
measure('a bare name, with health', { model: MODEL }, true);
for (const strategy of STRATEGIES) measure(`${strategy}, with health`, { model: strategy, conversation: 4711 }, true);
measure('auto, with health', {}, true);
