/** The engine of Cedar, in WebAssembly. Loaded when there is a policy, not before: it takes 50 ms and some megabytes. */
import type * as Engine from '@cedar-policy/cedar-wasm/nodejs';
import { GoblinError } from '../../contract/errors.ts';

export type Cedar = typeof Engine;
export type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';

let loading: Promise<Cedar> | null = null;

/** Rejects with `unavailable`: then nothing that a policy has to decide goes upstream. */
export function loadCedar(load: () => Promise<Cedar> = importCedar): Promise<Cedar> {
  loading ??= load().catch((error: unknown) => {
    loading = null;
    throw new GoblinError('unavailable', 'The policy engine cannot be loaded, so nothing is let in.', { cause: error });
  });
  return loading;
}

const importCedar = (): Promise<Cedar> => import('@cedar-policy/cedar-wasm/nodejs');
