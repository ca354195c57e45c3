/** `goblin start`: everything in one process, until it is told to stop. */
import { readConfig } from '../config.ts';
import type { Verb } from './flags.ts';

export const verb: Verb = {
  name: 'start',
  usage: '',
  about:
    'Starts the server: API and worker in one process, until Ctrl-C (a second one does not wait).\n' +
    'It is configured by the environment, .env and goblin.yaml; "goblin config" prints what holds.',
  words: { most: 0 },
  flags: {},
  examples: ['npm start', 'PORT=9000 npm start'],
  run,
};

async function run(): Promise<number> {
  const config = readConfig(process.cwd(), process.env);
  const [{ start }, { banner }] = await Promise.all([import('../start.ts'), import('../banner.ts')]);
  const running = await start(config);
  console.log(banner(config, running));
  return await new Promise((resolve) => {
    let stopping = false;
    const stop = () => {
      // A second signal does not wait.
      if (stopping) process.exit(1);
      stopping = true;
      running.close().then(
        () => resolve(0),
        (error: unknown) => {
          console.error(String(error));
          resolve(1);
        },
      );
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}
