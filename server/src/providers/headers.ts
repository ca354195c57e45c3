/** Headers in the forms that they are needed in, and errors of connections by what they mean. */
import type { ProviderFailure } from '../contract/part.ts';

/** As the HTTP client gives them, names in lower case. */
export type RawHeaders = Record<string, string | string[] | undefined>;

export const lowered = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

export function flatHeaders(headers: RawHeaders): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) result[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return result;
}

/** Error codes mean the same on every system; messages may name addresses and stay inside. */
export function classify(error: Error & { code?: string }): ProviderFailure {
  const code = error.code ?? (error.cause as { code?: string } | undefined)?.code ?? '';
  if (code === 'EGRESS_REFUSED')
    return { code: 'egress_refused', detail: `the address may not be called: ${error.message}` };
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return { code: 'upstream_unreachable', detail: 'no connection in time' };
  if (code.startsWith('HPE_')) return { code: 'upstream_protocol', detail: `not HTTP (${code})` };
  return { code: 'upstream_unreachable', detail: code ? `connection failed (${code})` : 'connection failed' };
}
