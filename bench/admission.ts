/**
 * Admission of a prompt of 1 kB with everything on and its caches warm, in processor time of the thread that does it: the
 * key, the scanner, policies, the plan, limits, budgets. A server as it is started, with its embedded database.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../server/src/app/config.ts';
import { openIdentity } from '../server/src/app/identity.ts';
import { start } from '../server/src/app/start.ts';
import type { Caller } from '../server/src/contract/caller.ts';
import type { Submission } from '../server/src/contract/flow.ts';
import { createHeld } from '../server/src/edge/held.ts';

const ROUNDS = 10_000;
const ID = '0190163e-1b1c-7000-818a-30a256058122';
const CEDAR = `@id("nights") @reason("only local models at night")
forbid (principal, action, resource) when { context.hour >= 25 && !resource.local };
permit (principal, action, resource) when { context.data_class != "top" };`;

const folder = mkdtempSync(join(tmpdir(), 'goblin-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const everything = {
  policies: [{ id: 'bench', cedar: CEDAR }],
  limits: [
    { scope: 'tenant', requests_per_minute: 1e9, tokens_per_minute: 1e12 },
    { scope: 'key', requests_per_minute: 1e9, concurrent: 1e6 },
  ],
  budgets: {
    list: [
      { scope: 'tenant', period: 'month', hard_usd: 1e6 },
      { scope: 'key', period: 'month', hard_usd: 1e6 },
    ],
  },
};

const text = 'Please summarise the letter below in two sentences. '.repeat(20).slice(0, 1000);
const submission = (): Submission => ({
  ...{ kind: 'answer', mode: 'attached', taskType: 'chat', hints: [], priority: 5, userId: 'u', notBefore: null },
  ...{
    deadlineMs: null,
    failover: null,
    callbackUrl: null,
    labels: { team: 'letters' },
    metadata: null,
    idempotency: null,
  },
  call: {
    ...{ kind: 'answer', model: 'openai/gpt-4o-mini', maxTokens: 500 },
    messages: [{ role: 'user', content: [{ type: 'text', text }] }],
  },
});

async function measure(name: string, settings: Record<string, unknown>): Promise<void> {
  const file = join(folder, `${name.replaceAll(/\W/g, '-')}.yaml`);
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ local_servers: false, ...settings }));
  const env = {
    ...{ MCP_CONFIG: file, MCP_DATA_DIR: `${file}.data`, MCP_AUTH: 'required', PORT: '0', LOG_LEVEL: 'error' },
    // Nothing is called: a request that was let in ends at once.
    ...{ OPENAI_API_KEY: 'bench', OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' },
  };
  const running = await start(readConfig(folder, env));
  const { house } = running;
  const made = await fetch(`${running.address}/mcp/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${running.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ tenant: 'default', name: 'bench' }),
  });
  if (!made.ok) throw new Error(`no key: ${made.status} ${await made.text()}`);
  const headers = { authorization: `Bearer ${((await made.json()) as { key: string }).key}` };
  const { identify, close } = await openIdentity(house, running.token, createHeld(), () => undefined);

  async function once(): Promise<void> {
    const known = identify(headers);
    const caller: Caller = known instanceof Promise ? await known : known;
    const shielding = house.admission.shield(caller, submission(), ID);
    const shielded = shielding instanceof Promise ? await shielding : shielding;
    const admitting = house.admission.admit(caller, shielded, ID);
    const admitted = admitting instanceof Promise ? await admitting : admitting;
    if (admitted.plan.targets.length !== 1) throw new Error('the plan has a target');
    const { entry } = admitted;
    if (entry) {
      entry.recorded();
      entry.end(700);
      entry.settled(ID);
    }
  }

  const round = async () => {
    const before = process.threadCpuUsage();
    for (let n = 0; n < ROUNDS; n++) {
      await once();
      // Others get their turn, as between requests.
      if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / ROUNDS;
  };
  await round();
  const times: number[] = [];
  for (let n = 0; n < 7; n++) times.push(await round());
  times.sort((a, b) => a - b);
  console.log(
    `${name.padEnd(50)} ${(times[3] as number).toFixed(2).padStart(6)} µs (best ${(times[0] as number).toFixed(2)})`,
  );
  close();
  await running.close(0);
}

await measure('key and plan', { secrets: { enabled: false } });
await measure('key, plan, scanner', {});
await measure('key, plan, policies', { secrets: { enabled: false }, policies: everything.policies });
await measure('key, plan, limits', { secrets: { enabled: false }, limits: everything.limits });
await measure('key, plan, budgets', { secrets: { enabled: false }, budgets: everything.budgets });
await measure('everything but the scanner', { secrets: { enabled: false }, ...everything });
await measure('everything', everything);
process.exit(0);
