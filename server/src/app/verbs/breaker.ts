/** `goblin breaker`: the breakers of targets and the keys that rest, of the running server; and what is set by hand. */
import { readConfig } from '../config.ts';
import { columns, type Input, near, type Verb, VerbError } from './flags.ts';
import { bodyOf, type Link, reachServer } from './link.ts';

interface Rest {
  provider: string;
  key: string | null;
  model: string | null;
  reason: string;
}

interface Target {
  provider: string;
  model: string | null;
  state: string;
  reason: string;
  load: number;
  error_rate: number;
  rests: Rest[];
  notice?: string;
}

const STATES = ['open', 'closed', 'auto'];
const ACTIONS = ['list', ...STATES, 'reset'];

export const verb: Verb = {
  name: 'breaker',
  usage: '[list] | open | closed | auto <provider/model> | reset [provider]',
  about: [
    'list      shows every target that was asked, its breaker, and the keys that rest (default).',
    'open      keeps calls away from a target; closed lets them through, whatever happens; auto takes either back.',
    'reset     tries keys again that were refused or used up: all, or those of a provider.',
  ].join('\n'),
  words: { most: 2 },
  flags: {
    minutes: { value: 'n', from: 1, help: 'with open and closed: for so long, then auto' },
    key: { value: 'id', help: 'with reset: this key of the provider alone' },
  },
  examples: [
    'npm run goblin -- breaker',
    'npm run goblin -- breaker open openai/gpt-4o-mini --minutes 30',
    'npm run goblin -- breaker reset openai',
  ],
  run,
};

async function run(input: Input): Promise<number> {
  const [action = 'list', name] = input.words;
  if (!ACTIONS.includes(action)) {
    const close = near(action, ACTIONS);
    const meant = close.length > 0 ? `did you mean ${close.join(' or ')}?` : `there are ${ACTIONS.join(', ')}.`;
    throw new VerbError(`goblin breaker: "${action}" is not known; ${meant}`);
  }
  const sets = action === 'open' || action === 'closed';
  if (input.on('minutes') && !sets) throw new VerbError(`goblin breaker ${action} does not take --minutes.`);
  if (input.on('key') && action !== 'reset') throw new VerbError(`goblin breaker ${action} does not take --key.`);
  if (action === 'list' && name !== undefined)
    throw new VerbError(`goblin breaker list: "${name}" is one word too many.`);
  const link = await reachServer(readConfig(process.cwd(), process.env));
  try {
    if (action === 'list') await list(link);
    else if (action === 'reset') await reset(link, name, input.text('key'));
    else await set(link, action, name, input.number('minutes'));
  } finally {
    await link.close();
  }
  return 0;
}

/** Names and reasons go to a terminal: they must not steer it. */
const plain = (text: string): string => text.replace(/\p{Cc}/gu, ' ');
const keyOf = ({ provider, key, model }: Rest): string =>
  plain(`${key === null ? `the key of ${provider}` : `${provider} ${key}`}${model === null ? '' : `, for ${model}`}`);

async function list(link: Link): Promise<void> {
  const { providers } = await bodyOf<{ providers: Target[] }>(await link.call('/mcp/v1/admin/metrics'));
  const rows = providers.map((one) => [
    plain(one.model === null ? one.provider : `${one.provider}/${one.model}`),
    one.state,
    `${Math.round(one.error_rate * 100)} % failed`,
    `${one.load} running`,
    plain(one.reason),
  ]);
  console.log(columns([['target', 'breaker', 'lately', 'load', 'because'], ...rows]).join('\n'));
  const rests = new Map(providers.flatMap((one) => one.rests.map((rest) => [keyOf(rest), plain(rest.reason)])));
  if (rests.size > 0)
    console.log(['', 'Keys that rest:', ...columns([...rests].map(([key, why]) => [`  ${key}`, why]))].join('\n'));
}

async function set(link: Link, state: string, target: string | undefined, minutes: number | undefined): Promise<void> {
  const slash = target?.indexOf('/') ?? -1;
  if (target === undefined || slash <= 0 || slash === target.length - 1) {
    throw new VerbError(`goblin breaker ${state}: name the target as provider/model, e.g. openai/gpt-4o-mini.`);
  }
  const body = {
    provider: target.slice(0, slash),
    model: target.slice(slash + 1),
    state,
    ...(minutes === undefined ? {} : { minutes }),
  };
  const now = await bodyOf<Target>(await link.call('/mcp/v1/admin/breakers', { method: 'POST', body }));
  console.log(`${target} is ${now.state}: ${plain(now.reason)}`);
  if (now.notice) console.error(plain(now.notice));
}

async function reset(link: Link, provider: string | undefined, key: string | undefined): Promise<void> {
  if (key !== undefined && provider === undefined) {
    throw new VerbError(
      'goblin breaker reset: say whose key it is, e.g. goblin breaker reset openai --key OPENAI_KEY_A',
    );
  }
  const body = { ...(provider === undefined ? {} : { provider }), ...(key === undefined ? {} : { key }) };
  const said = await bodyOf<{ reset: Rest[] }>(await link.call('/mcp/v1/admin/keys/reset', { method: 'POST', body }));
  if (said.reset.length === 0) console.log('No key rested.');
  for (const rest of said.reset) console.log(`${keyOf(rest)} is tried again.`);
}
