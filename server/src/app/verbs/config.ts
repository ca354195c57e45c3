/** `goblin config`: every effective value and where it came from. Needs no server and no data folder. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOCAL_VENDORS } from '../../catalogue/vendors.ts';
import { taskTypes } from '../../settings/settings.ts';
import { type Config, mask, readConfig } from '../config.ts';
import { type Line, settingLines } from './config-lines.ts';
import { columns, type Input, type Verb } from './flags.ts';
import { configuredLines, type ProviderLine, sourceOf } from './provider-report.ts';

export const verb: Verb = {
  name: 'config',
  usage: '[--json]',
  about:
    'Prints every setting that holds here and where it came from; secrets are masked. The environment wins over .env,\n' +
    'and both over goblin.yaml. It reads what a start would read now: a running server may have started with other values.',
  words: { most: 0 },
  flags: { json: { help: 'as JSON, for machines' } },
  examples: ['npm run goblin -- config', 'npm run -s goblin -- config --json'],
  run,
};

async function run(input: Input): Promise<number> {
  const config = readConfig(process.cwd(), process.env);
  const { settings } = config;
  if (settings.policies.length > 0 || settings.policyFile !== null) {
    const { openFilePolicies } = await import('../policy.ts');
    await openFilePolicies(config, { sql: null, telemetry: { count() {}, time() {}, log() {} } });
  }
  const { isOwnAddress } = await import('../start.ts');
  const report = {
    settings: [...basics(config), ...proxies(config)],
    limits: settingLines(config),
    providers: configuredLines(config, (url) => isOwnAddress(url, config)),
    aliases: settings.aliases,
    tasks: Object.fromEntries(taskTypes(settings).map((name) => [name, settings.tasks[name]?.model ?? ['auto']])),
    prices: settings.prices,
  };
  console.log(input.on('json') ? JSON.stringify(report, null, 2) : asText(report, config));
  return 0;
}

type Report = { settings: Line[]; limits: Line[]; providers: ProviderLine[] } & Pick<
  Config['settings'],
  'aliases' | 'prices'
> & { tasks: Record<string, readonly string[]> };

function basics(config: Config): Line[] {
  return config.report.map((line): Line => {
    if (line.name === 'MCP_DATA_DIR') return { ...line, value: config.dataDir };
    if (line.name === 'MCP_CONFIG' && config.settingsFile === null) return { ...line, value: null };
    if (line.name === 'MCP_SECRET' && line.value === '') return ownSecret(config);
    const shown = line.secret ? mask(line.value) : line.value;
    return { name: line.name, value: shown === '' ? null : shown, source: line.source };
  });
}

function ownSecret(config: Config): Line {
  const file = join(config.dataDir, 'secret');
  let value: string | null = null;
  try {
    value = mask(readFileSync(file, 'utf8').trim());
  } catch {
    // Another user's folder: its secret is none of ours.
  }
  return { name: 'MCP_SECRET', value, source: existsSync(file) ? file : 'made by the first start' };
}

function proxies({ proxy, env }: Config): Line[] {
  const lines: Line[] = [];
  const set = (names: string[]) => names.find((name) => env[name]);
  const https = set(['HTTPS_PROXY', 'https_proxy']);
  lines.push({
    name: 'HTTPS_PROXY',
    value: proxy ? withoutPassword(proxy.https) : null,
    source: https ? sourceOf(https) : 'default',
  });
  const none = set(['NO_PROXY', 'no_proxy']);
  if (proxy && none) lines.push({ name: 'NO_PROXY', value: proxy.none, source: sourceOf(none) });
  const certificates = set(['NODE_EXTRA_CA_CERTS']);
  if (certificates) {
    lines.push({ name: certificates, value: env[certificates] ?? null, source: sourceOf(certificates) });
  }
  return lines;
}

function withoutPassword(text: string): string {
  const url = new URL(text);
  if (url.username) url.username = '***';
  if (url.password) url.password = '***';
  return url.href;
}

function asText(report: Report, config: Config): string {
  const rows = (lines: Line[]) => lines.map(({ name, value, source }) => [name, String(value ?? '-'), source]);
  const names = (list: Readonly<Record<string, readonly string[]>>) =>
    Object.entries(list).map(([name, models]) => [name, models.join(', ')]);
  const prices = Object.entries(report.prices).map(([name, rates]) => [
    name,
    Object.entries(rates)
      .map(([kind, usd]) => `${kind} $${usd}`)
      .join(', '),
  ]);
  const out: string[] = [];
  const section = (title: string, lines: (readonly string[])[]) => {
    if (lines.length > 0)
      out.push(...(out.length > 0 ? [''] : []), title, ...columns(lines).map((line) => `  ${line}`));
  };
  section('Settings', rows(report.settings));
  section('Of goblin.yaml', rows(report.limits));
  section('Providers', providerRows(report.providers));
  if (report.providers.length === 0) {
    out.push('', 'Providers', '  none by key or goblin.yaml; set a key, e.g. OPENAI_API_KEY');
  }
  const ports = LOCAL_VENDORS.map((vendor) => `${vendor.title} :${new URL(vendor.baseUrl).port}`).join(', ');
  out.push(
    `  ${config.settings.localServers ? `looked for while running: ${ports}` : 'local servers are not looked for'}`,
  );
  section('Aliases', names(report.aliases));
  section('Tasks', names(report.tasks));
  section('Prices (USD per million tokens)', prices);
  return out.join('\n');
}

function providerRows(providers: ProviderLine[]): string[][] {
  return providers.map((line) => {
    const more = [
      line.base_url_from === 'catalogue' ? '' : `address from ${line.base_url_from}`,
      line.models.length > 0 ? `models: ${line.models.join(', ')}` : '',
      line.headers.length > 0 ? `headers: ${line.headers.join(', ')}` : '',
    ];
    const key = line.key === null ? 'no key' : `key ${line.key} from ${line.key_from ?? 'its entry'}`;
    return [line.name, line.base_url, key, more.filter((text) => text !== '').join('; ')];
  });
}
