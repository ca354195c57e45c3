/** `goblin api`: takes requests and streams answers; the work is done by workers. */
import { partVerb } from './part.ts';

export const verb = partVerb('api');
