/** `goblin start`: everything in one process, until it is told to stop. */
import { readConfig } from '../config.ts';
import { start } from '../start.ts';
import { banner } from '../banner.ts';

export async function run(): Promise<number> {
  const config = readConfig(process.cwd(), process.env);
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
