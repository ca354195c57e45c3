/** A process from its start to its exit code: banner, signals, drain. */
import { scrub } from '../guard/secrets/scrub.ts';
import { offerSetup } from '../identity/setup.ts';
import { banner } from './banner.ts';
import type { Config } from './config.ts';
import { type Running, refuseInProcess, type StartOptions, start } from './start.ts';

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Runs until it is told to stop; a second signal does not wait. Throws `ConfigError` when it cannot start. */
export async function serve(config: Config, options: StartOptions = {}): Promise<number> {
  refuseInProcess(config, options.role ?? 'all');
  let running: Running | null = null;
  let closing = false;
  const over = new Promise<number>((resolve) => {
    for (const [name, code] of Object.entries(SIGNALS)) {
      process.on(name, () => {
        // Whatever a start that is under way has done survives its end, as it would survive a kill.
        if (!running || closing) process.exit(closing ? 1 : code);
        closing = true;
        running.close().then(
          () => resolve(0),
          (error: unknown) => {
            console.error(scrub(String(error)));
            resolve(1);
          },
        );
      });
    }
  });
  running = await start(config, options);
  const { sql } = running.house;
  const asksWho = config.auth === 'required' && options.role !== 'worker';
  // The next start offers one if the record is away now.
  const setup = asksWho && sql ? await offerSetup(sql).catch(() => null) : null;
  console.log(banner(config, running, setup));
  return await over;
}
