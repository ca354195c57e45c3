/**
 * Keys of Azure that carry a signature at a fixed place, so that a scanner knows them by it. Sources: the patterns that
 * Microsoft publishes for its identifiable keys (security-utilities, Azure DevOps push protection).
 */
import { entropy } from './checks.ts';
import type { HandMatcher } from './rule.ts';
import { NOTHING } from './rule.ts';

interface Signed {
  sign: string;
  /** Characters of the alphabet before the signature, at least and at most. */
  least: number;
  most: number;
  alphabet: RegExp;
  after: RegExp;
  /** The longest `after`. */
  length: number;
}

const B64 = /[A-Za-z0-9+/]/;
const URL64 = /[\w-]/;
const ALNUM = /[A-Za-z0-9]/;
const key = (
  signs: string,
  count: number,
  alphabet: RegExp,
  after: RegExp,
  length: number,
  most: number = count,
): Signed[] => signs.split(' ').map((sign) => ({ sign, least: count, most, alphabet, after, length }));

const SIGNED: readonly Signed[] = [
  // 512 bits: API Management, Cosmos DB, Batch, Machine Learning, Storage.
  ...key('APIM ACDb +ABa +AMC +ASt', 76, B64, /[A-Za-z0-9+/]{5}[AQgw]==/y, 8),
  // 256 bits: IoT, Service Bus, Event Hubs, Relay, Event Grid.
  ...key('AIoT +ASb +AEh +ARm AZEG', 33, B64, /[A-P][A-Za-z0-9+/]{5}=/y, 7),
  ...key('AzFu', 44, URL64, /[\w-]{5}[AQgw]==/y, 8),
  ...key('AzSe', 42, ALNUM, /[A-D][A-Za-z0-9]{5}(?![A-Za-z0-9])/y, 7),
  ...key('+ACR', 42, B64, /[A-D][A-Za-z0-9+/]{5}(?![A-Za-z0-9+/])/y, 7),
  ...key('AzCa', 33, ALNUM, /[A-P][A-Za-z0-9]{5}=/y, 7),
  // 84 characters: Azure AI, DevOps, Web PubSub and what came since 2024.
  ...key('JQQJ99', 48, ALNUM, /[A-Za-z0-9]{18,34}(?![A-Za-z0-9])/y, 35, 56),
];

/** `hit` is at the signature, in the middle: of a stream, what stands before it was shown by then. */
const find: HandMatcher = (text, hit, final) => {
  for (const { sign, least, most, alphabet, after, length } of SIGNED) {
    if (!text.startsWith(sign, hit)) continue;
    let from = hit;
    while (from > 0 && hit - from < most && alphabet.test(text.charAt(from - 1))) from--;
    if (hit - from < least || (from > 0 && alphabet.test(text.charAt(from - 1)) && least !== most)) continue;
    after.lastIndex = hit + sign.length;
    if (!final && text.length - after.lastIndex < length) return { match: null, open: Math.min(hit, text.length) };
    const found = after.exec(text);
    if (!found || entropy(text.slice(from, hit)) < 3.8) continue;
    return { match: { start: hit, from, to: hit + sign.length + found[0].length }, open: -1 };
  }
  return NOTHING;
};

export const signedKey = { literals: SIGNED.map(({ sign }) => sign), find } as const;
