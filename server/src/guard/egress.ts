/** Which addresses a call may go to: decided by what a name resolves to, at the moment of the connection. */
import { BlockList, isIP } from 'node:net';
import { isPrivateAddress, mappedAddress } from './addresses.ts';

/**
 * `public`: the open internet. `private`: what the operator named himself, wherever it is. `identity`: the fixed addresses
 * of cloud identity endpoints, for credentials alone.
 */
export type Reach = 'public' | 'private' | 'identity';

/** They hand out credentials of the machine to whoever asks: never for anything but that. */
const METADATA = new BlockList();
for (const address of [
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '169.254.169.253',
  '169.254.0.23',
  '169.254.42.42',
  '100.100.100.200',
  '192.0.0.192',
  // Azure's host: it hands out what extensions of a machine are given.
  '168.63.129.16',
]) {
  METADATA.addAddress(address, 'ipv4');
}
for (const address of ['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254']) METADATA.addAddress(address, 'ipv6');
const METADATA_NAMES = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.azure.internal',
  'metadata.tencentyun.com',
  'metadata.packet.net',
  'instance-data',
  'instance-data.ec2.internal',
  'api.metadata.cloud.ibm.com',
]);

const isMetadata = (address: string): boolean => {
  const inside = isIP(address) === 6 ? mappedAddress(address) : null;
  return METADATA.check(inside ?? address, isIP(inside ?? address) === 6 ? 'ipv6' : 'ipv4');
};

const isLoopback = (address: string): boolean => {
  const plain = isIP(address) === 6 ? (mappedAddress(address) ?? address) : address;
  return plain.startsWith('127.') || plain === '::1';
};

/** Null: it may be called. Else why not, without naming what it resolved to. */
export function whyNot(address: string, reach: Reach): string | null {
  if (isIP(address) === 0) return 'it is not an address';
  if (isMetadata(address)) return reach === 'identity' ? null : 'it is an address of cloud metadata';
  if (reach === 'private') return null;
  if (reach === 'identity') return isLoopback(address) ? null : 'it is not an identity endpoint';
  return isPrivateAddress(address) ? 'it is a private address' : null;
}

/** Why a URL is called by nobody, whatever is allowed; null: it may be. For what names an address long before it is called. */
export const neverWhy = (url: string): string | null => hostWhyNot(new URL(url).hostname, 'private');

/**
 * What is wrong with an address that somebody gives us to be told at; null: it may be kept. A password in it would stand
 * in lists and events, and `fetch` takes none.
 */
export function hookProblem(text: string): string | null {
  const url = text.isWellFormed() && URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    return 'must be an http or https URL without user and password';
  }
  const never = neverWhy(url.href);
  return never === null ? null : `is never called: ${never}`;
}

/** The same for the host of a URL, before anything is resolved: an address, or a name that says enough. */
export function hostWhyNot(hostname: string, reach: Reach): string | null {
  const bare = hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.+$/, '')
    .toLowerCase();
  if (isIP(bare) !== 0) return whyNot(bare, reach);
  if (METADATA_NAMES.has(bare)) return reach === 'identity' ? null : 'it is a name of cloud metadata';
  return null;
}
