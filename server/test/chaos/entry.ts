/** A process of the control plane as a test starts it: `node entry.ts all|api|worker`, with the crash points of `GOBLIN_CHAOS_FAULT`. */
import module from 'node:module';

module.enableCompileCache?.();
const [{ readConfig }, { serve }, { crashPoints }] = await Promise.all([
  import('../../src/app/config.ts'),
  import('../../src/app/process.ts'),
  import('./points.ts'),
]);

const role = process.argv[2];
const file = process.env.GOBLIN_CHAOS_FAULT;
if ((role !== 'all' && role !== 'api' && role !== 'worker') || !file) {
  throw new Error('usage: GOBLIN_CHAOS_FAULT=<file> node entry.ts all|api|worker');
}
process.exitCode = await serve(readConfig(process.cwd(), process.env), { role, wrap: crashPoints(file) });
