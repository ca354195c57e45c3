/** The trail told to the outside, over the embedded database. In a file of its own: one PGlite in a process at a time. */
import { join } from 'node:path';
import { openEmbedded } from '../../src/app/open.ts';
import { tempFolder } from '../support/server.ts';
import { trailStreamConformance } from './suites/trail-stream.ts';

trailStreamConformance('pglite', () => openEmbedded(join(tempFolder(), 'db'), 'goblin all test'));
