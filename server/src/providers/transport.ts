/** The only code that talks to a vendor. Keep-alive pools, no redirects, no compression, our hop mark, the vendor's key. */
import type { Dispatcher } from 'undici';
import type { WireRequest } from '../contract/dialect.ts';
import { GoblinError } from '../contract/errors.ts';
import type { ProviderFailure } from '../contract/part.ts';
import type { AuthStyle, Provider, Signer } from '../contract/provider.ts';
import type { Reach } from '../guard/egress.ts';
import { Exchange, type Upstream, type UpstreamHandler } from './exchange.ts';
import { classify, flatHeaders, lowered } from './headers.ts';
import { createPools, EgressRefused } from './pools.ts';

/** Names the processes that a call went through, so that one that comes back is refused. */
export const HOP_HEADER = 'x-mcp-hop';

export interface Transport {
  /** `key` is one of the provider's keys; left out means its first. */
  post(
    provider: Provider,
    request: WireRequest,
    hop: string | null,
    handler: UpstreamHandler,
    key?: string | null,
  ): Upstream;
  /** Any call below the provider's base URL; `path` has been checked (edge/raw-path.ts). */
  raw(
    provider: Provider,
    call: { method: Method; path: string; headers: Record<string, string>; body: Buffer | null },
    hop: string | null,
    handler: UpstreamHandler,
    key?: string | null,
  ): Upstream;
  /** A small answer, whole. Rejects with an `Error` that is safe to show when it fails, is late or is larger than 4 MB. */
  get(provider: Provider, path: string, timeoutMs: number): Promise<SmallAnswer>;
  /** Such an answer from an address outside the catalogue: tokens, credentials. */
  fetch(
    method: Method,
    url: URL,
    headers: Record<string, string>,
    body: string | null,
    timeoutMs: number,
    reach?: Reach,
  ): Promise<SmallAnswer>;
  /** A POST to an address outside the catalogue (call-backs). Answers the status. Rejects with `EgressRefused` when it must not be called. */
  deliver(url: URL, headers: Record<string, string>, body: string, timeoutMs: number, reach: Reach): Promise<number>;
  close(): Promise<void>;
}

export interface SmallAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export interface TransportOptions {
  connectMs: number;
  /** Our mark, see `HOP_HEADER`. */
  hop: string;
  userAgent: string;
  proxy: { https: string; none: string } | null;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

const MAX_SMALL_BODY = 4 * 1024 * 1024;

const AUTH: Record<AuthStyle, (key: string) => [string, string] | null> = {
  bearer: (key) => ['authorization', `Bearer ${key}`],
  'x-api-key': (key) => ['x-api-key', key],
  'api-key': (key) => ['api-key', key],
  'api-subscription-key': (key) => ['api-subscription-key', key],
  'x-goog-api-key': (key) => ['x-goog-api-key', key],
  none: () => null,
  // These are made for each call by the provider's signer.
  sigv4: () => null,
  google: () => null,
  entra: () => null,
};

export function authHeaders(provider: Provider, key: string | null = provider.key): Record<string, string> {
  const pair = key === null ? null : AUTH[provider.auth](key);
  return pair ? { [pair[0]]: pair[1] } : {};
}

export function createTransport(options: TransportOptions): Transport {
  const pools = createPools(options);

  interface Place {
    origin: string;
    reach: Reach;
    path: string;
    /** Names and values in turn, as `undici` takes them fastest. */
    headers: readonly string[];
    /** Their names: what the entry of a provider says wins over what its dialect says. */
    names: ReadonlySet<string>;
  }
  // Base URL and keys of a provider never change, so what they mean is worked out once.
  const places = new WeakMap<Provider, Map<string | null, Place>>();
  function placeOf(provider: Provider, key: string | null = provider.key): Place {
    let ofKeys = places.get(provider);
    if (!ofKeys) {
      ofKeys = new Map();
      places.set(provider, ofKeys);
    }
    let place = ofKeys.get(key);
    if (!place) {
      const url = new URL(provider.baseUrl);
      const headers = lowered({
        ...provider.headers,
        ...authHeaders(provider, key),
        'user-agent': options.userAgent,
        'accept-encoding': 'identity',
      });
      place = {
        origin: url.origin,
        reach: provider.reach ?? 'public',
        path: url.pathname.replace(/\/+$/, ''),
        headers: Object.entries(headers).flat(),
        names: new Set(Object.keys(headers)),
      };
      ofKeys.set(key, place);
    }
    return place;
  }

  /** An address that must not be called is told as a failure, like one that cannot be reached. */
  function dispatch(to: Pick<Place, 'origin' | 'reach'>, call: Dispatcher.DispatchOptions, exchange: Exchange): void {
    let pool: Dispatcher;
    try {
      pool = pools.of(to.origin, to.reach);
    } catch (error) {
      // Whoever called has not yet got what it would be told by.
      queueMicrotask(() => exchange.refuse(classify(error as Error)));
      return;
    }
    pool.dispatch(call, exchange);
  }

  function send(
    to: Pick<Place, 'origin' | 'reach'>,
    path: string,
    method: Method,
    headers: string[],
    body: string | Buffer | null,
    handler: UpstreamHandler,
  ): Upstream {
    const exchange = new Exchange(handler);
    dispatch(to, { origin: to.origin, path, method, headers, body }, exchange);
    return exchange;
  }

  /** Adds what the provider's signer makes of the call. Nothing is sent before that. */
  function signed(
    signer: Signer,
    place: Place,
    path: string,
    method: Method,
    headers: string[],
    body: string | Buffer | null,
    handler: UpstreamHandler,
  ): Upstream {
    const exchange = new Exchange(handler);
    const given: Record<string, string> = {};
    for (let n = 0; n < headers.length; n += 2) given[headers[n] as string] = headers[n + 1] as string;
    const go = (made: Record<string, string>) => {
      if (exchange.over) return;
      const all = Object.entries({ ...given, ...made }).flat();
      dispatch(place, { origin: place.origin, path, method, headers: all, body }, exchange);
    };
    const refused = (error: unknown) => exchange.refuse(notSigned(error));
    try {
      const made = signer.sign({ method, url: new URL(place.origin + path), headers: given, body: body ?? '' });
      if (made instanceof Promise) made.then(go).catch(refused);
      else go(made);
    } catch (error) {
      // Whoever called has not yet got what it would be told by.
      queueMicrotask(() => refused(error));
    }
    return exchange;
  }

  function headersOf(place: Place, given: Record<string, string>, hop: string | null): string[] {
    const headers = [...place.headers, HOP_HEADER, hop ? `${hop},${options.hop}` : options.hop];
    for (const name in given) if (!place.names.has(name)) headers.push(name, given[name] as string);
    return headers;
  }

  return {
    post(provider, request, hop, handler, key) {
      const place = placeOf(provider, key);
      const headers = headersOf(place, request.headers, hop);
      const path = baseOf(place.path, request.instead) + request.path;
      return provider.signer
        ? signed(provider.signer, place, path, 'POST', headers, request.body, handler)
        : send(place, path, 'POST', headers, request.body, handler);
    },
    raw(provider, { method, path, headers, body }, hop, handler, key) {
      const place = placeOf(provider, key);
      const all = headersOf(place, headers, hop);
      return provider.signer
        ? signed(provider.signer, place, place.path + path, method, all, body, handler)
        : send(place, place.path + path, method, all, body, handler);
    },
    get(provider, path, timeoutMs) {
      const place = placeOf(provider);
      const headers = ['accept', 'application/json', ...place.headers];
      return small(timeoutMs, (handler) =>
        provider.signer
          ? signed(provider.signer, place, place.path + path, 'GET', headers, null, handler)
          : send(place, place.path + path, 'GET', headers, null, handler),
      );
    },
    fetch(method, url, headers, body, timeoutMs, reach = 'public') {
      const all = Object.entries({ 'user-agent': options.userAgent, ...headers }).flat();
      return small(timeoutMs, (handler) =>
        send({ origin: url.origin, reach }, url.pathname + url.search, method, all, body, handler),
      );
    },
    deliver(url, headers, body, timeoutMs, reach) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          upstream.abort();
          reject(new Error(`no answer within ${timeoutMs} ms`));
        }, timeoutMs);
        const upstream = send(
          { origin: url.origin, reach },
          url.pathname + url.search,
          'POST',
          Object.entries({ 'user-agent': options.userAgent, ...headers }).flat(),
          body,
          {
            head(status) {
              clearTimeout(timer);
              upstream.abort();
              resolve(status);
            },
            data() {},
            end() {},
            error(failure) {
              clearTimeout(timer);
              const refused = failure.code === 'egress_refused';
              reject(refused ? new EgressRefused(failure.detail) : new Error(failure.detail));
            },
          },
        );
      });
    },
    async close() {
      await pools.close();
    },
  };
}

/** The path of the base URL, without the ending that the call's own path stands in place of. */
function baseOf(path: string, instead: string | undefined): string {
  return instead !== undefined && path.endsWith(instead) ? path.slice(0, -instead.length) : path;
}

/** Credentials that could not be had: the vendor never heard of the call. */
function notSigned(error: unknown): ProviderFailure {
  if (error instanceof GoblinError) return { code: error.code, detail: error.detail };
  return { code: 'upstream_unauthorized', detail: 'the credentials of the provider could not be made' };
}

/** Collects a small answer. */
function small(timeoutMs: number, ask: (handler: UpstreamHandler) => Upstream): Promise<SmallAnswer> {
  return new Promise((resolve, reject) => {
    const answer: SmallAnswer = { status: 0, headers: {}, body: '' };
    let size = 0;
    const chunks: Buffer[] = [];
    const timer = setTimeout(() => {
      upstream.abort();
      reject(new Error(`no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    const upstream = ask({
      head(code, headers) {
        answer.status = code;
        answer.headers = flatHeaders(headers);
      },
      data(chunk) {
        size += chunk.length;
        if (size <= MAX_SMALL_BODY) {
          chunks.push(chunk);
          return;
        }
        clearTimeout(timer);
        upstream.abort();
        reject(new Error('the answer is too large'));
      },
      end() {
        clearTimeout(timer);
        resolve({ ...answer, body: Buffer.concat(chunks).toString('utf8') });
      },
      error(failure) {
        clearTimeout(timer);
        reject(new Error(failure.detail));
      },
    });
  });
}
