/** Where the audit trail is told to, as the file says it. */
import { type Static, Type } from '@sinclair/typebox';

export const AuditEntry = Type.Object(
  {
    stream: Type.Optional(Type.String({ minLength: 1, maxLength: 2000 })),
    headers_env: Type.Optional(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' })),
  },
  { additionalProperties: false },
);

export type TrailTarget =
  | { kind: 'udp' | 'tcp' | 'tls'; host: string; port: number; name: string }
  | { kind: 'otlp'; url: URL; name: string; headersEnv: string | null };

export interface AuditSettings {
  audit: {
    /** Null: it stays in the record. */
    stream: TrailTarget | null;
  };
}

const PORTS = { udp: 514, tcp: 514, tls: 6514 } as const;
/** The path of OTLP over HTTP for logs, and its port. */
const LOGS = '/v1/logs';
const OTLP_PORT = '4318';

export function readAuditEntry(
  file: { audit?: Static<typeof AuditEntry> },
  refuse: (message: string) => never,
): AuditSettings {
  const { stream, headers_env } = file.audit ?? {};
  const target = stream === undefined ? null : targetOf(stream, headers_env ?? null, refuse);
  if (headers_env !== undefined && target?.kind !== 'otlp')
    refuse('audit.headers_env is for a stream of the kind otlp+https://… only.');
  return { audit: { stream: target } };
}

function targetOf(stream: string, headersEnv: string | null, refuse: (message: string) => never): TrailTarget {
  const wrong = (): never =>
    refuse(
      'audit.stream takes syslog+udp://host:514, syslog+tcp://host:514, syslog+tls://host:6514, otlp+http://host:4318 or otlp+https://host:4318, without credentials; headers of OTLP stand in a variable that audit.headers_env names.',
    );
  const [, scheme = '', rest = ''] =
    /^(syslog\+udp|syslog\+tcp|syslog\+tls|otlp\+https?):\/\/(.+)$/.exec(stream) ?? wrong();
  const web = scheme === 'otlp+http' ? 'http' : 'https';
  if (!URL.canParse(`${web}://${rest}`)) wrong();
  // As an address of the web its host is read by the same rules as any other.
  const url = new URL(`${web}://${rest}`);
  if (url.username !== '' || url.password !== '' || url.hash !== '') wrong();
  const given = /^(?:\[[^\]]*\]|[^/:?#]*):(\d+)/.exec(rest)?.[1] ?? null;
  if (scheme.startsWith('otlp')) {
    if (given === null) url.port = OTLP_PORT;
    if (!url.pathname.endsWith(LOGS)) url.pathname = url.pathname.replace(/\/+$/, '') + LOGS;
    return { kind: 'otlp', url, name: url.href, headersEnv };
  }
  if (url.pathname !== '/' || url.search !== '') wrong();
  const kind = scheme.slice('syslog+'.length) as 'udp' | 'tcp' | 'tls';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = given === null ? PORTS[kind] : Number(given);
  return { kind, host, port, name: `${scheme}://${url.hostname}:${port}` };
}

/** Headers as `OTEL_EXPORTER_OTLP_HEADERS` has them: `key=value,key2=value2`, with escapes. Null for what is none. */
export function readHeaders(given: string): Record<string, string> | null {
  const headers: Record<string, string> = {};
  for (const pair of given.split(',')) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, at).trim().toLowerCase();
    if (at < 1 || !/^[a-z0-9-]+$/.test(name)) return null;
    try {
      headers[name] = decodeURIComponent(pair.slice(at + 1).trim());
    } catch {
      return null;
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those may not stand in a header
    if (/[\x00-\x1f\x7f]/.test(headers[name])) return null;
  }
  return headers;
}
