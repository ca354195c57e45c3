/** The command line: `goblin <verb>`. */
import { ConfigError } from './config.ts';

const VERBS: Record<string, { summary: string; run: () => Promise<{ run(args: string[]): Promise<number> }> }> = {
  start: { summary: 'Start the server', run: () => import('./verbs/start.ts') },
};

export async function main(args: string[]): Promise<void> {
  const [name = 'help', ...rest] = args;
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  try {
    if (verb) process.exitCode = await (await verb.run()).run(rest);
    else {
      console.error(`Verbs: ${Object.keys(VERBS).join(', ')}`);
      process.exitCode = 1;
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
