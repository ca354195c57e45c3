/** The command line: `goblin <verb>`. Verbs are imported when they are called, so that help comes at once. */
import { columns, helpOf, near, readFlags, type Verb, VerbError } from './verbs/flags.ts';

const VERBS: Record<string, { summary: string; load(): Promise<{ verb: Verb }> }> = {
  start: { summary: 'start the server: API and worker in one process', load: () => import('./verbs/start.ts') },
  api: { summary: 'start an API alone (PostgreSQL and Redis)', load: () => import('./verbs/api.ts') },
  worker: { summary: 'start a worker alone (PostgreSQL and Redis)', load: () => import('./verbs/worker.ts') },
  migrate: { summary: 'bring a PostgreSQL database up to date', load: () => import('./verbs/migrate.ts') },
  copy: {
    summary: 'move everything from an embedded folder to PostgreSQL, or back',
    load: () => import('./verbs/copy.ts'),
  },
  ask: { summary: 'ask a model, and see the answer as it comes', load: () => import('./verbs/ask.ts') },
  doctor: { summary: 'check configuration, data and every provider', load: () => import('./verbs/doctor.ts') },
  config: { summary: 'print every setting and where it came from', load: () => import('./verbs/config.ts') },
  explain: { summary: 'say how a request was routed, and what came of it', load: () => import('./verbs/explain.ts') },
  receipt: { summary: 'print the signed receipt of a request', load: () => import('./verbs/receipt.ts') },
  'verify-audit': {
    summary: 'check that the audit trail is as it was written',
    load: () => import('./verbs/verify-audit.ts'),
  },
  breaker: {
    summary: 'look at breakers of providers, set them by hand, and try resting keys again',
    load: () => import('./verbs/breaker.ts'),
  },
  drill: {
    summary: 'let a provider fail for one API key, and see what is saved',
    load: () => import('./verbs/drill.ts'),
  },
  policy: {
    summary: 'look at policies, check and set them, and try them on past requests',
    load: () => import('./verbs/policy.ts'),
  },
  rules: {
    summary: 'look at what the scanner looks for, and set rules and actions',
    load: () => import('./verbs/rules.ts'),
  },
  secret: { summary: 'seal the record anew after MCP_SECRET was changed', load: () => import('./verbs/secret.ts') },
  provider: { summary: 'set, list and remove keys of vendors', load: () => import('./verbs/provider.ts') },
  key: { summary: 'make, list, import and revoke API keys', load: () => import('./verbs/key.ts') },
  user: { summary: 'make, list and change accounts', load: () => import('./verbs/user.ts') },
  team: { summary: 'make teams, and say who is in them', load: () => import('./verbs/team.ts') },
  tenant: { summary: 'make, list and close tenants', load: () => import('./verbs/tenant.ts') },
  simulate: {
    summary: 'run the simulator alone, as a vendor to test against',
    load: () => import('./verbs/simulate.ts'),
  },
};

export async function main(args: string[]): Promise<void> {
  try {
    process.exitCode = await run(args);
  } catch (error) {
    const sentence = await sentenceOf(error);
    if (sentence === null) throw error;
    console.error(sentence);
    process.exitCode = 1;
  }
}

async function run([first = 'help', ...rest]: string[]): Promise<number> {
  if (first === '--version' || first === 'version') {
    const { VERSION } = await import('./version.ts');
    console.log(VERSION);
    return 0;
  }
  const asksHelp = first === 'help' || first === '--help' || first === '-h';
  const name = asksHelp ? rest.find((arg) => !arg.startsWith('-')) : first;
  if (name === undefined) {
    console.log(overview());
    return 0;
  }
  const entry = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (!entry) throw new VerbError(unknownVerb(name));
  const { verb } = await entry.load();
  const end = rest.indexOf('--');
  const flags = end < 0 ? rest : rest.slice(0, end);
  if (asksHelp || flags.includes('--help') || flags.includes('-h')) {
    console.log(helpOf(verb));
    return 0;
  }
  return await verb.run(readFlags(verb, rest));
}

function unknownVerb(name: string): string {
  const names = [...Object.keys(VERBS), 'help'];
  const close = near(name.replace(/^-+/, ''), names);
  const meant = close.length > 0 ? `did you mean ${close.join(' or ')}?` : `there are ${names.join(', ')}.`;
  return `"${name}" is not a verb of goblin; ${meant}`;
}

function overview(): string {
  const rows = Object.entries(VERBS).map(([name, { summary }]): [string, string] => [name, summary]);
  return [
    'goblin <verb> [flags]     (npm run goblin -- <verb> [flags])',
    '',
    ...columns([...rows, ['help <verb>', 'what a verb takes; also <verb> --help']]).map((line) => `  ${line}`),
    '',
    'For example:',
    '  npm run goblin -- ask "What is a goblin?"',
  ].join('\n');
}

/** What is wrong, for an error that somebody can do something about; null for ours. */
async function sentenceOf(error: unknown): Promise<string | null> {
  if (error instanceof VerbError) return error.message;
  const [{ ConfigError }, { GoblinError }] = await Promise.all([
    import('./config.ts'),
    import('../contract/errors.ts'),
  ]);
  if (error instanceof ConfigError) return error.message;
  return error instanceof GoblinError && error.code !== 'internal' ? error.detail : null;
}
