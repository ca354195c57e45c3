/** Erasure over the embedded database. In a file of its own: one PGlite in a process at a time, as in the program. */
import { join } from 'node:path';
import { openEmbedded } from '../../src/app/open.ts';
import { tempFolder } from '../support/server.ts';
import { erasureConformance } from './suites/erasure.ts';

erasureConformance('pglite', () => openEmbedded(join(tempFolder(), 'db'), 'goblin all test'));
