/**
 * Makes the folder of a first start, in a process of its own: the 200 MB that this takes go back with it. It is made
 * beside and moved into place, so that a kill in the middle leaves nothing half made.
 */
import { rename, rm } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import { dataDir } from '@electric-sql/pglite-prepopulatedfs';
import { PGLITE_START } from './pglite-start.ts';

const folder = process.argv[2];
if (folder === undefined) throw new Error('pglite-make needs the folder to make');
const making = `${folder}.making`;
await rm(making, { recursive: true, force: true });
const first = await PGlite.create({ dataDir: making, loadDataDir: await dataDir(), startParams: PGLITE_START });
await first.close();
await rename(making, folder);
process.exit(0);
