/** The only code that talks to a vendor. Keep-alive pools, no redirects, no compression, our hop mark, the vendor's key. */
import { EnvHttpProxyAgent, type Dispatcher, Pool } from 'undici';
import type { WireRequest } from '../contract/ports.ts';
import type { ProviderFailure } from '../contract/part.ts';
import type { AuthStyle, Provider } from '../contract/provider.ts';

/** Names the processes that a call went through, so that one that comes back is refused. */
export const HOP_HEADER = 'x-mcp-hop';

export interface UpstreamHandler {
  head(status: number, headers: Record<string, string>): void;
  data(chunk: Buffer): void;
  end(): void;
  /** The connection failed. `sent` is false when nothing can have reached the vendor. */
  error(failure: ProviderFailure, sent: boolean): void;
}

export interface Upstream {
  pause(): void;
  resume(): void;
  /** Closes the socket. The handler hears nothing more. */
  abort(): void;
}

export interface Transport {
  post(provider: Provider, request: WireRequest, hop: string | null, handler: UpstreamHandler): Upstream;
  /** A small answer, whole. Rejects with an `Error` that is safe to show when it fails, is late or is larger than 4 MB. */
  get(provider: Provider, path: string, timeoutMs: number): Promise<{ status: number; headers: Record<string, string>; body: string }>;
  /** A POST to an address outside the catalogue (call-backs). Answers the status. */
  deliver(url: URL, headers: Record<string, string>, body: string, timeoutMs: number): Promise<number>;
  close(): Promise<void>;
}

export interface TransportOptions {
  connectMs: number;
  instance: string;
  userAgent: string;
  proxy: { https: string; none: string } | null;
}

const MAX_SMALL_BODY = 4 * 1024 * 1024;

const AUTH: Record<AuthStyle, (key: string) => [string, string] | null> = {
  bearer: (key) => ['authorization', `Bearer ${key}`],
  'x-api-key': (key) => ['x-api-key', key],
  'api-key': (key) => ['api-key', key],
  'api-subscription-key': (key) => ['api-subscription-key', key],
  none: () => null,
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
        ? new EnvHttpProxyAgent({ ...settings, httpsProxy: options.proxy.https, noProxy: options.proxy.none })
        : new Pool(origin, settings);
      pools.set(origin, pool);
    }
    return pool;
  }

  interface Place {
    origin: string;
    path: string;
    headers: Record<string, string>;
  }
  // Base URL and key of a provider never change, so what they mean is worked out once.
  const places = new WeakMap<Provider, Place>();
  function placeOf(provider: Provider): Place {
    let place = places.get(provider);
    if (!place) {
      const url = new URL(provider.baseUrl);
      place = {
        origin: url.origin,
        path: url.pathname.replace(/\/+$/, ''),
        headers: { ...provider.headers, ...authHeaders(provider), 'user-agent': options.userAgent },
      };
      places.set(provider, place);
    }
    return place;
  }

  function send(
    origin: string,
    path: string,
    method: 'GET' | 'POST',
    headers: Record<string, string>,
    body: string | null,
    handler: UpstreamHandler,
  ): Upstream {
    let controller: Dispatcher.DispatchController | null = null;
    let over = false;
    let pausedEarly = false;
    let sent = false;
    const gone = new Error('closed by us');
    poolOf(origin).dispatch(
      { origin, path, method, headers, body },
      {
        onRequestStart(control) {
          controller = control;
          sent = true;
          if (over) control.abort(gone);
          else if (pausedEarly) control.pause();
        },
        onResponseStart(_control, status, raw) {
          if (over || status < 200) return;
          handler.head(status, flat(raw));
        },
        onResponseData(_control, chunk) {
          if (!over) handler.data(chunk);
        },
        onResponseEnd() {
          if (over) return;
          over = true;
          handler.end();
        },
        onResponseError(_control, error) {
          if (over) return;
          over = true;
          handler.error(classify(error), sent);
        },
      },
    );
    return {
      pause() {
        if (controller) controller.pause();
        else pausedEarly = true;
      },
      resume() {
        pausedEarly = false;
        controller?.resume();
      },
      abort() {
        if (over) return;
        over = true;
        controller?.abort(gone);
      },
    };
  }

  return {
    post(provider, request, hop, handler) {
      const place = placeOf(provider);
      const headers = {
        'content-type': 'application/json',
        ...request.headers,
        ...place.headers,
        [HOP_HEADER]: hop ? `${hop},${options.instance}` : options.instance,
      };
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
        const upstream = send(place.origin, place.path + path, 'GET', { accept: 'application/json', ...place.headers }, null, {
          head(code, headers) {
            status = code;
            head = headers;
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
        });
      });
    },
    deliver(url, headers, body, timeoutMs) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          upstream.abort();
          reject(new Error(`no answer within ${timeoutMs} ms`));
        }, timeoutMs);
        const upstream = send(url.origin, url.pathname + url.search, 'POST', { 'user-agent': options.userAgent, ...headers }, body, {
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
        });
      });
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) result[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return result;
}

/** Error codes mean the same on every system; messages may name addresses and stay inside. */
function classify(error: Error & { code?: string }): ProviderFailure {
  const code = error.code ?? (error.cause as { code?: string } | undefined)?.code ?? '';
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return { code: 'upstream_unreachable', detail: 'no connection in time' };
  if (code.startsWith('HPE_')) return { code: 'upstream_protocol', detail: `not HTTP (${code})` };
  return { code: 'upstream_unreachable', detail: code ? `connection failed (${code})` : 'connection failed' };
}
