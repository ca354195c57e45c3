/** Starts the API on `PORT` with the ledger that records nothing, so that the door can be measured from outside. */
import { readConfig } from '../server/src/app/config.ts';
import { start } from '../server/src/app/start.ts';
import { createNullLedger } from './null-ledger.ts';

const running = await start(readConfig(process.cwd(), process.env), { ledger: createNullLedger() });
console.log(`door without a record on ${running.address}`);
process.on('message', (message) => {
  if (message === 'cpu') process.send?.(process.cpuUsage());
});
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => void running.close(0).then(() => process.exit(0)));
