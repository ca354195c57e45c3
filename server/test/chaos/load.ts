/** The mixed load of the long runs: who asks for what is a function of the seed, as the monkey's schedule is. */
import { setTimeout as sleep } from 'node:timers/promises';
import { cancel, door, repeat, submit, type World, waitForEnd } from './clients.ts';
import { follow } from './follow.ts';
import { type History, type Kind, promptOf, type Told } from './history.ts';
import { mulberry, pick, type Random, weighted } from './random.ts';

const MIX: readonly (readonly [Kind, number])[] = [
  ['detached', 30],
  ['resumed', 25],
  ['cancelled', 12],
  ['stream', 14],
  ['whole', 13],
  ['left', 6],
];

/** Most answers are good; some vendors stumble once, as vendors do. */
const STUMBLES: readonly (readonly [string, number])[] = [
  ['', 90],
  [' fault=cut-after-5 times=1', 3],
  [' fault=status-500 times=1', 3],
  [' fault=retry-after-2 times=1', 2],
  [' fault=end-after-4 times=1', 2],
];

export interface LoadInput {
  seed: number;
  requests: number;
  /** Over which they are spread evenly. */
  overMs: number;
  /** At the same time at most. */
  most: number;
}

export interface Load {
  done: Promise<void>;
  /** Tasks that have been begun. */
  begun(): number;
  running(): number;
}

export function startLoad(world: World, history: History, input: LoadInput): Load {
  const random = mulberry(input.seed ^ 0x5eed);
  let begun = 0;
  let running = 0;
  const all = new Set<Promise<void>>();

  async function go(): Promise<void> {
    const began = performance.now();
    for (let n = 0; n < input.requests && !world.over(); n++) {
      const due = (n * input.overMs) / input.requests;
      await sleep(Math.max(0, due - (performance.now() - began)));
      while (running >= input.most) await sleep(10);
      begun++;
      running++;
      const task = one(world, history, n, random).finally(() => {
        running--;
        all.delete(task);
      });
      all.add(task);
    }
    await Promise.all(all);
  }

  return { done: go(), begun: () => begun, running: () => running };
}

/** All choices are made before the first call, so that what the servers do does not change them. */
function one(world: World, history: History, n: number, random: Random): Promise<void> {
  const kind = weighted(random, MIX);
  const keyed = random() < 0.5;
  const label = `r${n}`;
  const isDoor = kind === 'stream' || kind === 'whole' || kind === 'left';
  // A door that has shown something cannot start again: what stumbles there ends there.
  const stumble = isDoor ? '' : weighted(random, STUMBLES);
  const long = kind === 'cancelled' || kind === 'left';
  const tokens = long ? 80 + Math.floor(random() * 60) : 8 + Math.floor(random() * 50);
  const orders = `tokens=${tokens} rate=${pick(random, [40, 60, 120])}${stumble}`;
  const told = history.tell(kind, label, promptOf(label, orders), keyed && kind !== 'left' ? `key-${label}` : null);
  const first = Math.floor(random() * 2);
  const [when, twice] = [random() * 900, random() < 0.5];
  const cuts = Array.from({ length: 8 }, () => 1 + Math.floor(random() * 6));
  switch (kind) {
    case 'stream':
    case 'whole':
      return door(world, told, first, { stream: kind === 'stream' });
    case 'left':
      return door(world, told, first, { stream: true, leaveAfter: 300 + Math.floor(when) * 4 });
    case 'cancelled':
      return cancelled(world, told, first, when);
    default:
      return detached(world, told, first, kind === 'resumed' ? cuts : null, twice);
  }
}

async function detached(world: World, told: Told, first: number, cuts: number[] | null, twice: boolean): Promise<void> {
  const id = await submit(world, told, first);
  if (id === null) return;
  const again = told.key !== null && twice ? repeat(world, told, first + 1) : Promise.resolve();
  // When the cuts are used up, the reader stays.
  const read = cuts ? follow(world, told, id, first, () => cuts.shift() ?? null) : Promise.resolve();
  await Promise.all([again, read, waitForEnd(world, told, id, first + 1)]);
}

async function cancelled(world: World, told: Told, first: number, afterMs: number): Promise<void> {
  const id = await submit(world, told, first);
  if (id === null) return;
  await sleep(afterMs);
  await cancel(world, told, id, first + 1);
  await Promise.all([follow(world, told, id, first, () => null), waitForEnd(world, told, id, first)]);
}
