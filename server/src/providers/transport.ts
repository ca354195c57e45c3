/** The only code that talks to a vendor. Keep-alive pools, no redirects, no compression, our hop mark, the vendor's key. */
import { type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import type { ProviderFailure } from '../contract/part.ts';
import type { WireRequest } from '../contract/ports.ts';
import type { AuthStyle, Provider } from '../contract/provider.ts';
import { classify, flatHeaders, lowered, type RawHeaders } from './headers.ts';

/** Names the processes that a call went through, so that one that comes back is refused. */
export const HOP_HEADER = 'x-mcp-hop';

export interface UpstreamHandler {
  head(status: number, headers: RawHeaders): void;
  data(chunk: Buffer): void;
  end(): void;
  /** The connection failed. `sent` is false when nothing can have reached the vendor. */
  error(failure: ProviderFailure, sent: boolean): void;
}

export interface Upstream {
  /** The call is on its way: the vendor may have it. */
  readonly begun: boolean;
  pause(): void;
  resume(): void;
  /** Closes the socket. The handler hears nothing more. */
  abort(): void;
}

export interface Transport {
  post(provider: Provider, request: WireRequest, hop: string | null, handler: UpstreamHandler): Upstream;
  /** A small answer, whole. Rejects with an `Error` that is safe to show when it fails, is late or is larger than 4 MB. */
  get(
    provider: Provider,
    path: string,
    timeoutMs: number,
  ): Promise<{ status: number; headers: Record<string, string>; body: string }>;
  /** A POST to an address outside the catalogue (call-backs). Answers the status. */
  deliver(url: URL, headers: Record<string, string>, body: string, timeoutMs: number): Promise<number>;
  close(): Promise<void>;
}

export interface TransportOptions {
  connectMs: number;
  /** Our mark, see `HOP_HEADER`. */
  hop: string;
  userAgent: string;
  proxy: { https: string; none: string } | null;
}

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

export function authHeaders(provider: Provider): Record<string, string> {
  const pair = provider.key === null ? null : AUTH[provider.auth](provider.key);
  return pair ? { [pair[0]]: pair[1] } : {};
}

export function createTransport(options: TransportOptions): Transport {
  const pools = new Map<string, Dispatcher>();
  const settings = {
    connect: { timeout: options.connectMs, noDelay: true },
    // Our own clocks decide; theirs would cut long thoughts short.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 30_000,
    allowH2: false,
  };

  function poolOf(origin: string): Dispatcher {
    let pool = pools.get(origin);
    if (!pool) {
      pool = options.proxy
        ? new EnvHttpProxyAgent({
            ...settings,
            httpProxy: '',
            httpsProxy: options.proxy.https,
            noProxy: options.proxy.none,
          })
        : new Pool(origin, settings);
      pools.set(origin, pool);
    }
    return pool;
  }

  interface Place {
    origin: string;
    path: string;
    /** Names and values in turn, as `undici` takes them fastest. */
    headers: readonly string[];
    /** Their names: what the entry of a provider says wins over what its dialect says. */
    names: ReadonlySet<string>;
  }
  // Base URL and key of a provider never change, so what they mean is worked out once.
  const places = new WeakMap<Provider, Place>();
  function placeOf(provider: Provider): Place {
    let place = places.get(provider);
    if (!place) {
      const url = new URL(provider.baseUrl);
      const headers = lowered({
        ...provider.headers,
        ...authHeaders(provider),
        'user-agent': options.userAgent,
        'accept-encoding': 'identity',
      });
      place = {
        origin: url.origin,
        path: url.pathname.replace(/\/+$/, ''),
        headers: Object.entries(headers).flat(),
        names: new Set(Object.keys(headers)),
      };
      places.set(provider, place);
    }
    return place;
  }

  function send(
    origin: string,
    path: string,
    method: 'GET' | 'POST',
    headers: string[],
    body: string | null,
    handler: UpstreamHandler,
  ): Upstream {
    const exchange = new Exchange(handler);
    poolOf(origin).dispatch({ origin, path, method, headers, body }, exchange);
    return exchange;
  }

  return {
    post(provider, request, hop, handler) {
      const place = placeOf(provider);
      const headers = [...place.headers, HOP_HEADER, hop ? `${hop},${options.hop}` : options.hop];
      for (const name in request.headers) {
        if (!place.names.has(name)) headers.push(name, request.headers[name] as string);
      }
      return send(place.origin, place.path + request.path, 'POST', headers, request.body, handler);
    },
    get(provider, path, timeoutMs) {
      const place = placeOf(provider);
      return new Promise((resolve, reject) => {
        let status = 0;
        let head: Record<string, string> = {};
        let size = 0;
        const chunks: Buffer[] = [];
        const timer = setTimeout(() => {
          upstream.abort();
          reject(new Error(`no answer within ${timeoutMs} ms`));
        }, timeoutMs);
        const upstream = send(
          place.origin,
          place.path + path,
          'GET',
          ['accept', 'application/json', ...place.headers],
          null,
          {
            head(code, headers) {
              status = code;
              head = flatHeaders(headers);
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
              resolve({ status, headers: head, body: Buffer.concat(chunks).toString('utf8') });
            },
            error(failure) {
              clearTimeout(timer);
              reject(new Error(failure.detail));
            },
          },
        );
      });
    },
    deliver(url, headers, body, timeoutMs) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          upstream.abort();
          reject(new Error(`no answer within ${timeoutMs} ms`));
        }, timeoutMs);
        const upstream = send(
          url.origin,
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
              reject(new Error(failure.detail));
            },
          },
        );
      });
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}

const CLOSED = new Error('closed by us');

/** One call and its answer. A class, because there is one for every attempt on the hot path. */
class Exchange implements Upstream, Dispatcher.DispatchHandler {
  readonly #handler: UpstreamHandler;
  #controller: Dispatcher.DispatchController | null = null;
  #over = false;
  #paused = false;

  constructor(handler: UpstreamHandler) {
    this.#handler = handler;
  }

  get begun(): boolean {
    return this.#controller !== null;
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.abort(CLOSED);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Whoever gave up while the connection was made must not be sent for.
    if (this.#over) controller.abort(CLOSED);
    else if (this.#paused) controller.pause();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: RawHeaders): void {
    if (!this.#over && status >= 200) this.#handler.head(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#over) this.#handler.data(chunk);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.error(classify(error), this.#controller !== null);
  }
}
