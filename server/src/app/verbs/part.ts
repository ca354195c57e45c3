/** What `start`, `api` and `worker` have in common: a process that runs until it is told to stop. */
import type { ProcessKind } from '../../ledger/processes.ts';
import { readConfig } from '../config.ts';
import type { Verb } from './flags.ts';

const CONFIGURED =
  'It is configured by the environment, .env and goblin.yaml; "goblin config" prints what holds.\n' +
  'Ctrl-C or SIGTERM lets what runs come to its end, hands the rest back, and stops; a second one does not wait.';

const TEXTS: Record<ProcessKind, { name: string; about: string; examples: readonly string[] }> = {
  all: {
    name: 'start',
    about: `Starts the server: API and worker in one process.\n${CONFIGURED}`,
    examples: ['npm start', 'PORT=9000 npm start'],
  },
  api: {
    name: 'api',
    about: `Starts an API without a worker: any number of them, behind any load balancer. Needs DATABASE_URL and REDIS_URL.\n${CONFIGURED}`,
    examples: ['npm run api', 'npm run api -- --share-port'],
  },
  worker: {
    name: 'worker',
    about: `Starts a worker: any number of them. Needs DATABASE_URL and REDIS_URL. It answers /healthz and /readyz, on PORT if\nthat is set, else on any free port, which it prints.\n${CONFIGURED}`,
    examples: ['npm run worker', 'PORT=9001 npm run worker'],
  },
};

export function partVerb(role: ProcessKind): Verb {
  const { name, about, examples } = TEXTS[role];
  return {
    name,
    usage: '[--share-port]',
    about,
    words: { most: 0 },
    flags: {
      'share-port': {
        help: 'several processes of this machine listen on one port, and the system deals them the calls',
      },
    },
    examples,
    async run(input) {
      const config = readConfig(process.cwd(), process.env);
      const { serve } = await import('../process.ts');
      return await serve(config, { role, sharePort: input.on('share-port') });
    },
  };
}
