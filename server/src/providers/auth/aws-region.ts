/** Which region, and the addresses in it. */
import { homedir } from 'node:os';
import { readProfiles, readText } from './aws-files.ts';
import type { FileSources } from './aws-sources.ts';

const REGION = /^[a-z]{2,4}(-[a-z]{2,10}){1,3}-\d{1,2}$/;

/** A region's name becomes part of a host's, so it must be nothing else. */
export const isAwsRegion = (text: string): boolean => REGION.test(text);

/** Addresses end differently in China and in the sovereign clouds. */
export function awsDomain(region: string): string {
  if (region.startsWith('cn-')) return 'amazonaws.com.cn';
  return region.startsWith('eusc-') ? 'amazonaws.eu' : 'amazonaws.com';
}

/**
 * What the entry says, else `AWS_REGION`, `AWS_DEFAULT_REGION`, and the profile. Null when none says one. Throws an
 * `Error` that names the place when what stands there is no region.
 */
export async function findAwsRegion(
  entry: string | undefined,
  sources: Pick<FileSources, 'env'> & Partial<FileSources>,
  profile?: string,
): Promise<string | null> {
  const { env, home = homedir(), readFile = readText } = sources;
  const places: [string, string | undefined][] = [
    ['region', entry],
    ['AWS_REGION', env.AWS_REGION],
    ['AWS_DEFAULT_REGION', env.AWS_DEFAULT_REGION],
  ];
  for (const [place, text] of places) if (text) return checked(place, text);
  const name = profile ?? env.AWS_PROFILE ?? 'default';
  const profiles = await readProfiles({ env, home, readFile });
  const text = profiles.get(name)?.get('region');
  return text === undefined ? null : checked(`region of the AWS profile "${name}"`, text);
}

function checked(place: string, text: string): string {
  if (isAwsRegion(text)) return text;
  throw new Error(`${place} is "${text.slice(0, 100)}", which is not an AWS region; write it like us-east-1.`);
}
