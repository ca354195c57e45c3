/** Where the trail is told to, as the settings say it. */
import { hostname } from 'node:os';
import type { Sql, Telemetry } from '../contract/ports.ts';
import { type Sink, SinkBusy, startTrailStream, type TrailStream } from '../dispatch/trail-stream.ts';
import { MOST_DATAGRAM, openSyslog } from '../providers/syslog.ts';
import type { Transport } from '../providers/transport.ts';
import { readHeaders, type TrailTarget } from '../settings/audit.ts';
import { framed, otlpLogs, syslogLine } from '../telemetry/trail-formats.ts';
import { type Config, ConfigError } from './config.ts';
import { VERSION } from './version.ts';

const TIMEOUT_MS = 15_000;
const LONGEST_RETRY_MS = 600_000;

type Of<K extends TrailTarget['kind']> = Extract<TrailTarget, { kind: K }>;

/** `ca`: for tests. */
export function syslogSink(place: Of<'udp' | 'tcp' | 'tls'>, telemetry: Telemetry, ca?: string): Sink {
  const host = hostname();
  const line = place.kind === 'udp' ? (text: string) => text : framed;
  const most = place.kind === 'udp' ? MOST_DATAGRAM : Number.POSITIVE_INFINITY;
  let said = false;
  const notClosed = () => {
    if (!said)
      telemetry.log('warn', 'the sink of the trail does not close its connections: what it loses is not told again', {
        sink: place.name,
      });
    said = true;
  };
  return {
    name: place.name,
    async open() {
      const telling = await openSyslog({ ...place, ...(ca ? { ca } : {}) }, notClosed);
      return {
        tell: (events) => telling.write(events.map((event) => line(syslogLine(event, host, most)))),
        finish: telling.finish,
        drop: telling.drop,
      };
    },
  };
}

export function otlpSink(
  { url, name }: Of<'otlp'>,
  headers: Record<string, string>,
  fetch: Transport['fetch'],
  telemetry: Telemetry,
): Sink {
  const about = { version: VERSION, host: hostname() };
  const visit = {
    async tell(events: Parameters<typeof otlpLogs>[0]) {
      const body = otlpLogs(events, { ...about, now: Date.now() });
      const all = { 'content-type': 'application/json', ...headers };
      const answer = await fetch('POST', url, all, body, TIMEOUT_MS, 'private');
      if (answer.status < 200 || answer.status > 299) {
        throw new SinkBusy(`status ${answer.status}`, retryAfter(answer.headers['retry-after']));
      }
      const rejected = rejectedOf(answer.body);
      // Those are not to be sent again, says the protocol.
      if (rejected !== null)
        telemetry.log('error', 'the sink of the trail refuses events for good', { sink: name, ...rejected });
    },
    finish: async () => {},
    drop() {},
  };
  return { name, open: async () => visit };
}

function retryAfter(given: string | undefined): number {
  if (given === undefined) return 0;
  const ms = /^\d{1,6}$/.test(given) ? Number(given) * 1000 : Date.parse(given) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.min(LONGEST_RETRY_MS, Math.max(0, ms));
}

/** `partialSuccess` of the answer, if it says that something was not taken. */
function rejectedOf(body: string): { rejected: number; why: string } | null {
  try {
    const said = (JSON.parse(body) as { partialSuccess?: { rejectedLogRecords?: unknown; errorMessage?: unknown } })
      .partialSuccess;
    const rejected = Number(said?.rejectedLogRecords ?? 0);
    return rejected > 0 ? { rejected, why: String(said?.errorMessage ?? '').slice(0, 300) } : null;
  } catch {
    return null;
  }
}

/** The headers that OTLP asks for, from the environment. Throws `ConfigError`. */
export function trailHeaders({ settings, env }: Config): Record<string, string> {
  const target = settings.audit.stream;
  if (target?.kind !== 'otlp' || target.headersEnv === null) return {};
  const name = target.headersEnv;
  const given = env[name];
  if (!given)
    throw new ConfigError(`audit.headers_env names ${name}, but it is not set; set it, e.g. ${name}=key=value.`);
  const headers = readHeaders(given);
  if (headers) return headers;
  throw new ConfigError(
    `${name} is not a list of headers; write it as ${name}=authorization=Bearer%20token,other=value.`,
  );
}

/** Null: the trail stays in the record. */
export async function openTrail(
  sql: Sql,
  config: Config,
  owner: string,
  transport: Pick<Transport, 'fetch'>,
  telemetry: Telemetry,
): Promise<TrailStream | null> {
  const target = config.settings.audit.stream;
  if (target === null) return null;
  const sink =
    target.kind === 'otlp'
      ? otlpSink(target, trailHeaders(config), transport.fetch, telemetry)
      : syslogSink(target, telemetry);
  return await startTrailStream({ sql, sink, owner, telemetry });
}
