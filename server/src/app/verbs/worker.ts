/** `goblin worker`: runs what others have taken; answers only /healthz and /readyz. */
import { partVerb } from './part.ts';

export const verb = partVerb('worker');
