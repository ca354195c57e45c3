/**
 * What a caller is told of the limits: `RateLimit-Policy` and `RateLimit` as the IETF's draft 10 has them
 * (draft-ietf-httpapi-ratelimit-headers), and the names that OpenAI's clients know.
 */
import type { Count, CountKind } from './book.ts';

export interface Viewed {
  count: Count;
  left: number;
  resetMs: number;
}

/** Quota units; requests are what is meant where none is said. */
const UNITS: Readonly<Record<CountKind, string>> = {
  requests: ';w=60',
  tokens: ';w=60;qu="tokens"',
  concurrent: ';qu="concurrent-requests"',
};

export function rateHeaders(viewed: readonly Viewed[]): Record<string, string> {
  if (viewed.length === 0) return {};
  const policies: string[] = [];
  const states: string[] = [];
  const headers: Record<string, string> = {};
  const tightest: Partial<Record<CountKind, Viewed>> = {};
  for (const one of viewed) {
    const { kind, scope, limit } = one.count;
    policies.push(`"${scope}-${kind}";q=${limit}${UNITS[kind]}`);
    states.push(
      `"${scope}-${kind}";r=${Math.floor(one.left)}${kind === 'concurrent' ? '' : `;t=${seconds(one.resetMs)}`}`,
    );
    const other = tightest[kind];
    if (other === undefined || one.left / limit < other.left / other.count.limit) tightest[kind] = one;
  }
  headers['ratelimit-policy'] = policies.join(', ');
  headers.ratelimit = states.join(', ');
  for (const kind of ['requests', 'tokens'] as const) {
    const one = tightest[kind];
    if (one === undefined) continue;
    headers[`x-ratelimit-limit-${kind}`] = String(one.count.limit);
    headers[`x-ratelimit-remaining-${kind}`] = String(Math.floor(one.left));
    headers[`x-ratelimit-reset-${kind}`] = duration(one.resetMs);
  }
  return headers;
}

const seconds = (ms: number): number => Math.ceil(ms / 1000);

/** As Go writes it, which is how OpenAI does: `1m2s`, `850ms`. */
function duration(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`;
  const all = seconds(ms);
  return all < 60 ? `${all}s` : `${Math.floor(all / 60)}m${all % 60}s`;
}
