/** Credentials that are made for each call, or fetched and renewed: one signer for each provider that needs one. */
import type { Provider, Signer } from '../contract/provider.ts';
import { hostWhyNot } from '../guard/egress.ts';
import { createAwsSigner } from './auth/aws.ts';
import { createEntraSigner, entraCredentials } from './auth/entra.ts';
import { createGoogleSigner } from './auth/google.ts';
import { ProviderConfigError } from './place.ts';
import type { Transport } from './transport.ts';

export interface SignerDeps {
  env: Readonly<Record<string, string>>;
  fetch: Transport['fetch'];
}

/** The same provider, able to sign. Nothing is fetched before the first call. */
export function withSigner(provider: Provider, deps: SignerDeps): Provider {
  const signer = signerOf(provider, deps);
  return signer === null ? provider : { ...provider, signer };
}

/** Fixed addresses of identity endpoints are called for credentials alone; every other address must be a public one. */
function credentialsFetch(fetch: Transport['fetch']): Transport['fetch'] {
  return (method, url, headers, body, timeoutMs) =>
    fetch(method, url, headers, body, timeoutMs, hostWhyNot(url.hostname, 'public') === null ? 'public' : 'identity');
}

function signerOf({ name, auth, parameters }: Provider, deps: SignerDeps): Signer | null {
  const { env } = deps;
  const fetch = credentialsFetch(deps.fetch);
  switch (auth) {
    case 'sigv4':
      return createAwsSigner({ env, region: parameters?.region ?? '', fetchSmall: fetch });
    case 'google':
      return createGoogleSigner({
        credentials: env.GOOGLE_APPLICATION_CREDENTIALS ?? null,
        metadata: true,
        fetchToken: fetch,
      });
    case 'entra': {
      const credentials = entraCredentials(env);
      if (typeof credentials !== 'string') return createEntraSigner({ ...credentials, fetchToken: fetch });
      throw new ProviderConfigError(`The provider ${name} signs with Entra ID: ${credentials}.`);
    }
    default:
      return null;
  }
}
