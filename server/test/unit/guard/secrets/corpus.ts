/**
 * Fakes in the forms that vendors and rule collections document: docs.github.com (token prefixes, supported secret
 * scanning patterns), docs.aws.amazon.com (IAM identifiers), api.slack.com, docs.gitlab.com (token prefixes),
 * docs.stripe.com, platform documentation of the model vendors, and the rules of gitleaks, secretlint, detect-secrets
 * and kingfisher. Prefixes and bodies are joined here, so that no file has a whole one.
 */
import type { Random } from './random.ts';
import { BASE64, DIGITS, HEX, LOWER, UPPER, URLSAFE } from './random.ts';

export interface Sample {
  /** The vendor or form. */
  form: string;
  /** Rules that may find it; the first is the best. */
  rules: readonly string[];
  secret: string;
}

const BASE32 = `${UPPER}234567`;
const uuid = (r: Random): string => [8, 4, 4, 4, 12].map((length) => r.text(length, HEX)).join('-');
const b64json = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
/** A prefix in pieces, joined when the test runs. */
const p = (...pieces: string[]): string => pieces.join('');

type Maker = readonly [form: string, rules: string, make: (r: Random) => string];

const MAKERS: readonly Maker[] = [
  [
    'OpenAI project',
    'openai_key',
    (r) => p('sk-', 'proj-') + r.text(74, URLSAFE) + p('T3Blbk', 'FJ') + r.text(74, URLSAFE),
  ],
  ['OpenAI service account', 'openai_key', (r) => p('sk-', 'svcacct-') + r.text(58, URLSAFE)],
  ['OpenAI legacy', 'openai_key', (r) => p('sk', '-') + r.text(20) + p('T3Blbk', 'FJ') + r.text(20)],
  ['Anthropic', 'anthropic_key', (r) => `${p('sk-', 'ant-', 'api03-') + r.text(93, URLSAFE)}AA`],
  ['Anthropic admin', 'anthropic_key', (r) => `${p('sk-', 'ant-', 'admin01-') + r.text(93, URLSAFE)}AA`],
  ['OpenRouter', 'openrouter_key', (r) => p('sk-', 'or-', 'v1-') + r.text(64, HEX)],
  ['DeepSeek', 'sk_key', (r) => p('sk', '-') + r.text(32, HEX)],
  ['Moonshot', 'sk_key', (r) => p('sk', '-') + r.text(48)],
  ['MiniMax', 'minimax_key', (r) => p('sk-', 'api-') + r.text(119, URLSAFE)],
  ['Google API', 'google_api_key', (r) => p('AI', 'za') + r.text(35, URLSAFE)],
  ['Groq', 'groq_key', (r) => p('gs', 'k_') + r.text(52)],
  ['xAI', 'xai_key', (r) => p('xa', 'i-') + r.text(80)],
  ['NVIDIA', 'nvidia_key', (r) => p('nv', 'api-') + r.text(64, URLSAFE)],
  ['Hugging Face', 'huggingface_token', (r) => p('h', 'f_') + r.text(34, UPPER + LOWER)],
  ['Replicate', 'replicate_token', (r) => p('r', '8_') + r.text(37)],
  ['Perplexity', 'perplexity_key', (r) => p('pp', 'lx-') + r.text(48)],
  ['Cerebras', 'cerebras_key', (r) => p('cs', 'k-') + r.text(48, LOWER + DIGITS)],
  ['Fireworks', 'fireworks_key', (r) => p('f', 'w_') + r.text(22)],
  ['Together', 'together_key', (r) => p('tgp', '_v1_') + r.text(43, URLSAFE)],
  ['Voyage', 'voyage_key', (r) => p('p', 'a-') + r.text(43, URLSAFE)],
  ['Jina', 'jina_key', (r) => p('ji', 'na_') + r.text(32, HEX) + r.text(28)],
  ['Zhipu', 'zhipu_key', (r) => `${r.text(32, HEX)}.${r.text(16)}`],
  ['Pinecone', 'pinecone_key', (r) => `${p('pc', 'sk_') + r.text(5)}_${r.text(63)}`],
  ['LangSmith', 'langsmith_key', (r) => `${p('lsv2', '_pt_') + r.text(32, HEX)}_${r.text(10, HEX)}`],
  ['Goblin', 'goblin_key', (r) => p('go', 'b_') + r.text(43, URLSAFE)],
  ['AWS key id', 'aws_access_key', (r) => p('AK', 'IA') + r.text(16, BASE32)],
  ['AWS temporary key id', 'aws_access_key', (r) => p('AS', 'IA') + r.text(16, BASE32)],
  ['Bedrock', 'bedrock_key', (r) => p('AB', 'SK') + r.text(128, BASE64)],
  ['Google OAuth secret', 'google_oauth_secret', (r) => p('GO', 'CSPX-') + r.text(28, URLSAFE)],
  ['Google access token', 'google_oauth_token', (r) => p('ya', '29.') + r.text(120, URLSAFE)],
  ['Entra client secret', 'azure_ad_secret', (r) => `${r.text(3)}8${p('Q', '~') + r.text(33)}`],
  ['Alibaba', 'alibaba_access_key', (r) => p('LT', 'AI') + r.text(20)],
  ['DigitalOcean', 'digitalocean_token', (r) => p('dop', '_v1_') + r.text(64, HEX)],
  ['Heroku', 'heroku_key', (r) => p('HR', 'KU-AA') + r.text(58, URLSAFE)],
  ['Fly', 'fly_token', (r) => p('fm', '2_') + r.text(120, BASE64)],
  ['Vercel', 'vercel_token', (r) => p('vc', 'p_') + r.text(56)],
  ['Netlify', 'netlify_token', (r) => p('nf', 'p_') + r.text(40)],
  ['Supabase', 'supabase_key', (r) => p('sb', 'p_') + r.text(40, HEX)],
  ['PlanetScale', 'planetscale_secret', (r) => p('pscale', '_tkn_') + r.text(43, URLSAFE)],
  ['Neon', 'neon_key', (r) => p('na', 'pi_') + r.text(64)],
  ['Databricks', 'databricks_token', (r) => p('da', 'pi') + r.text(32, HEX)],
  ['Vault', 'vault_token', (r) => p('hv', 's.') + r.text(95, URLSAFE)],
  ['Vault, before 1.10', 'vault_old_token', (r) => p('s', '.') + r.text(24)],
  ['Terraform Cloud', 'terraform_token', (r) => `${r.text(14)}${p('.atl', 'asv1.')}${r.text(67)}`],
  ['Pulumi', 'pulumi_token', (r) => p('pu', 'l-') + r.text(40, HEX)],
  ['Doppler', 'doppler_token', (r) => p('dp', '.pt.') + r.text(43)],
  ['OpenShift', 'openshift_token', (r) => p('sha', '256~') + r.text(43, URLSAFE)],
  [
    '1Password',
    'onepassword_key',
    (r) => p('A', '3-') + [6, 6, 5, 5, 5, 5].map((length) => r.text(length, UPPER + DIGITS)).join('-'),
  ],
  ['age', 'age_key', (r) => p('AGE-SECRET', '-KEY-1') + r.text(58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L')],
  ['GitHub classic', 'github_token', (r) => p('gh', 'p_') + r.text(36)],
  ['GitHub OAuth', 'github_token', (r) => p('gh', 'o_') + r.text(36)],
  ['GitHub app', 'github_token', (r) => p('gh', 's_') + r.text(36)],
  ['GitHub fine-grained', 'github_fine_grained_token', (r) => `${p('github', '_pat_') + r.text(22)}_${r.text(59)}`],
  ['GitLab personal', 'gitlab_token', (r) => p('gl', 'pat-') + r.text(20, URLSAFE)],
  [
    'GitLab routable',
    'gitlab_token',
    (r) => `${p('gl', 'pat-') + r.text(27, URLSAFE)}.01.${r.text(9, LOWER + DIGITS)}`,
  ],
  ['GitLab runner', 'gitlab_token', (r) => p('gl', 'rt-') + r.text(20, URLSAFE)],
  ['GitLab trigger', 'gitlab_token', (r) => p('gl', 'ptt-') + r.text(40, HEX)],
  ['GitLab registration', 'gitlab_runner_token', (r) => p('GR13', '48941') + r.text(20)],
  ['Bitbucket', 'bitbucket_token', (r) => p('AT', 'BB') + r.text(32)],
  ['npm', 'npm_token', (r) => p('np', 'm_') + r.text(36)],
  ['PyPI', 'pypi_token', (r) => p('pypi-', 'AgEIcHlwaS5vcmc') + r.text(150, URLSAFE)],
  ['RubyGems', 'rubygems_key', (r) => p('ruby', 'gems_') + r.text(48, HEX)],
  ['Docker Hub', 'docker_token', (r) => p('dckr', '_pat_') + r.text(27, URLSAFE)],
  ['CircleCI', 'circleci_token', (r) => `${p('CCI', 'PAT_') + r.text(22)}_${r.text(40, HEX)}`],
  ['Buildkite', 'buildkite_token', (r) => p('bk', 'ua_') + r.text(40, HEX)],
  ['Sonar', 'sonar_token', (r) => p('sq', 'p_') + r.text(40, HEX)],
  ['Postman', 'postman_key', (r) => `${p('PM', 'AK-') + r.text(24, HEX)}-${r.text(34, HEX)}`],
  ['LaunchDarkly', 'launchdarkly_key', (r) => p('sd', 'k-') + uuid(r)],
  ['Grafana service account', 'grafana_token', (r) => `${p('gl', 'sa_') + r.text(32)}_${r.text(8, HEX)}`],
  ['New Relic', 'new_relic_key', (r) => p('NR', 'AK-') + r.text(27, UPPER + DIGITS)],
  ['Sentry user', 'sentry_token', (r) => p('snt', 'ryu_') + r.text(64, HEX)],
  ['Dynatrace', 'dynatrace_token', (r) => `${p('dt0', 'c01.') + r.text(24, BASE32)}.${r.text(64, BASE32)}`],
  ['Slack bot', 'slack_token', (r) => `${p('xo', 'xb-') + r.text(12, DIGITS)}-${r.text(12, DIGITS)}-${r.text(24)}`],
  [
    'Slack user',
    'slack_token',
    (r) => `${p('xo', 'xp-') + r.text(12, DIGITS)}-${r.text(12, DIGITS)}-${r.text(12, DIGITS)}-${r.text(32, HEX)}`,
  ],
  [
    'Slack app',
    'slack_app_token',
    (r) => `${p('xa', 'pp-1-') + r.text(11, UPPER + DIGITS)}-${r.text(13, DIGITS)}-${r.text(64, HEX)}`,
  ],
  [
    'Discord bot',
    'discord_token',
    (r) => `${r.pick(['M', 'N', 'O']) + r.text(25)}.${r.text(6, URLSAFE)}.${r.text(38, URLSAFE)}`,
  ],
  ['Telegram', 'telegram_token', (r) => `${r.text(10, DIGITS)}:${p('A', 'A')}${r.text(33, URLSAFE)}`],
  ['Twilio', 'twilio_key', (r) => p('S', 'K') + r.text(32, HEX)],
  ['SendGrid', 'sendgrid_key', (r) => `${p('S', 'G.') + r.text(22, URLSAFE)}.${r.text(43, URLSAFE)}`],
  ['Mailgun', 'mailgun_key', (r) => p('ke', 'y-') + r.text(32, HEX)],
  ['Mailchimp', 'mailchimp_key', (r) => `${r.text(32, HEX)}${p('-u', 's21')}`],
  ['Brevo', 'brevo_key', (r) => `${p('xkey', 'sib-') + r.text(64, HEX)}-${r.text(16)}`],
  ['Resend', 'resend_key', (r) => `${p('r', 'e_') + r.text(8)}_${r.text(24)}`],
  ['Stripe live', 'stripe_key', (r) => p('sk', '_live_') + r.text(24)],
  ['Stripe restricted', 'stripe_key', (r) => p('rk', '_live_') + r.text(99)],
  ['Webhook secret', 'stripe_webhook_secret', (r) => p('wh', 'sec_') + r.text(32)],
  ['Square', 'square_token', (r) => p('EA', 'AA') + r.text(60, URLSAFE)],
  ['Shopify', 'shopify_token', (r) => p('shp', 'at_') + r.text(32, HEX)],
  ['Plaid', 'plaid_token', (r) => p('access-', 'production-') + uuid(r)],
  ['EasyPost', 'easypost_key', (r) => p('EZ', 'AK') + r.text(54)],
  ['Airtable', 'airtable_token', (r) => `${p('pa', 't') + r.text(14)}.${r.text(64, HEX)}`],
  ['Atlassian', 'atlassian_token', (r) => `${p('ATA', 'TT3') + r.text(177, URLSAFE)}=${r.text(8, HEX)}`],
  ['Linear', 'linear_key', (r) => p('lin', '_api_') + r.text(40)],
  ['Notion', 'notion_token', (r) => p('nt', 'n_') + r.text(11, DIGITS) + r.text(35)],
  ['Figma', 'figma_token', (r) => p('fi', 'gd_') + r.text(40, URLSAFE)],
  ['HubSpot', 'hubspot_token', (r) => p('pat-', 'na1-') + uuid(r)],
  ['Facebook', 'facebook_token', (r) => p('EA', 'AC') + r.text(120)],
  ['Dropbox', 'dropbox_token', (r) => p('s', 'l.') + r.text(135, URLSAFE)],
  [
    'JSON web token',
    'jwt',
    (r) => `${b64json({ alg: 'RS256', typ: 'JWT' })}.${b64json({ sub: r.text(10), iat: 1 })}.${r.text(86, URLSAFE)}`,
  ],
];

/** Values that only what stands around them gives away, with that; `@` is where the value goes. */
const PLACES: readonly (readonly [form: string, rules: string, around: string, make: (r: Random) => string])[] = [
  ['AWS secret key', 'aws_secret_key', 'AWS_SECRET_ACCESS_KEY=@', (r) => r.text(40, BASE64)],
  ['AWS secret key in a file', 'aws_secret_key', 'aws_secret_access_key = @', (r) => r.text(40, BASE64)],
  ['Cohere', 'cohere_key', "cohere.Client('x', api_token='@')\ncohere_api_key: '@'", (r) => r.text(40)],
  ['Mistral', 'mistral_key', 'export MISTRAL_API_KEY=@', (r) => r.text(32)],
  ['Azure OpenAI', 'azure_key', '"AZURE_OPENAI_API_KEY": "@",', (r) => r.text(32, HEX)],
  [
    'Azure storage',
    'azure_account_key',
    'DefaultEndpointsProtocol=https;AccountName=files;AccountKey=@;EndpointSuffix=core.windows.net',
    (r) => `${r.text(86, BASE64)}==`,
  ],
  [
    'Azure SAS',
    'azure_sas',
    'https://files.blob.core.windows.net/c?sv=2022-11-02&sr=b&sig=@&se=2030',
    (r) => `${r.text(43)}%3D`,
  ],
  [
    'Service bus',
    'azure_account_key',
    'Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=@',
    (r) => `${r.text(43, BASE64)}=`,
  ],
  ['Heroku by name', 'heroku_key', 'HEROKU_API_KEY="@"', uuid],
  ['Datadog', 'datadog_key', 'DATADOG_API_KEY: @', (r) => r.text(32, HEX)],
  ['Okta', 'okta_token', 'okta_token = "@"', (r) => `00${r.text(40, URLSAFE)}`],
  ['Cloudflare', 'cloudflare_key', 'CLOUDFLARE_API_TOKEN=@', (r) => r.text(40, URLSAFE)],
  [
    'Slack webhook',
    'slack_webhook',
    'https://hooks.slack.com/services/@',
    (r) => `T${r.text(8, UPPER + DIGITS)}/B${r.text(8, UPPER + DIGITS)}/${r.text(24)}`,
  ],
  [
    'Discord webhook',
    'discord_webhook',
    'https://discord.com/api/webhooks/123456789012345678/@',
    (r) => r.text(68, URLSAFE),
  ],
  ['Postgres', 'url_password', 'postgres://app:@@db.prod.internal:5432/app?sslmode=require', (r) => r.text(14)],
  ['MySQL', 'url_password', 'mysql://root:@@10.0.3.7/shop', (r) => r.text(12)],
  ['MongoDB', 'url_password', 'mongodb+srv://app:@@cluster0.ab12c.mongodb.net/?retryWrites=true', (r) => r.text(16)],
  ['Redis', 'url_password', 'REDIS_URL=rediss://default:@@cache.acme.io:6380/0', (r) => r.text(20)],
  ['AMQP', 'url_password', 'amqps://svc:@@mq.acme.io/vhost', (r) => r.text(18)],
  ['Basic in an address', 'url_password', 'curl https://deploy:@@git.acme.io/app.git', (r) => r.text(15)],
  [
    'ADO.NET',
    'password',
    'Server=tcp:sql.acme.io,1433;Database=shop;User ID=app;Password=@;Encrypt=True',
    (r) => `${r.text(9)}!7`,
  ],
  ['JDBC', 'password', 'jdbc:postgresql://db.acme.io/shop?user=app&password=@&ssl=true', (r) => r.text(13)],
  ['Oracle', 'oracle_password', 'jdbc:oracle:thin:scott/@@ora.acme.io:1521/XE', (r) => r.text(11)],
  ['Environment file', 'password', 'DB_HOST=db\nDB_PASSWORD=@\nDB_NAME=x\n', (r) => `${r.text(8)}4$`],
  ['Environment, quoted', 'password', 'export SMTP_PASS="@"', (r) => r.text(16)],
  ['JSON password', 'password', '{"user": "ada", "password": "@"}', (r) => `${r.text(10)}3`],
  ['JSON in a string', 'password', '{"body": "{\\"password\\": \\"@\\"}"}', (r) => `${r.text(10)}3`],
  ['YAML', 'secret', 'service:\n  api_key: @\n  url: https://x\n', (r) => r.text(32)],
  ['YAML block', 'secret', 'api_token: |\n  @\n', (r) => r.text(32)],
  ['TOML', 'secret', 'secret_key = "@"', (r) => r.text(50, URLSAFE)],
  ['XML', 'password', '<server><password>@</password></server>', (r) => `${r.text(9)}#2`],
  ['XML attribute', 'password', '<add key="Password" value="@" />', (r) => `${r.text(10)}5`],
  ['Kubernetes', 'secret', 'env:\n  - name: CLIENT_SECRET\n    value: "@"\n', (r) => r.text(36)],
  ['Code', 'secret', 'const client = connect({ clientSecret: "@" });', (r) => r.text(28)],
  ['Go', 'secret', 'authToken := "@"', (r) => r.text(30)],
  ['Typed', 'secret', 'accessToken: string = "@"', (r) => r.text(30)],
  ['PHP', 'secret', "define('AUTH_KEY', '@');", (r) => r.text(48)],
  ['Bearer', 'bearer_token authorization', 'Authorization: Bearer @', (r) => r.text(40)],
  ['Basic', 'authorization', 'Authorization: Basic @', (r) => Buffer.from(`ada:${r.text(12)}`).toString('base64')],
  ['Header', 'secret', 'X-Api-Key: @', (r) => r.text(32)],
  ['Query', 'secret', 'https://api.acme.io/v1/items?api_key=@&limit=5', (r) => r.text(32)],
  ['Flag', 'password', 'deploy --password @ --yes', (r) => `${r.text(9)}6`],
  ['curl', 'curl_password', 'curl -s -u ada:@ https://api.acme.io', (r) => r.text(14)],
  ['npmrc', 'npmrc_token secret', '//npm.acme.io/:_authToken=@', (r) => r.text(36, URLSAFE)],
  [
    'Docker',
    'docker_auth',
    '{"auths":{"r.acme.io":{"auth":"@"}}}',
    (r) => Buffer.from(`ada:${r.text(18)}`).toString('base64'),
  ],
  ['netrc', 'netrc_password password', 'machine api.acme.io login ada password @', (r) => r.text(14)],
  ['Cookie', 'secret', 'Cookie: theme=dark; session_id_token=@; lang=de', (r) => r.text(40)],
  ['Spoken', 'password', 'Hi! The password is @ and the user is ada.', (r) => `${r.text(8)}9!`],
  ['German', 'password', 'Das Passwort lautet: @', (r) => `${r.text(8)}9`],
  ['Chinese', 'password', '密码：@', (r) => `${r.text(8)}9`],
];

/** Private keys of every armour. */
const KEYS: readonly (readonly [form: string, begin: readonly string[], end: readonly string[]])[] = [
  ['PKCS #1', ['-----BEGIN ', 'RSA PRIVATE KEY-----\n'], ['-----END ', 'RSA PRIVATE KEY-----']],
  ['PKCS #8', ['-----BEGIN ', 'PRIVATE KEY-----\n'], ['-----END ', 'PRIVATE KEY-----']],
  ['PKCS #8, encrypted', ['-----BEGIN ', 'ENCRYPTED PRIVATE KEY-----\n'], ['-----END ', 'ENCRYPTED PRIVATE KEY-----']],
  ['SEC 1', ['-----BEGIN ', 'EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n'], ['-----END ', 'EC PRIVATE KEY-----']],
  ['OpenSSH', ['-----BEGIN ', 'OPENSSH PRIVATE KEY-----\n'], ['-----END ', 'OPENSSH PRIVATE KEY-----']],
  [
    'PGP',
    ['-----BEGIN ', 'PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n'],
    ['-----END ', 'PGP PRIVATE KEY BLOCK-----'],
  ],
  [
    'SSH2',
    ['---- BEGIN ', 'SSH2 ENCRYPTED PRIVATE KEY ----\nComment: "ada@acme"\n'],
    ['---- END ', 'SSH2 ENCRYPTED PRIVATE KEY ----'],
  ],
  [
    'PuTTY',
    ['PuTTY-User-', 'Key-File-2: ssh-rsa\nEncryption: none\nComment: x\nPrivate-Lines: 4\n'],
    ['Private-', 'MAC: 0123456789abcdef0123456789abcdef01234567'],
  ],
];

/** Each form once: the text, and where the secret stands in it. */
export interface Placed extends Sample {
  text: string;
  start: number;
}

export function corpus(random: Random): Placed[] {
  const tokens = MAKERS.map(([form, rules, make]): Placed => {
    const secret = make(random);
    const before = random.pick(['', 'Use ', 'key: ', 'TOKEN=', '"', 'see\n']);
    const after = before === '"' ? '"' : random.pick(['', ' for the tests', '\nthanks', '; then']);
    return { form, rules: rules.split(' '), secret, text: before + secret + after, start: before.length };
  });
  const places = PLACES.map(([form, rules, around, make]): Placed => {
    const secret = make(random);
    const at = around.lastIndexOf('@@') >= 0 ? around.indexOf('@@') : around.lastIndexOf('@');
    const text = around.slice(0, at) + secret + around.slice(at + 1);
    return { form, rules: rules.split(' '), secret, text, start: at };
  });
  const keys = KEYS.map(([form, begin, end]): Placed => {
    const lines = Array.from({ length: 12 }, () => random.text(64, BASE64)).join('\n');
    const secret = `${begin.join('')}${lines}\n${end.join('')}`;
    return { form, rules: ['private_key'], secret, text: `Here:\n${secret}\nbye`, start: 6 };
  });
  return [...tokens, ...places, ...keys];
}
