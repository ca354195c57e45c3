#!/usr/bin/env node
// `npm run chaos -- --seed 1 --requests 10000 --faults 200 [--minutes 10]`, and `npm run chaos -- soak --minutes 30`.
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    requests: { type: 'string', default: '10000' },
    faults: { type: 'string', default: '200' },
    minutes: { type: 'string' },
    rate: { type: 'string', default: '15' },
  },
});

const whole = (name, least) => {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < least) {
    console.error(`--${name} takes a whole number from ${least}, e.g. --${name} ${Math.max(least, 10)}`);
    process.exit(1);
  }
  return value;
};
const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
if (minutes !== undefined && !(minutes > 0)) {
  console.error('--minutes takes a number above 0, e.g. --minutes 10');
  process.exit(1);
}
const say = (line) => console.log(line);

if (positionals[0] === 'soak') {
  const { soak } = await import('./soak.ts');
  const flat = await soak({ minutes: minutes ?? 30, rate: whole('rate', 1), seed: whole('seed', 0), say });
  process.exit(flat ? 0 : 1);
}
if (positionals.length > 0) {
  console.error(`"${positionals[0]}" is not known here; there is soak, and the chaos run without a word.`);
  process.exit(1);
}
const { chaos } = await import('./run.ts');
const { lines, violations } = await chaos({
  seed: whole('seed', 0),
  requests: whole('requests', 1),
  faults: whole('faults', 1),
  ...(minutes === undefined ? {} : { minutes }),
  say,
});
console.log(`\n${lines.join('\n')}`);
process.exit(violations.length === 0 ? 0 : 1);
