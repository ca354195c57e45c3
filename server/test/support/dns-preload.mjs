/**
 * For a process under attack: names that end in `.attack.test` are looked up at a name server of the test, and no
 * connection leaves the machine; each that would is noted instead, a line each.
 */
import { appendFileSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';

const require = createRequire(import.meta.url);
const dns = require('node:dns');
const net = require('node:net');
const resolver = new dns.Resolver({ timeout: 15_000, tries: 1 });
resolver.setServers([`127.0.0.1:${process.env.ATTACK_DNS_PORT}`]);
const note = (line) => appendFileSync(process.env.ATTACK_NOTES, `${line}\n`);

const lookup = dns.lookup;
dns.lookup = (hostname, options, done) => {
  if (!/\.attack\.test\.?$/i.test(hostname)) return lookup(hostname, options, done);
  const found = [];
  resolver.resolve4(hostname.replace(/\.$/, ''), (_error, four = []) => {
    found.push(...four.map((address) => ({ address, family: 4 })));
    resolver.resolve6(hostname.replace(/\.$/, ''), (_none, six = []) => {
      found.push(...six.map((address) => ({ address, family: 6 })));
      if (found.length === 0) {
        done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }));
      } else if (options?.all) done(null, found);
      else done(null, found[0].address, found[0].family);
    });
  });
};

const isHere = (address) => /^(127\.|::1$|::ffff:127\.)/.test(address);
const failed = (address) => Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: 'ECONNREFUSED' });
const connect = net.connect;
net.connect = (options, ...rest) => {
  if (typeof options !== 'object' || options.host === undefined || options.path) return connect(options, ...rest);
  if (net.isIP(options.host) !== 0 && !isHere(options.host)) {
    note(`connect ${options.host}`);
    return connect(
      { ...options, host: 'nowhere.attack.test', lookup: (_name, _options, done) => done(failed(options.host)) },
      ...rest,
    );
  }
  const own = options.lookup;
  if (!own) return connect(options, ...rest);
  return connect(
    {
      ...options,
      lookup: (name, how, done) =>
        own(name, how, (error, found, family) => {
          if (error) return done(error, found, family);
          const all = Array.isArray(found) ? found.map((one) => one.address) : [found];
          const away = all.find((address) => !isHere(address));
          if (away === undefined) return done(null, found, family);
          note(`connect ${away} for ${name}`);
          return done(failed(away), []);
        }),
    },
    ...rest,
  );
};
net.createConnection = net.connect;
syncBuiltinESMExports();
