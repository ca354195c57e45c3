/** Which headers pass through a raw call. Lists of what may, so that what nobody thought of does not. */
import type { IncomingHttpHeaders } from 'node:http';
import { wrong } from './query.ts';

/** No key, host, cookie, hop or length among them: those are ours to set, or nobody's. */
const ASKED = new Set(
  (
    'accept accept-language content-type content-disposition content-language range if-match if-none-match ' +
    'if-modified-since if-unmodified-since if-range prefer anthropic-version anthropic-beta openai-beta'
  ).split(' '),
);
const ASKED_PREFIX = 'x-amzn-bedrock-';

const ANSWERED = new Set(
  (
    'content-type content-length content-encoding content-language content-disposition content-range accept-ranges etag ' +
    'last-modified cache-control retry-after request-id x-request-id x-amzn-requestid'
  ).split(' '),
);

/** Ours wins where a name is in both. A vendor's page must not act in a browser as if it were one of ours. */
const OURS = { 'x-content-type-options': 'nosniff', 'content-security-policy': "default-src 'none'; sandbox" };

export function headersToVendor(given: IncomingHttpHeaders): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string' || !(ASKED.has(name) || name.startsWith(ASKED_PREFIX))) continue;
    if (!/^[\t\x20-\x7e]*$/.test(value)) wrong(name, 'must be printable ASCII');
    passed[name] = value;
  }
  return passed;
}

export function headersToCaller(given: Readonly<Record<string, string>>): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (ANSWERED.has(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)) passed[name] = value;
  }
  if (!/^\d{1,15}$/.test(passed['content-length'] ?? '0')) delete passed['content-length'];
  return { ...passed, ...OURS };
}
