/** `goblin start`: everything in one process, until it is told to stop. */
import { partVerb } from './part.ts';

export const verb = partVerb('all');
