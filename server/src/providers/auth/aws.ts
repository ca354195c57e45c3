/**
 * Signs calls to Amazon Bedrock with SigV4. Credentials are found once, kept, and renewed before they run out; a Bedrock
 * API key (`AWS_BEARER_TOKEN_BEDROCK`) needs none of this.
 */
import { homedir } from 'node:os';
import { GoblinError } from '../../contract/errors.ts';
import type { Signer } from '../../contract/provider.ts';
import { findCredentials, NOWHERE } from './aws-chain.ts';
import { readText } from './aws-files.ts';
import { type AwsKeys, createSigV4 } from './aws-sigv4.ts';
import { type AwsSources, type FetchSmall, refused, unreachable } from './aws-sources.ts';

export { awsDomain, findAwsRegion, isAwsRegion } from './aws-region.ts';

export interface AwsSignerOptions {
  /** The process's variables, as `app/config` read them. */
  env: Readonly<Record<string, string | undefined>>;
  region: string;
  fetchSmall: FetchSmall;
  /** Only this profile of the shared files, whatever else there is. */
  profile?: string;
  /** Default: Bedrock's. */
  service?: string;
  /** Default: the user's. */
  home?: string | null;
  readFile?: AwsSources['readFile'];
  /** Milliseconds. */
  now?: () => number;
}

/** Renewal begins that long before the end, in the background. */
const EARLY_MS = 5 * 60_000;
/** A call that is signed so late may arrive after the end. */
const LAST_MS = 30_000;
/** After a renewal, whatever came of it, the next one in the background waits. */
const PAUSE_MS = 30_000;
/** A failure is not asked for again with every call. */
const FAILED_MS = 5000;
/** Keys in files may have been replaced by then. */
const REREAD_MS = 5 * 60_000;

interface Current {
  keys: AwsKeys;
  renewAt: number;
  expiresAt: number;
}

export function createAwsSigner(options: AwsSignerOptions): Signer {
  const now = options.now ?? Date.now;
  const sources: AwsSources = {
    env: options.env,
    home: options.home === undefined ? homedir() : options.home,
    region: options.region,
    fetchSmall: options.fetchSmall,
    readFile: options.readFile ?? readText,
    now,
  };
  const sigV4 = createSigV4(options.region, options.service ?? 'bedrock');
  let current: Current | null = null;
  let running: Promise<Current> | null = null;
  let failure: { error: GoblinError; until: number } | null = null;
  let pausedUntil = 0;

  async function find(): Promise<Current> {
    const found = await findCredentials(sources, options.profile);
    // Where there were some, their source is away: that passes, and no key has to be looked after.
    if (found === null)
      throw current === null ? refused(NOWHERE) : unreachable('the source of AWS credentials is away');
    const { keys, expiresAt, again } = found;
    if (expiresAt === null) {
      return {
        keys,
        renewAt: again ? now() + REREAD_MS : Number.POSITIVE_INFINITY,
        expiresAt: Number.POSITIVE_INFINITY,
      };
    }
    if (expiresAt <= now()) throw unreachable('the AWS credentials that were found have run out already');
    // What ends very soon still serves until its end.
    return { keys, renewAt: expiresAt - EARLY_MS, expiresAt: Math.max(expiresAt - LAST_MS, now() + 1) };
  }

  /** One search at a time, whoever asks. */
  function renew(): Promise<Current> {
    running ??= find()
      .then(
        (found) => {
          current = found;
          failure = null;
          return found;
        },
        (error: unknown) => {
          const known = error instanceof GoblinError ? error : unreachable('AWS credentials could not be looked for');
          failure = { error: known, until: now() + FAILED_MS };
          throw known;
        },
      )
      .finally(() => {
        running = null;
        pausedUntil = now() + PAUSE_MS;
      });
    return running;
  }

  return {
    sign(call) {
      const at = now();
      if (current !== null && at < current.expiresAt) {
        if (at >= current.renewAt && at >= pausedUntil && running === null) renew().catch(() => undefined);
        return sigV4(call, current.keys, at);
      }
      if (failure !== null && at < failure.until) return Promise.reject(failure.error);
      return renew().then(({ keys }) => sigV4(call, keys, now()));
    },
  };
}
