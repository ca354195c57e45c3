// `npm run bench [-- name …]`: all benchmarks, or those named. `npm run bench:door` only starts the door to be measured.
import { spawnSync } from 'node:child_process';

const all = [
  'door',
  'detached',
  'recorded',
  'start',
  'streams',
  'memory',
  'spread',
  'cross',
  'plan',
  'scan',
  'screen',
  'admission',
  'allowance',
];
const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : all) {
  if (name !== 'serve-door' && !all.includes(name)) {
    console.error(`There is no benchmark ${name}; there are ${all.join(', ')}.`);
    process.exit(1);
  }
  if (name === 'serve-door') {
    await import('./serve-door.ts');
    break;
  }
  console.log(`\n== ${name}`);
  const { status } = spawnSync(process.execPath, [new URL(`./${name}.ts`, import.meta.url).pathname], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}
