/**
 * More forms of tokens, by family. Read for this: the configuration of gitleaks, GitHub's notice of stateless installation
 * tokens (ghs_APPID_JWT, April 2026), the patterns of Microsoft's identifiable keys. Forms that are in none of them (of
 * Checkly, Socket, Metabase, Portainer, Nomic, Stytch and others) are as their keys are commonly seen, and were not held
 * against a document of the vendor. Every value is made by chance when a test runs.
 */
import type { Random } from './random.ts';
import { ALNUM, BASE64, DIGITS, HEX, LOWER, UPPER, URLSAFE } from './random.ts';

export type Family = 'models' | 'clouds' | 'code' | 'services' | 'files' | 'connections';
export type Maker = readonly [family: Family, form: string, make: (r: Random) => string];

const UP = UPPER + DIGITS;
const LOW = LOWER + DIGITS;
const uuid = (r: Random): string => [8, 4, 4, 4, 12].map((length) => r.text(length, HEX)).join('-');
const b64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (r: Random): string =>
  `${b64({ alg: 'RS256', typ: 'JWT', kid: r.text(8) })}.${b64({ iss: r.text(12), exp: 1_900_000_000 })}.${r.text(86, URLSAFE)}`;
/** A prefix in pieces, joined when the test runs. */
const p = (...pieces: string[]): string => pieces.join('');

export const VENDORS: readonly Maker[] = [
  ['models', 'OpenAI admin', (r) => p('sk-', 'admin-') + r.text(58, URLSAFE) + p('T3Blbk', 'FJ') + r.text(58, URLSAFE)],
  [
    'models',
    'OpenAI service',
    (r) => p('sk-', 'svcacct-') + r.text(74, URLSAFE) + p('T3Blbk', 'FJ') + r.text(74, URLSAFE),
  ],
  ['models', 'Anthropic OAuth', (r) => `${p('sk-', 'ant-', 'oat01-') + r.text(93, URLSAFE)}AA`],
  ['models', 'Anthropic refresh', (r) => `${p('sk-', 'ant-', 'ort01-') + r.text(93, URLSAFE)}AA`],
  ['models', 'Anthropic session', (r) => `${p('sk-', 'ant-', 'sid01-') + r.text(93, URLSAFE)}AA`],
  ['models', 'Gemini auth key', (r) => p('AQ', '.Ab8RN6') + r.text(44, URLSAFE)],
  ['models', 'Gemini auth key, others', (r) => p('A', 'Q.') + r.text(50, URLSAFE)],
  ['models', 'LiteLLM virtual key', (r) => p('sk', '-') + r.text(22, URLSAFE)],
  ['models', 'Kimi for code', (r) => p('sk-', 'kimi-') + r.text(64)],
  ['models', 'DashScope plan', (r) => p('sk-', 'sp-') + r.text(32, HEX)],
  ['models', 'DashScope', (r) => p('sk', '-') + r.text(32, HEX)],
  ['models', 'Bifrost virtual key', (r) => p('sk-', 'bf-') + uuid(r)],
  ['models', 'Langfuse', (r) => p('sk-', 'lf-') + uuid(r)],
  ['models', 'Helicone', (r) => p('sk-', 'helicone-') + [7, 7, 7, 7].map((length) => r.text(length, LOW)).join('-')],
  ['models', 'Chutes', (r) => `${p('cp', 'k_') + r.text(32, HEX)}.${r.text(32, HEX)}.${r.text(32)}`],
  ['models', 'ElevenLabs', (r) => p('sk', '_') + r.text(48, HEX)],
  ['models', 'Friendli', (r) => p('fl', 'p_') + r.text(44)],
  ['models', 'RunPod', (r) => p('rp', 'a_') + r.text(46)],
  ['models', 'Baidu', (r) => `${p('bce-', 'v3/ALT', 'AK-') + r.text(21)}/${r.text(40, HEX)}`],
  ['models', 'Bedrock short-term', (r) => p('bedrock-', 'api-key-') + r.text(400, BASE64)],
  ['models', 'Vercel AI Gateway', (r) => p('vc', 'k_') + r.text(56)],
  ['models', 'Tavily', (r) => p('tv', 'ly-dev-') + r.text(32)],
  ['models', 'Firecrawl', (r) => p('f', 'c-') + r.text(32, HEX)],
  ['models', 'LangSmith service', (r) => `${p('lsv2', '_sk_') + r.text(32, HEX)}_${r.text(10, HEX)}`],
  ['models', 'LlamaCloud', (r) => p('ll', 'x-') + r.text(48)],
  ['models', 'Mem0', (r) => p('m', '0-') + r.text(40)],
  ['models', 'Cursor', (r) => p('ke', 'y_') + r.text(64, HEX)],
  ['models', 'E2B', (r) => p('e2', 'b_') + r.text(40, HEX)],
  ['models', 'Apify', (r) => p('apify', '_api_') + r.text(36)],
  ['models', 'Hugging Face organisation', (r) => p('api', '_org_') + r.text(34, UPPER + LOWER)],
  ['models', 'Nomic', (r) => p('n', 'k-') + r.text(43, URLSAFE)],
  ['models', 'Lambda', (r) => `${p('sec', 'ret_') + r.text(10, LOW)}_${r.text(32, HEX)}.${r.text(32)}`],

  ['clouds', 'AppSync', (r) => p('da', '2-') + r.text(26, LOW)],
  [
    'clouds',
    'Azure storage, identifiable',
    (r) => `${r.text(76, BASE64)}${p('+A', 'St')}${r.text(5)}${r.pick(['A', 'Q', 'g', 'w'])}==`,
  ],
  [
    'clouds',
    'Cosmos DB, identifiable',
    (r) => `${r.text(76, BASE64)}${p('AC', 'Db')}${r.text(5)}${r.pick(['A', 'Q', 'g', 'w'])}==`,
  ],
  [
    'clouds',
    'Service bus, identifiable',
    (r) => `${r.text(33, BASE64)}${p('+A', 'Sb')}${r.pick(['A', 'B', 'C', 'D'])}${r.text(5)}=`,
  ],
  [
    'clouds',
    'IoT hub, identifiable',
    (r) => `${r.text(33, BASE64)}${p('AI', 'oT')}${r.pick(['A', 'B', 'C', 'D'])}${r.text(5)}=`,
  ],
  [
    'clouds',
    'Functions, identifiable',
    (r) => `${r.text(44, URLSAFE)}${p('Az', 'Fu')}${r.text(5)}${r.pick(['A', 'Q', 'g', 'w'])}==`,
  ],
  ['clouds', 'Search, identifiable', (r) => `${r.text(42)}${p('Az', 'Se')}${r.pick(['A', 'B', 'C', 'D'])}${r.text(5)}`],
  [
    'clouds',
    'Container registry, identifiable',
    (r) => `${r.text(42, BASE64)}${p('+A', 'CR')}${r.pick(['A', 'B', 'C', 'D'])}${r.text(5)}`,
  ],
  [
    'clouds',
    'Azure AI, identifiable',
    (r) => `${r.text(52)}${p('JQQJ', '99')}B${r.pick(['A', 'B', 'C', 'D'])}${r.text(14)}${p('AC', 'OG')}${r.text(6)}`,
  ],
  [
    'clouds',
    'Azure DevOps, identifiable',
    (r) => `${r.text(52)}${p('JQQJ', '99')}B${r.pick(['A', 'B', 'C', 'D'])}${r.text(14)}${p('AZ', 'DO')}${r.text(4)}`,
  ],
  ['clouds', 'Google refresh token', (r) => `1//${p('0', '3')}${r.text(98, URLSAFE)}`],
  ['clouds', 'Google HMAC', (r) => p('GO', 'OG1') + r.text(56, UP)],
  ['clouds', 'Tencent id', (r) => p('AK', 'ID') + r.text(32)],
  ['clouds', 'Volcengine id', (r) => p('AK', 'LT') + r.text(43)],
  ['clouds', 'JD Cloud', (r) => p('JD', 'C_') + r.text(28, UP)],
  ['clouds', 'Yandex', (r) => p('AQ', 'VN') + r.text(36, URLSAFE)],
  ['clouds', 'Yandex IAM', (r) => `${p('t', '1.') + r.text(60, URLSAFE)}.${r.text(86, URLSAFE)}`],
  ['clouds', 'DigitalOcean OAuth', (r) => p('doo', '_v1_') + r.text(64, HEX)],
  ['clouds', 'Render', (r) => p('rn', 'd_') + r.text(32)],
  ['clouds', 'Cloudflare origin CA', (r) => `${p('v1', '.0-') + r.text(24, HEX)}-${r.text(146, HEX)}`],
  ['clouds', 'Supabase secret', (r) => `${p('sb_', 'secret_') + r.text(22, URLSAFE)}_${r.text(8, URLSAFE)}`],
  ['clouds', 'PlanetScale password', (r) => p('pscale', '_pw_') + r.text(43, URLSAFE)],
  ['clouds', 'MongoDB Atlas', (r) => p('mdb_', 'sa_sk_') + r.text(40, URLSAFE)],
  ['clouds', 'Cockroach', (r) => `${p('CC', 'DB1_') + r.text(22)}_${r.text(40)}`],
  ['clouds', 'ClickHouse', (r) => p('4b', '1d') + r.text(38)],
  ['clouds', 'Astra', (r) => `${p('Astra', 'CS:') + r.text(24)}:${r.text(64, HEX)}`],
  ['clouds', 'Aiven', (r) => p('AV', 'NS_') + r.text(19, URLSAFE)],
  ['clouds', 'Scaleway', (r) => p('SC', 'W') + r.text(17, UP)],
  ['clouds', 'Tailscale', (r) => `${p('ts', 'key-auth-') + r.text(16)}-${r.text(32)}`],
  ['clouds', 'Vault batch', (r) => p('hv', 'b.') + r.text(150, URLSAFE)],
  ['clouds', 'Doppler service', (r) => `${p('dp', '.st.')}prd.${r.text(43)}`],
  ['clouds', '1Password service account', (r) => p('ops_', 'eyJ') + r.text(400, BASE64)],
  ['clouds', 'Bitwarden', (r) => `0.${uuid(r)}.${r.text(30)}:${r.text(22, BASE64)}==`],
  ['clouds', 'Rancher', (r) => `${p('tok', 'en-') + r.text(5, LOW)}:${r.text(54, LOW)}`],
  ['clouds', 'Portainer', (r) => `${p('pt', 'r_') + r.text(43, BASE64)}=`],
  ['clouds', 'Proxmox', (r) => `${p('PVEAPI', 'Token=')}root@pam!ci=${uuid(r)}`],
  ['clouds', 'Swarm', (r) => `${p('SWM', 'TKN-1-') + r.text(50, LOW)}-${r.text(25, LOW)}`],
  [
    'clouds',
    'Firebase messaging',
    (r) => `${p('AA', 'AA') + r.text(7, URLSAFE)}${p(':APA', '91b')}${r.text(134, URLSAFE)}`,
  ],
  ['clouds', 'dbt', (r) => p('db', 'tc_') + r.text(42, URLSAFE)],
  ['clouds', 'Axiom', (r) => p('xa', 'at-') + uuid(r)],
  ['clouds', 'Trigger.dev', (r) => p('tr_', 'prod_') + r.text(20)],
  ['clouds', 'Inngest', (r) => p('sign', 'key-prod-') + r.text(64, HEX)],

  ['code', 'GitHub installation, stateless', (r) => `${p('gh', 's_') + r.text(6, DIGITS)}_${jwt(r)}`],
  ['code', 'GitHub user to server', (r) => p('gh', 'u_') + r.text(36)],
  ['code', 'GitHub refresh', (r) => p('gh', 'r_') + r.text(76)],
  ['code', 'GitLab deploy', (r) => p('gl', 'dt-') + r.text(20, URLSAFE)],
  ['code', 'GitLab job', (r) => `${p('gl', 'cbt-')}${r.text(2, HEX)}_${r.text(20, URLSAFE)}`],
  ['code', 'GitLab feed', (r) => p('gl', 'ft-') + r.text(20, URLSAFE)],
  ['code', 'GitLab agent', (r) => p('gl', 'agent-') + r.text(50, URLSAFE)],
  ['code', 'GitLab SCIM', (r) => p('gl', 'soat-') + r.text(20, URLSAFE)],
  ['code', 'Bitbucket repository', (r) => `${p('AT', 'CTT3') + r.text(176, URLSAFE)}=${r.text(8, HEX)}`],
  ['code', 'NuGet', (r) => p('oy', '2') + r.text(43, LOW)],
  ['code', 'crates.io', (r) => p('ci', 'o') + r.text(32)],
  ['code', 'Clojars', (r) => p('CLO', 'JARS_') + r.text(60, LOW)],
  ['code', 'PyPI test', (r) => p('pypi-', 'AgENdGVzdC5weXBpLm9yZw') + r.text(150, URLSAFE)],
  ['code', 'Docker organisation', (r) => p('dckr', '_oat_') + r.text(32, URLSAFE)],
  ['code', 'Artifactory', (r) => p('AK', 'Cp') + r.text(69)],
  ['code', 'Artifactory reference', (r) => p('cmV', 'md') + r.text(59)],
  ['code', 'CircleCI project', (r) => `${p('CCI', 'PRJ_') + r.text(22)}_${r.text(40, HEX)}`],
  ['code', 'Sonar user', (r) => p('sq', 'u_') + r.text(40, HEX)],
  ['code', 'Sourcegraph', (r) => `${p('sg', 'p_') + r.text(16, HEX)}_${r.text(40, HEX)}`],
  ['code', 'Harness', (r) => `${p('pa', 't.') + r.text(22)}.${r.text(24, HEX)}.${r.text(20)}`],
  [
    'code',
    'Grafana cloud',
    (r) =>
      p('gl', 'c_') + Buffer.from(JSON.stringify({ o: r.text(6, DIGITS), n: 'x', k: r.text(24) })).toString('base64'),
  ],
  ['code', 'New Relic license', (r) => `${r.text(36, HEX)}NRAL`],
  ['code', 'New Relic insert', (r) => p('NR', 'II-') + r.text(32, URLSAFE.replace('_', ''))],
  [
    'code',
    'Sentry organisation',
    (r) =>
      `${p('snt', 'rys_')}${Buffer.from(
        JSON.stringify({
          iat: 1_700_000_000,
          url: 'https://sentry.io',
          region_url: 'https://us.sentry.io',
          org: r.text(6),
        }),
      )
        .toString('base64')
        .replace(/=+$/, '')}_${r.text(43, BASE64)}`,
  ],
  ['code', 'Honeycomb', (r) => p('hca', 'ik_01') + r.text(56, LOW)],
  ['code', 'Octopus', (r) => p('AP', 'I-') + r.text(26, UP)],
  ['code', 'Prefect', (r) => p('pn', 'u_') + r.text(36)],
  [
    'code',
    'YouTrack',
    (r) =>
      `${p('per', 'm:')}${Buffer.from(r.text(8, LOWER)).toString('base64')}.${Buffer.from(`${r.text(2, DIGITS)}-1`).toString('base64')}.${r.text(42)}`,
  ],
  ['code', 'Socket', (r) => `${p('sk', 'tsec_') + r.text(43, URLSAFE)}_api`],
  ['code', 'WakaTime', (r) => p('wa', 'ka_') + uuid(r)],
  ['code', 'Checkly', (r) => p('cu', '_') + r.text(32, HEX)],
  ['code', 'Metabase', (r) => `${p('m', 'b_') + r.text(43, BASE64)}=`],

  ['services', 'Slack refresh', (r) => p('xo', 'xe-1-') + r.text(146)],
  ['services', 'Slack configuration', (r) => `${p('xo', 'xe.xo', 'xp-1-') + r.text(164, UPPER + LOWER + DIGITS)}`],
  [
    'services',
    'Slack browser',
    (r) => `${p('xo', 'xc-') + r.text(12, DIGITS)}-${r.text(12, DIGITS)}-${r.text(12, DIGITS)}-${r.text(64, HEX)}`,
  ],
  ['services', 'Slack cookie', (r) => p('xo', 'xd-') + r.text(120)],
  ['services', 'Mailgun signing', (r) => `${r.text(32, HEX)}-${r.text(8, HEX)}-${r.text(8, HEX)}`],
  ['services', 'Mandrill', (r) => p('m', 'd-') + r.text(22)],
  ['services', 'MailerSend', (r) => p('mls', 'n.') + r.text(64, HEX)],
  ['services', 'Stripe test', (r) => p('sk', '_test_') + r.text(99)],
  ['services', 'Stripe organisation', (r) => p('sk_org', '_live_') + r.text(60)],
  ['services', 'Square secret', (r) => p('sq0', 'csp-') + r.text(43, URLSAFE)],
  ['services', 'PayPal', (r) => `${p('access_', 'token$')}production$${r.text(16, LOW)}$${r.text(32, HEX)}`],
  ['services', 'Shopify shared', (r) => p('shp', 'ss_') + r.text(32, HEX)],
  ['services', 'Razorpay', (r) => p('rz', 'p_live_') + r.text(14)],
  ['services', 'Mollie', (r) => p('li', 've_') + r.text(30)],
  ['services', 'Xendit', (r) => p('xn', 'd_production_') + r.text(60)],
  ['services', 'Paystack', (r) => p('sk', '_live_') + r.text(40, HEX)],
  ['services', 'Flutterwave', (r) => `${p('FLW', 'SECK-') + r.text(32, HEX)}-X`],
  ['services', 'Duffel', (r) => p('duf', 'fel_live_') + r.text(43, URLSAFE)],
  ['services', 'Shippo', (r) => p('ship', 'po_live_') + r.text(40, HEX)],
  ['services', 'Asana', (r) => `${p('1', '/')}${r.text(16, DIGITS)}:${r.text(32, HEX)}`],
  ['services', 'Asana, newer', (r) => `${p('2', '/')}${r.text(16, DIGITS)}/${r.text(16, DIGITS)}:${r.text(32, HEX)}`],
  ['services', 'Trello', (r) => p('AT', 'TA') + r.text(72)],
  ['services', 'ClickUp', (r) => `${p('p', 'k_') + r.text(8, DIGITS)}_${r.text(32, UP)}`],
  ['services', 'Contentful', (r) => p('CF', 'PAT-') + r.text(43, URLSAFE)],
  ['services', 'Mapbox secret', (r) => `${p('s', 'k.')}${b64({ u: r.text(8), a: r.text(25) })}.${r.text(22, URLSAFE)}`],
  ['services', 'Linear OAuth', (r) => p('lin', '_oauth_') + r.text(64, HEX)],
  ['services', 'Notion, older', (r) => p('sec', 'ret_') + r.text(43)],
  ['services', 'Salesforce', (r) => `${p('00', 'D') + r.text(12)}!${r.text(96, `${ALNUM}._`)}`],
  ['services', 'Zoho', (r) => `1000.${r.text(32, HEX)}.${r.text(32, HEX)}`],
  ['services', 'Adobe', (r) => p('p8', 'e-') + r.text(32)],
  [
    'services',
    'Matrix',
    (r) =>
      `${p('sy', 't_')}${Buffer.from(r.text(6, LOWER)).toString('base64')}_${r.text(20, UPPER + LOWER)}_${r.text(6)}`,
  ],
  ['services', 'Riot', (r) => p('RG', 'API-') + uuid(r)],
  ['services', 'Telnyx', (r) => `${p('KE', 'Y0') + r.text(31, `${DIGITS}ABCDEF`)}_${r.text(22)}`],
  ['services', 'Stytch', (r) => `${p('secret', '-live-') + r.text(35, URLSAFE)}=`],
  ['services', 'Twitch chat', (r) => p('oau', 'th:') + r.text(30, LOW)],
  ['services', 'Typeform', (r) => `${p('tf', 'p_') + r.text(44)}_${r.text(14)}`],
  ['services', 'VK', (r) => p('vk', '1.a.') + r.text(190, URLSAFE)],
  [
    'services',
    'Extended private key',
    (r) => p('xp', 'rv9s21ZrQH143K') + r.text(95, '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'),
  ],
  [
    'services',
    'Roblox',
    (r) =>
      `${p('_|WARN', 'ING:-DO-NOT-SHARE-THIS.--Sharing-this-will-allow-someone-to-log-in-as-you-and-to-steal-your-ROBUX-and-items.|_')}${r.text(300, `${DIGITS}ABCDEF`)}`,
  ],
  ['services', 'JSON web token', jwt],
];
