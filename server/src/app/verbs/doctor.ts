/** `goblin doctor`: is everything there that a start needs, and does every provider answer? */
import { accessSync, constants, existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { LOCAL_VENDORS } from '../../catalogue/vendors.ts';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { FolderHeld, readNote } from '../folder.ts';
import { severalKeys, tryKeys } from './doctor-keys.ts';
import { candidates } from './doctor-models.ts';
import { checkRecord, metricsOf, type Say } from './doctor-record.ts';
import { type Verb, VerbError } from './flags.ts';
import { bodyOf, type Link, reachServer, sentenceOf } from './link.ts';
import { configuredLines, type ProviderLine } from './provider-report.ts';

export const verb: Verb = {
  name: 'doctor',
  usage: '',
  about:
    'Checks Node, the configuration, the data folder, the database, and every provider with one call of 16 tokens at\n' +
    'most, and one more with each key where it has several. Exit code 0 when all that is configured works, else 1.',
  words: { most: 0 },
  flags: {},
  examples: ['npm run goblin -- doctor'],
  run,
};

const AT_ONCE = 4;
const CALL_MS = 20_000;
/** What a provider that works says of a model that it does not offer us. */
const OF_THE_MODEL = ['upstream_unknown_model', 'upstream_forbidden', 'upstream_rejected'];
const ASK = { messages: [{ role: 'user', content: 'Say ok.' }], max_tokens: 16 };

async function run(): Promise<number> {
  // Through `exit`, which takes the note of a server of our own away.
  process.on('SIGINT', () => process.exit(130));
  process.on('SIGTERM', () => process.exit(143));
  let failures = 0;
  let warnings = 0;
  const say: Say = (verdict, what, text) => {
    if (verdict === 'FAIL') failures++;
    if (verdict === 'warn') warnings++;
    console.log(`${verdict.padEnd(5)} ${what.padEnd(14)} ${text}`);
  };
  await examine(say);
  const things = (n: number, one: string) => `${n} ${one}${n === 1 ? '' : 's'}`;
  console.log(
    failures > 0
      ? `\n${things(failures, 'thing')} configured here ${failures === 1 ? 'is' : 'are'} broken.`
      : `\nAll that is configured works${warnings > 0 ? `; ${things(warnings, 'warning')}` : ''}.`,
  );
  return failures > 0 ? 1 : 0;
}

async function examine(say: Say): Promise<void> {
  say('ok', 'node', `${process.versions.node} on ${process.platform} ${process.arch}`);
  let config: Config;
  let lines: ProviderLine[];
  let keyed: ReturnType<typeof severalKeys>;
  const { isOwnAddress } = await import('../start.ts');
  try {
    config = readConfig(process.cwd(), process.env);
    lines = configuredLines(config, (url) => isOwnAddress(url, config));
    keyed = severalKeys(config, (url) => isOwnAddress(url, config));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    say('FAIL', 'configuration', error.message);
    return;
  }
  const providers = lines.length === 1 ? '1 provider' : `${lines.length} providers`;
  const file = config.settingsFile ?? 'no goblin.yaml';
  say('ok', 'configuration', `of this shell and folder: ${file}, ${providers} switched on, access ${config.auth}`);
  for (const place of config.writtenSecrets) {
    say(
      'warn',
      'configuration',
      `${place} in ${config.settingsFile} looks like a secret, which whoever reads the file has`,
    );
  }
  if (!checkFolder(config, say)) return;
  const began = performance.now();
  let link: Link;
  try {
    link = await reachServer(config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    say('FAIL', error instanceof FolderHeld ? 'data folder' : 'start', error.message);
    return;
  }
  try {
    const place = link.own ? config.dataDir : `${config.dataDir}, held by ${holder(config, link)}`;
    say('ok', 'data folder', place);
    if (link.own) await checkPort(config, say);
    if (!(await checkRecord(link, performance.now() - began, say))) {
      // Their calls would wait for the database, and time would run out on providers that are well.
      say('warn', 'providers', 'not asked: the server lets no call out while its database is away');
      return;
    }
    const answered = await checkProviders(config, lines, link, say);
    for (const [name, provider] of keyed) {
      const model = answered.get(name);
      if (model === undefined) continue;
      for (const { key, ok, text } of await tryKeys(config, provider, model)) {
        say(ok ? 'ok' : 'FAIL', name, `${key}  ${text}`);
      }
    }
  } catch (error) {
    // `fetch` says no more than that it failed.
    say('FAIL', 'server', error instanceof VerbError ? error.message : 'it broke the connection; look into its log.');
  } finally {
    await link.close();
  }
}

function holder(config: Config, link: Link): string {
  const note = readNote(config.dataDir);
  return `the running server (${note ? `process ${note.pid}, ` : ''}${link.address}), which is asked, with a configuration of its own`;
}

/** Only what would go wrong: what is right is said once it is known who holds it. */
function checkFolder({ dataDir }: Config, say: Say): boolean {
  let place = dataDir;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  try {
    accessSync(place, constants.R_OK | constants.W_OK | constants.X_OK);
    return true;
  } catch {
    const why = place === dataDir ? 'this user may not write there' : `this user may not make it in ${place}`;
    say('FAIL', 'data folder', `${dataDir}: ${why}; choose another with MCP_DATA_DIR, e.g. MCP_DATA_DIR=./data.`);
    return false;
  }
}

/** Whether a start could listen where it is told to. */
async function checkPort({ host, port }: Config, say: Say): Promise<void> {
  const place = `${host}:${port}`;
  const server = createServer();
  const problem = await new Promise<string | null>((resolve) => {
    server.once('error', (error: { code?: string }) => resolve(error.code ?? 'unknown reason'));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
  if (problem === null) say('ok', 'port', `${place} is free`);
  else if (problem === 'EADDRINUSE')
    say('FAIL', 'port', `${place} is taken; choose another with PORT, e.g. PORT=8001.`);
  else say('FAIL', 'port', `${place} cannot be listened on (${problem}); change HOST or PORT.`);
}

/** Answers which model of each provider was asked last. */
async function checkProviders(
  config: Config,
  lines: ProviderLine[],
  link: Link,
  say: Say,
): Promise<Map<string, string>> {
  const asked = new Map<string, string>();
  const listed = await bodyOf<{ data: { id: string; owned_by: string }[] }>(await link.call('/v1/models'));
  const metrics = await metricsOf(link);
  // The metrics also name providers of the last minute that are gone by now.
  const names = [
    ...new Set([...metrics.providers.map(({ provider }) => provider), ...listed.data.map((m) => m.owned_by)]),
  ];
  const real = names.filter((name) => name !== 'simulator');
  sayLocal(config, real, say);
  if (real.length === 0) {
    say(
      'warn',
      'providers',
      'none is configured; set a key, e.g. OPENAI_API_KEY, or start a local server, e.g. Ollama',
    );
  }
  for (const line of lines) {
    if (names.includes(line.name)) continue;
    say('FAIL', line.name, 'switched on here, but the running server does not have it; restart the server.');
  }
  const queue = names.map((name) => ({
    name,
    models: candidates(
      name,
      listed.data.filter((model) => model.owned_by === name).map((model) => model.id.slice(name.length + 1)),
      lines.find((line) => line.name === name)?.models ?? [],
    ),
  }));
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const model = await checkProvider(link, next.name, next.models, say);
      if (model !== null) asked.set(next.name, model);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return asked;
}

function sayLocal({ settings }: Config, names: readonly string[], say: Say): void {
  if (!settings.localServers) {
    say('ok', 'local servers', 'not looked for (local_servers: false)');
    return;
  }
  const found = LOCAL_VENDORS.filter((vendor) => names.includes(vendor.name)).map((vendor) => vendor.title);
  const wanted = LOCAL_VENDORS.map((vendor) => `${vendor.title} :${new URL(vendor.baseUrl).port}`).join(', ');
  say('ok', 'local servers', found.length > 0 ? `found ${found.join(', ')}` : `none found (looked for ${wanted})`);
}

/** One call; answers the model that was asked. Where a model is not known there, the next one, because lists of models are never quite true. */
async function checkProvider(link: Link, name: string, models: readonly string[], say: Say): Promise<string | null> {
  const nameless = models.length === 0;
  let last = '';
  // Any name will do to see whether somebody is there who takes our key.
  for (const model of nameless ? ['default'] : models) {
    const began = performance.now();
    const { ok, code, sentence } = await callOnce(link, `${name}/${model}`);
    const took = `${Math.round(performance.now() - began)} ms`;
    if (ok) {
      say('ok', name, `${model}  ${took}`);
      return model;
    }
    if (nameless && OF_THE_MODEL.includes(code)) {
      say('warn', name, `answers, but lists no model to ask; name one in goblin.yaml: providers.${name}.models`);
      return null;
    }
    last = `${model}  ${took}  ${sentence}`;
    if (!OF_THE_MODEL.includes(code)) break;
  }
  say('FAIL', name, last);
  return models[0] ?? null;
}

async function callOnce(link: Link, model: string): Promise<{ ok: boolean; code: string; sentence: string }> {
  const late = AbortSignal.timeout(CALL_MS);
  try {
    const answer = await link.call('/v1/chat/completions', { method: 'POST', body: { ...ASK, model }, signal: late });
    const body = (await answer.json()) as { error?: { code?: string } };
    if (answer.ok) return { ok: true, code: '', sentence: '' };
    return { ok: false, code: body.error?.code ?? '', sentence: sentenceOf(body, answer.status) };
  } catch (error) {
    if (late.aborted) return { ok: false, code: 'late', sentence: `no answer within ${CALL_MS / 1000} s` };
    if (error instanceof VerbError) throw error;
    return { ok: false, code: '', sentence: 'the server broke the connection' };
  }
}
