/** Every crash point × every fault × both shapes: one case after the other on the same processes, judged at the end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/server.ts';
import type { Batch, Shape } from './batch.ts';
import { cancel, door, repeat, submit, type World, waitForEnd } from './clients.ts';
import { follow } from './follow.ts';
import { createHistory, type History, type Kind, promptOf, type Told } from './history.ts';
import { check } from './invariants.ts';
import { CAP, LEASE_MS, type Vendor } from './oracle.ts';
import { arm, disarm, FAULTS, type Fault, firedBy, POINTS, type Point } from './points.ts';
import type { Recorded } from './record.ts';
import type { Violation } from './violation.ts';

export interface Case {
  n: number;
  shape: Shape;
  point: Point;
  fault: Fault;
}

export interface CaseResult extends Case {
  ms: number;
  /** Null: it held. */
  violations: Violation[];
}

export const CASES: readonly Case[] = (['embedded', 'spread'] as const)
  .flatMap((shape) => POINTS.flatMap((point) => FAULTS.map((fault) => ({ shape, point, fault }))))
  .map((one, n) => ({ n, ...one }));

export const nameOf = ({ n, shape, point, fault }: Case): string => `${n} ${shape} ${point.name} ${fault}`;

/** How long a stopped process sleeps: beyond its lease, and beyond the sweep that follows. */
const FREEZE_MS = 2.5 * LEASE_MS;
const REACH_MS = 10_000;
const CLIENT_MS = 25_000;
const QUIET_MS = 12_000;

interface Setting {
  batch: Batch;
  history: History;
  frozen: { from: number; to: number }[];
  note(one: Case, what: string): void;
}

/** Runs cases on one batch of processes and judges what is left. */
export async function runCases(
  vendor: Vendor,
  start: () => Promise<Batch>,
  cases: readonly Case[],
  say: (line: string) => void,
): Promise<CaseResult[]> {
  const batch = await start();
  const history = createHistory();
  const noted: Violation[] = [];
  const setting: Setting = {
    batch,
    history,
    frozen: [],
    note: (one, what) => noted.push({ invariant: 'case', label: `${one.n}.`, id: '', what }),
  };
  const times = new Map<number, number>();
  for (const one of cases) {
    const began = performance.now();
    await runCase(setting, one).catch((error: unknown) => setting.note(one, String(error)));
    disarm(batch.faultFile);
    const ms = performance.now() - began;
    times.set(one.n, ms);
    say(`${nameOf(one)}: ${Math.round(ms)} ms`);
  }
  let violations: Violation[];
  try {
    violations = await judge(vendor, setting, await batch.finish());
  } catch (error) {
    violations = cases.map(({ n }) => ({ invariant: 'case', label: `${n}.`, id: '', what: `not judged: ${error}` }));
  }
  const all = [...noted, ...violations];
  return cases.map((one) => ({
    ...one,
    ms: times.get(one.n) ?? 0,
    // What belongs to no case is everybody's.
    violations: all.filter(({ label }) => label === '' || label.startsWith(`${one.n}.`)),
  }));
}

async function judge(vendor: Vendor, { history, frozen }: Setting, record: Recorded): Promise<Violation[]> {
  const said = await vendor.expect(history.all().map((told) => told.prompt));
  const labels = new Set(history.all().map((told) => told.label));
  // Other batches run beside this one on the same vendor.
  const journal = vendor.simulator.journal().filter((entry) => labels.has(labelOfBody(entry.body)));
  return check({ history: history.all(), journal, record, said, cap: CAP, frozen });
}

const labelOfBody = (body: unknown): string => /#([\w.-]+)#/.exec(JSON.stringify(body))?.[1] ?? '';

async function runCase(setting: Setting, one: Case): Promise<void> {
  const { batch } = setting;
  const until = performance.now() + CLIENT_MS;
  const world: World = { apis: () => batch.apis, over: () => performance.now() > until };
  const mark = `mark-${one.n}-`;
  arm(batch.faultFile, { point: one.point.name, fault: one.fault, mark });
  const clients = Promise.all(tasks(setting, world, one, mark));
  const fired = await eventually(() => firedBy(batch.faultFile), 'the point', REACH_MS).catch(() => null);
  if (fired === null) setting.note(one, 'the point was not reached');
  else await happen(setting, one.fault, fired);
  await clients;
  await eventually(async () => (await batch.open()) === 0, 'quiet', QUIET_MS).catch((error: unknown) =>
    setting.note(one, String(error)),
  );
}

/** The fault has struck the process `pid`: what an operator's supervisor does then. */
async function happen({ batch, frozen }: Setting, fault: Fault, pid: number): Promise<void> {
  const node = batch.nodes.find((candidate) => candidate.pid === pid);
  if (!node) throw new Error(`no process of ours: ${pid}`);
  if (fault === 'kill') {
    await node.exited();
    await node.restart();
  }
  if (fault === 'stop') {
    const from = Date.now();
    await sleep(FREEZE_MS);
    node.signal('SIGCONT');
    frozen.push({ from, to: Date.now() });
  }
}

const PACE = 'tokens=24 rate=60';
/** Longer than a frozen process sleeps: it would be heard if it went on. */
const LONG = 'tokens=200 rate=45';
/** So long that whoever takes a frozen process's request over is in the midst of it when that one wakes. */
const MIDDLING = 'tokens=90 rate=45';
const RESTS = 'tokens=24 rate=60 fault=retry-after-2 times=1';
const IN_STREAM = /^(post:(head|first|middle)|first-frames|later-frames|publish)/;

/** What goes on in each case: the same clients, of whom those that the point is about carry the mark. */
function tasks({ history }: Setting, world: World, one: Case, mark: string): Promise<void>[] {
  const { marks, name } = one.point;
  const stopped = IN_STREAM.test(name) ? LONG : MIDDLING;
  const orders = name.startsWith('release') ? RESTS : one.fault === 'stop' ? stopped : PACE;
  const tell = (kind: Kind, client: string, key: boolean, marked: boolean, words = PACE): Told => {
    const label = `${one.n}.${client}`;
    return history.tell(kind, label, promptOf(label, words, marked ? mark : ''), key ? `key-${label}` : null);
  };
  const detached = marks === 'detached';
  const attached = marks === 'attached';
  return [
    readDetached(world, tell('resumed', 'plain', false, detached, orders), () => 3),
    readDetached(world, tell('detached', 'keyed', true, detached, orders), () => null, true),
    cancelled(world, tell('cancelled', 'cancel', false, detached, 'tokens=120 rate=40')),
    door(world, tell('whole', 'whole', false, attached), 0, { stream: false }),
    door(world, tell('stream', 'stream', true, attached), 0, { stream: true }),
    // Bystanders, who must not notice.
    readDetached(world, tell('resumed', 'other', false, false), () => 5),
    readDetached(world, tell('detached', 'keyed-other', true, false), () => null),
    door(world, tell('left', 'left', false, false, 'tokens=120 rate=40'), 0, { stream: true, leaveAfter: 600 }),
  ];
}

/** Two readers, one of whom loses its connection. With `again` the same submission is sent twice at once, and later once more. */
async function readDetached(world: World, told: Told, cut: () => number | null, again = false): Promise<void> {
  const twin = again ? submit(world, told, 1) : Promise.resolve(null);
  const id = await submit(world, told, 0);
  if (id === null) return;
  await Promise.all([
    twin,
    again ? repeat(world, told, 1) : null,
    follow(world, told, id, 0, cut),
    follow(world, told, id, 1, () => null),
  ]);
  await waitForEnd(world, told, id, 0);
}

async function cancelled(world: World, told: Told): Promise<void> {
  const id = await submit(world, told, 0);
  if (id === null) return;
  // In the midst of it, where the runner learns of it from outside.
  await sleep(400);
  await cancel(world, told, id, 0);
  await Promise.all([follow(world, told, id, 1, () => null), waitForEnd(world, told, id, 0)]);
}
