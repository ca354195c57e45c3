/** Keys without a form of their own: the name before them says whose they are. Sources as in models.ts. */
import type { NamedRule } from '../assignment.ts';
import { createAssignment } from '../assignment.ts';
import { NAME_LITERALS } from '../names.ts';
import type { Rule } from '../rule.ts';

const HEX = (length: string) => new RegExp(`^[a-f0-9]{${length}}$`, 'i');
const ALNUM = (length: string) => new RegExp(`^[A-Za-z0-9]{${length}}$`);
const WORDS = (length: string) => new RegExp(`^[\\w=-]{${length}}$`);
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Names as they stand in identifiers, in lower case. */
const NAMED: readonly (readonly [id: string, title: string, names: string, shape: RegExp])[] = [
  [
    'aws_secret_key',
    'AWS secret access key',
    'aws_secret aws-secret awssecret secret_access_key secretaccesskey secret-access-key aws_access',
    /^[A-Za-z0-9/+]{40}$/,
  ],
  [
    'aws_session_token',
    'AWS session token',
    'session_token sessiontoken security_token',
    /^[A-Za-z0-9/+=._-]{64,1280}$/,
  ],
  [
    'azure_key',
    'Azure key',
    'azure',
    /^(?:[a-f0-9]{32}|[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==|[A-Za-z0-9]{84}|[a-z2-7]{52})$/i,
  ],
  ['cohere_key', 'Cohere API key', 'cohere co_api_key', ALNUM('40')],
  ['mistral_key', 'Mistral API key', 'mistral codestral', ALNUM('32')],
  ['together_key', 'Together AI API key', 'together', HEX('64')],
  ['ai21_key', 'AI21 API key', 'ai21', ALNUM('32,48')],
  ['sambanova_key', 'SambaNova API key', 'sambanova', UUID],
  ['assemblyai_key', 'AssemblyAI API key', 'assemblyai', ALNUM('32')],
  ['deepgram_key', 'Deepgram API key', 'deepgram', HEX('40')],
  ['deepinfra_key', 'DeepInfra API key', 'deepinfra', ALNUM('32')],
  ['fal_key', 'fal API key', 'fal_key falai fal-', /^[0-9a-f-]{36}:[0-9a-f]{32}$/],
  ['ollama_key', 'Ollama API key', 'ollama', /^[a-f0-9]{32}\.[\w-]{24}$/],
  ['wandb_key', 'Weights & Biases API key', 'wandb weightsandbiases', HEX('40')],
  ['cloudflare_key', 'Cloudflare key', 'cloudflare cf_', /^(?:[a-z0-9_-]{40}|[a-f0-9]{37})$/i],
  ['heroku_key', 'Heroku API key', 'heroku', UUID],
  ['datadog_key', 'Datadog key', 'datadog dd_', /^(?:[a-f0-9]{32}|[a-z0-9-]{40})$/i],
  ['okta_token', 'Okta token', 'okta', /^00[\w=-]{40}$/],
  ['telnyx_key', 'Telnyx key', 'telnyx', /^KEY[0-9A-Za-z_-]{55}$/],
  ['pagerduty_key', 'PagerDuty key', 'pagerduty', /^[\w+-]{20}$/],
  ['ngrok_token', 'ngrok token', 'ngrok', /^[A-Za-z0-9]{27}_[A-Za-z0-9]{21}$/],
  ['netlify_token', 'Netlify token', 'netlify', WORDS('40,46')],
  ['twilio_token', 'Twilio auth token', 'twilio', HEX('32')],
  ['discord_secret', 'Discord secret', 'discord', /^(?:[a-f0-9]{64}|[\w=-]{32})$/i],
  ['kraken_key', 'Kraken key', 'kraken', /^[\w/=+-]{80,90}$/],
  ['sidekiq_secret', 'Sidekiq secret', 'contribsys', /^[a-f0-9]{8}:[a-f0-9]{8}$/],
  ['etsy_key', 'Etsy key', 'etsy', /^[a-z0-9]{24}(?::[a-z0-9]{10,64})?$/],
  ['sumologic_key', 'Sumo Logic key', 'sumo', /^(?:su[A-Za-z0-9]{12}|[A-Za-z0-9]{64})$/],
  ['linkedin_secret', 'LinkedIn secret', 'linkedin linked_in linked-in', ALNUM('14,16')],
  ['dropbox_secret', 'Dropbox secret', 'dropbox', /^[a-z0-9]{11}(?:[a-z0-9]{4}|A{10}[\w=-]{43})$/i],
  ['configcat_key', 'ConfigCat key', 'configcat', /^[\w-]{22}\/[\w-]{22}$/],
  ['kagi_key', 'Kagi key', 'kagi', /^[\w-]{11}\.[\w-]{43}$/],
  [
    'service_uuid',
    'Key of a service',
    'hubspot sendbird snyk squarespace messagebird message_bird message-bird kucoin postmark opsgenie pinecone wakatime scaleway scw_ volcengine nanogpt codecov',
    /^(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[a-z0-9]{24,40})$/i,
  ],
  [
    'service_key',
    'Key of a service',
    'adafruit adobe airtable algolia alibaba asana beamer bitbucket bittrex civo codacy coinbase confluent contentful coveralls disqus droneci facebook fastly finicity finnhub flickr freshbooks gitter gumroad hunter ibm intercom jfrog artifactory bintray jumpcloud launchdarkly lark looker mailgun mapbox mattermost maxmind meraki nytimes newyorktimes openweather plaid plivo privateai private_ai private-ai rapidapi shodan sonar sentry stripe tableau telegram travis twitch twitter upstash upstage vercel virustotal vultr yandex zendesk hetzner linode atlassian confluence jira new-relic newrelic new_relic atlas dnkey',
    /^(?=.*\d)(?=.*[A-Za-z])[\w=+/.-]{16,120}$/,
  ],
];

const base = { kind: 'credential', action: 'redact' } as const;
const vendors: readonly NamedRule[] = NAMED.map(([id, title, names, shape]) => ({
  ...base,
  id,
  title,
  names: names.split(' '),
  shape,
  pattern: /(?:)/,
}));
const password: Rule = { ...base, id: 'password', title: 'Password with a name', pattern: /(?:)/, vague: true };
const secret: Rule = { ...base, id: 'secret', title: 'Secret with a name', pattern: /(?:)/, vague: true };
const header: Rule = { ...base, id: 'authorization', title: 'Authorization header', pattern: /(?:)/, vague: true };

/** One prefilter and one reader for all of them. */
export const NAMED_RULES: readonly Rule[] = [
  {
    ...secret,
    literals: [...NAME_LITERALS, ...new Set(vendors.flatMap((rule) => rule.names))],
    pattern: createAssignment({ password, secret, header, vendors }),
    maxLength: 1600,
    glued: true,
    behind: true,
  },
];
/** Every rule that a finding of `NAMED_RULES` can name. */
export const NAMED_RULE_LIST: readonly Rule[] = [password, secret, header, ...vendors];
