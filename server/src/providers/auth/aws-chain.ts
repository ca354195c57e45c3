/**
 * Where AWS credentials are looked for, in this order: the environment, a web identity, the shared files, the
 * container, the instance ("AWS SDKs and Tools reference guide", "Standardized credential providers"). What is not done
 * here: running a program (`credential_process`), single sign-on, multi-factor codes; each is refused by name.
 */
import { type Profile, readProfiles } from './aws-files.ts';
import { isAwsRegion } from './aws-region.ts';
import { fromContainer, fromInstance } from './aws-remote.ts';
import { type AwsSources, checkedKeys, type Found, refused } from './aws-sources.ts';
import { assumeRole, assumeWithToken } from './aws-sts.ts';

/** A chain of roles that is longer goes in circles. */
const MOST_ROLES = 8;

/** What nobody can sign with, in the words of whoever must do something about it. */
export const NOWHERE =
  'no AWS credentials: neither AWS_ACCESS_KEY_ID, nor a web identity, a profile, a container’s endpoint or an instance’s role';

/**
 * `profile` is asked for by name: nothing else is then looked at. Null when there is no sign of credentials anywhere.
 * Rejects with a `GoblinError` (see `Signer`).
 */
export async function findCredentials(sources: AwsSources, profile?: string): Promise<Found | null> {
  const { env } = sources;
  if (profile !== undefined) return ofProfile(sources, profile);
  if (env.AWS_ACCESS_KEY_ID || env.AWS_SECRET_ACCESS_KEY) return fromEnvironment(sources);
  if (env.AWS_WEB_IDENTITY_TOKEN_FILE && env.AWS_ROLE_ARN) {
    return assumeWithToken(sources, { arn: env.AWS_ROLE_ARN }, env.AWS_WEB_IDENTITY_TOKEN_FILE);
  }
  if (env.AWS_PROFILE) return ofProfile(sources, env.AWS_PROFILE);
  return (
    (await fromProfile(sources, await readProfiles(sources), 'default', [])) ??
    (await fromContainer(sources)) ??
    (await fromInstance(sources))
  );
}

function fromEnvironment({ env }: AwsSources): Found {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env;
  const keys = checkedKeys('the environment', AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN);
  return { keys, expiresAt: null, again: false };
}

async function ofProfile(sources: AwsSources, name: string): Promise<Found> {
  const found = await fromProfile(sources, await readProfiles(sources), name, []);
  if (found === null) throw refused(`the AWS profile "${name}" is not there, or has no credentials`);
  return found;
}

/** `via`: the profiles that led here. */
async function fromProfile(
  sources: AwsSources,
  profiles: ReadonlyMap<string, Profile>,
  name: string,
  via: readonly string[],
): Promise<Found | null> {
  const profile = profiles.get(name);
  if (profile === undefined) return null;
  const here = `the AWS profile "${name}"`;
  if (via.includes(name) || via.length > MOST_ROLES) throw refused(`${here} leads back to itself by source_profile`);
  const arn = profile.get('role_arn');
  if (arn !== undefined) return fromRole(sources, profiles, name, profile, [...via, name]);
  if (profile.has('aws_access_key_id') || profile.has('aws_secret_access_key')) return staticKeys(here, profile);
  if (profile.has('credential_process')) {
    throw refused(
      `${here} wants credential_process, and no program is run from here; use keys, a role or AWS_* variables`,
    );
  }
  if (profile.has('sso_session') || profile.has('sso_start_url') || profile.has('login_session')) {
    throw refused(`${here} wants a sign-in, which is not done here; export its credentials as AWS_* variables`);
  }
  return null;
}

function staticKeys(here: string, profile: Profile): Found {
  const values = ['aws_access_key_id', 'aws_secret_access_key', 'aws_session_token'].map((key) => profile.get(key));
  return { keys: checkedKeys(here, values[0], values[1], values[2]), expiresAt: null, again: true };
}

async function fromRole(
  sources: AwsSources,
  profiles: ReadonlyMap<string, Profile>,
  name: string,
  profile: Profile,
  via: readonly string[],
): Promise<Found> {
  const here = `the AWS profile "${name}"`;
  if (profile.has('mfa_serial')) throw refused(`${here} wants a multi-factor code, which nobody can type here`);
  const role = {
    arn: profile.get('role_arn') ?? '',
    ...optional('sessionName', profile.get('role_session_name')),
    ...optional('externalId', profile.get('external_id')),
    ...optional('duration', profile.get('duration_seconds')),
    ...optional('region', regionOf(profile)),
  };
  const file = profile.get('web_identity_token_file');
  if (file !== undefined) return assumeWithToken(sources, role, file);
  const source = profile.get('source_profile');
  // A profile may name itself: then its own keys are meant.
  if (source === name) return assumeRole(sources, role, staticKeys(here, profile).keys);
  const found =
    source !== undefined
      ? await fromProfile(sources, profiles, source, via)
      : await fromNamed(sources, here, profile.get('credential_source'));
  if (found === null) throw refused(`${here} has a role, and its source has no credentials`);
  return assumeRole(sources, role, found.keys);
}

/** A region of the profile's own, if it is one. */
function regionOf(profile: Profile): string | undefined {
  const region = profile.get('region');
  return region !== undefined && isAwsRegion(region) ? region : undefined;
}

function fromNamed(sources: AwsSources, here: string, source: string | undefined): Found | Promise<Found | null> {
  switch (source) {
    case 'Environment':
      return fromEnvironment(sources);
    case 'EcsContainer':
      return fromContainer(sources);
    case 'Ec2InstanceMetadata':
      return fromInstance(sources);
    default:
      throw refused(`${here} has a role, and neither source_profile nor a credential_source that is known`);
  }
}

function optional<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: string };
}
