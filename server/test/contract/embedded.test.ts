/** The embedded drivers against the suites of their ports. */
import { join } from 'node:path';
import { createMemoryBus } from '../../src/drivers/memory-bus.ts';
import { createMemoryQueue } from '../../src/drivers/memory-queue.ts';
import { openPglite } from '../../src/drivers/pglite.ts';
import { tempFolder } from '../support/server.ts';
import { sqlConformance } from './suites/sql.ts';
import { busConformance, queueConformance } from './suites/wake.ts';

sqlConformance('pglite', () => openPglite(join(tempFolder(), 'sql')));
queueConformance('memory', async () => createMemoryQueue());
busConformance('memory', async () => createMemoryBus());
