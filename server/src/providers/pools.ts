/** Connections to the outside: the address that a name resolves to is checked, and the connection goes to that very address. */
import { lookup as resolve } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import { hostWhyNot, type Reach, whyNot } from '../guard/egress.ts';

/** A call that must not be made, and no later try of it either. `code` is what `classify` (headers.ts) knows it by. */
export class EgressRefused extends Error {
  readonly code = 'EGRESS_REFUSED';
}

export interface PoolOptions {
  connectMs: number;
  proxy: { https: string; none: string } | null;
  /** For tests: another resolver. */
  lookup?: typeof resolve;
}

export interface Pools {
  /** Throws `EgressRefused` when the host itself says that it must not be called. */
  of(origin: string, reach: Reach): Dispatcher;
  close(): Promise<void>;
}

export function createPools({ connectMs, proxy, lookup = resolve }: PoolOptions): Pools {
  const pools = new Map<string, Dispatcher>();

  function make(origin: string, reach: Reach): Dispatcher {
    const settings = {
      connect: { timeout: connectMs, noDelay: true, lookup: guarded(lookup, reach) },
      // Our own clocks decide; theirs would cut long thoughts short.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 30_000,
      allowH2: false,
    };
    // Identity endpoints are on the machine itself: no proxy is between. Through a proxy its own rules hold.
    if (!proxy || reach === 'identity') return new Pool(origin, settings);
    return new EnvHttpProxyAgent({
      ...settings,
      httpProxy: '',
      httpsProxy: proxy.https,
      noProxy: proxy.none,
      // The proxy itself is named by the operator.
      proxyTls: { lookup: guarded(lookup, 'private') },
    });
  }

  return {
    of(origin, reach) {
      const name = `${reach} ${origin}`;
      let pool = pools.get(name);
      if (!pool) {
        const why = hostWhyNot(new URL(origin).hostname, reach);
        if (why !== null) throw new EgressRefused(why);
        pool = make(origin, reach);
        pools.set(name, pool);
      }
      return pool;
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}

/** One address that must not be called is enough to refuse the name: whoever mixes them means no good. */
export function guarded(lookup: typeof resolve, reach: Reach): LookupFunction {
  return (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) {
        done(error, []);
        return;
      }
      for (const { address } of addresses) {
        const why = whyNot(address, reach);
        if (why !== null) {
          done(new EgressRefused(why), []);
          return;
        }
      }
      const [first] = addresses;
      if (options.all || !first) done(null, addresses);
      else done(null, first.address, first.family);
    });
  };
}
