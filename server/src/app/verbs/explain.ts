/** `goblin explain`: where a request could go, why, what each attempt came to, and what it cost. */
import { type Config, readConfig } from '../config.ts';
import { columns, type Input, type Verb, VerbError } from './flags.ts';
import { reachServer } from './link.ts';
import { requestOf, TENANT_FLAG } from './request-of.ts';

export const verb: Verb = {
  name: 'explain',
  usage: '<request id>',
  about:
    'Says how a request was routed: the plan with its reasons, what was left out and why, every attempt, the trail.',
  words: { most: 1 },
  flags: { tenant: TENANT_FLAG, json: { help: 'print it as JSON' } },
  examples: ['npm run goblin -- explain 0199c2f4-5a7e-7c1e-9a53-3f1f2b6d8e01'],
  run,
};

interface Choice {
  provider: string;
  model: string;
  reason: string;
}

interface Told {
  request_id: string;
  status: string;
  mode: string;
  task_type: string;
  model: string | null;
  created_at: string;
  finished_at: string | null;
  estimated_cost_usd: number | null;
  cost_usd: number | null;
  error: { code: string; message: string } | null;
  plan: {
    targets: Choice[];
    dropped: Choice[];
    policy?: { versions: string[]; by: string[]; reason?: string; redact?: boolean };
  } | null;
  attempts: (Choice & {
    attempt: number;
    status: string;
    key?: string;
    first_token_ms: number | null;
    latency_ms: number | null;
    usage: { input_tokens: number; output_tokens: number; source: string } | null;
    cost_usd: number | null;
    error: { code: string; message: string; upstream_status?: number } | null;
  })[];
}

interface Trail {
  items: { at: string; type: string; payload: Record<string, unknown> }[];
}

/**
 * The record is read where no server runs too, and without the keys that goblin.yaml names: nobody is called, and no work
 * is taken from the queue.
 */
function readingOnly(config: Config): Config {
  return { ...config, settings: { ...config.settings, providers: {}, localServers: false, runningPerWorker: 0 } };
}

async function run(input: Input): Promise<number> {
  const [id] = input.words;
  if (id === undefined) throw new VerbError('Which request? Give its id, as in: goblin explain <request id>');
  const link = await reachServer(readingOnly(readConfig(process.cwd(), process.env)));
  try {
    const told = await requestOf<Told>(link, input, id);
    const trail = await requestOf<Trail>(link, input, id, '/events');
    console.log(input.on('json') ? JSON.stringify({ ...told, events: trail.items }, null, 2) : say(told, trail));
  } finally {
    await link.close();
  }
  return 0;
}

/** Text of callers and vendors goes to a terminal: it must not steer it. */
const plain = (text: string): string => text.replace(/\p{Cc}/gu, ' ');
const name = (of: Choice): string => plain(`${of.provider}/${of.model}`);
const usd = (amount: number | null): string => (amount === null ? 'not known' : `${amount} USD`);

function say(told: Told, trail: Trail): string {
  const lines = [
    `${told.request_id} is ${told.status}${told.error ? `: ${told.error.code}, ${plain(told.error.message)}` : ''}`,
    ...columns([
      [
        '  asked for',
        `${plain(told.model ?? 'auto')}, task type ${told.task_type}, ${told.mode}, at ${told.created_at}`,
      ],
      ['  cost', `${usd(told.cost_usd)}, estimated ${usd(told.estimated_cost_usd)}`],
    ]),
    '',
  ];
  if (told.plan) {
    lines.push('Plan, in order:');
    lines.push(...columns(told.plan.targets.map((one, n) => [`  ${n + 1}. ${name(one)}`, plain(one.reason)])));
    if (told.plan.policy) lines.push(`Policies: ${policies(told.plan.policy)}`);
    if (told.plan.dropped.length > 0) {
      lines.push('Left out:');
      lines.push(...columns(told.plan.dropped.map((one) => [`  ${name(one)}`, plain(one.reason)])));
    }
  } else lines.push(told.attempts.length === 0 ? 'No plan yet.' : 'Plan: there was one target only.');
  lines.push('', told.attempts.length === 0 ? 'No attempts.' : 'Attempts:');
  lines.push(...columns(told.attempts.map((one) => [`  ${one.attempt}. ${name(one)}`, attempt(one)])));
  lines.push('', 'Trail:');
  lines.push(
    ...columns(trail.items.map(({ at, type, payload }) => [`  ${at}  ${type}`, plain(JSON.stringify(payload))])),
  );
  return lines.join('\n');
}

function policies({ versions, by, reason, redact }: NonNullable<NonNullable<Told['plan']>['policy']>): string {
  const facts = [versions.map(plain).join(', ')];
  if (by.length > 0) facts.push(`decided by ${by.map(plain).join(', ')}`);
  if (redact) facts.push('what the scanner finds is replaced');
  if (reason) facts.push(`because: ${plain(reason)}`);
  return facts.join('; ');
}

function attempt(one: Told['attempts'][number]): string {
  const facts = [one.status];
  if (one.error) facts.push(`${one.error.code}${one.error.upstream_status ? ` (${one.error.upstream_status})` : ''}`);
  if (one.key) facts.push(`key ${plain(one.key)}`);
  if (one.first_token_ms !== null) facts.push(`first token ${one.first_token_ms} ms`);
  if (one.latency_ms !== null) facts.push(`${one.latency_ms} ms in all`);
  if (one.usage) {
    const { input_tokens, output_tokens, source } = one.usage;
    facts.push(`${input_tokens} + ${output_tokens} tokens ${source}`);
  }
  facts.push(usd(one.cost_usd), `because: ${plain(one.reason)}`);
  return facts.join(', ');
}
