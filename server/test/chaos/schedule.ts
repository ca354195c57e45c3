/** What the monkey will do, when and to whom: a pure function of the seed. */
import { mulberry, type Random, weighted } from './random.ts';

export interface Step {
  n: number;
  /** Milliseconds from the begin of the run. */
  at: number;
  target: string;
  fault: FaultName;
  /** How long it lasts: until it is thawed, restarted, or as it was. 0: over at once. */
  forMs: number;
}

export interface ScheduleInput {
  seed: number;
  faults: number;
  apis: number;
  workers: number;
  /** Between two faults on average, in milliseconds. */
  gapMs: number;
  leaseMs: number;
}

type Kind = 'process' | 'redis' | 'postgres' | 'line';

/** Weight, and how long in milliseconds (from, to); null: a lease and more. */
const FAULTS = {
  process: [
    ['kill', 5, [200, 1500]],
    ['freeze', 4, null],
    ['term', 3, [200, 1500]],
  ],
  redis: [
    ['kill', 2, [300, 3000]],
    ['freeze', 2, [500, 4000]],
    ['flush', 1, [0, 0]],
  ],
  postgres: [
    ['kill', 2, [100, 2000]],
    ['restart', 2, [0, 500]],
    ['freeze', 2, [300, 3000]],
  ],
  line: [
    ['reset', 3, [0, 0]],
    ['half-open', 2, [500, 4000]],
    ['slow', 2, [1000, 4000]],
    ['slice', 1, [1000, 4000]],
    ['refuse', 2, [300, 2500]],
  ],
} as const satisfies Record<Kind, readonly (readonly [string, number, readonly [number, number] | null])[]>;

export type FaultName = (typeof FAULTS)[Kind][number][0];

const KIND_WEIGHTS: readonly (readonly [Kind, number])[] = [
  ['process', 10],
  ['line', 6],
  ['redis', 3],
  ['postgres', 3],
];

const kindOf = (target: string): Kind =>
  target.endsWith('-line') ? 'line' : target === 'redis' || target === 'postgres' ? target : 'process';

/** After a fault its target is left alone for so long, so that it has been well before it is hit again. */
const REST_MS = 1500;

export function schedule(input: ScheduleInput): Step[] {
  const random = mulberry(input.seed);
  const targets = [
    ...Array.from({ length: input.apis }, (_, i) => `api-${i}`),
    ...Array.from({ length: input.workers }, (_, i) => `worker-${i}`),
    'redis',
    'postgres',
    'redis-line',
    'postgres-line',
  ];
  const free = new Map(targets.map((target) => [target, 0]));
  const steps: Step[] = [];
  let at = 1000;
  while (steps.length < input.faults) {
    at += Math.round(input.gapMs * (0.4 + 1.2 * random()));
    const kind = weighted(random, KIND_WEIGHTS);
    const ready = targets.filter((target) => kindOf(target) === kind && (free.get(target) as number) <= at);
    // Nobody of that kind is well enough: a little later another kind may be.
    if (ready.length === 0) continue;
    const target = ready[Math.floor(random() * ready.length)] as string;
    const rows = FAULTS[kind].map((row): [(typeof FAULTS)[Kind][number], number] => [row, row[1]]);
    const [fault, , range] = weighted(random, rows);
    const forMs = lengthOf(random, range, input.leaseMs);
    steps.push({ n: steps.length + 1, at, target, fault, forMs });
    free.set(target, at + forMs + REST_MS);
  }
  return steps;
}

function lengthOf(random: Random, range: readonly [number, number] | null, leaseMs: number): number {
  const [from, to] = range ?? [1.5 * leaseMs, 3 * leaseMs];
  return Math.round(from + (to - from) * random());
}

export const stepText = ({ n, at, target, fault, forMs }: Step): string =>
  `${String(n).padStart(4)}  ${(at / 1000).toFixed(1).padStart(6)} s  ${fault} ${target}${forMs > 0 ? ` for ${forMs} ms` : ''}`;
