// Runs every check and test, the cheapest first, and stops at the first kind that fails. `--fast` leaves out the slow ones.
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureServices } from './services.mjs';

const fast = process.argv.includes('--fast');
const bin = (name) => `node_modules/.bin/${name}`;

const steps = [
  ['types', bin('tsc'), ['--noEmit', '-p', '.']],
  ['format and lint', bin('biome'), ['check', '--error-on-warnings', '.']],
  ...(fast
    ? []
    : [
        ['import directions', bin('depcruise'), ['--config', '.dependency-cruiser.cjs', 'server/src', 'bench']],
        ['dead code', bin('knip'), []],
      ]),
];

const started = performance.now();
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

for (const [name, command, args] of steps) {
  const began = performance.now();
  process.stdout.write(`${name} … `);
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) {
    console.log(`FAILED after ${seconds(began)}\n${stdout}${stderr}`);
    process.exit(1);
  }
  console.log(`ok, ${seconds(began)}`);
}

const kinds = fast ? ['unit'] : ['unit', 'contract', 'flow'];
const found = kinds.flatMap((kind) => globSync(`server/test/${kind}/**/*.test.ts`).sort());
// Without the services, the files that start them are left out, and said aloud.
const services = fast || ensureServices();
const files = services
  ? found
  : found.filter((file) => !/support\/(services|cluster)\.ts/.test(readFileSync(file, 'utf8')));
if (files.length < found.length) console.log(`SKIPPED: ${found.length - files.length} test files that need services`);
console.log(`tests: ${kinds.join(', ')} (${files.length} files)`);
// Those that measure how soon something happens while much is killed have the machine to themselves.
const ALONE = /flow\/(chaos|spread-(leases|fairness|cancel|redis-away|database-away))\.test\.ts$/;
// Long ones that wait most of the time: for leases, breakers, vendors.
const LONG = /flow\/(crash-(points|budgets)|fault-table|outage(-spread)?|resume|spread-(late|rest))\.test\.ts$/;
const compiled = join(tmpdir(), 'node-compile-cache');

/** Runs files of tests, so many at a time; answers the exit code. */
function run(list, atOnce) {
  if (list.length === 0) return 0;
  const { status } = spawnSync(
    process.execPath,
    ['--test', '--test-reporter=spec', '--test-timeout=600000', `--test-concurrency=${atOnce}`, ...list],
    // How long a call to a vendor may go on after its end, at most: a machine of tests is slower than one that serves.
    // What Node has made of a source file once, the next three hundred processes read.
    {
      stdio: 'inherit',
      env: { NODE_COMPILE_CACHE: compiled, ...process.env, NODE_OPTIONS: '', GOBLIN_SLACK_MS: '3000' },
    },
  );
  return status ?? 1;
}
const group = (file) => (ALONE.test(file) ? 'alone' : LONG.test(file) ? 'long' : 'rest');
const groups = Map.groupBy(files, group);
// Most of them wait for clocks, vendors and services: four at a time keep two cores busy.
const AT_ONCE = { rest: 4, long: 3, alone: 1 };
const codes = Object.entries(AT_ONCE).map(([name, atOnce]) => run(groups.get(name) ?? [], atOnce));
console.log(`all of it took ${seconds(started)}`);
process.exit(codes.find((code) => code !== 0) ?? 0);
