/** A server in the test's own process, so that its prototypes can be looked at after an attack. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { readConfig } from '../../src/app/config.ts';
import { type Running, start } from '../../src/app/start.ts';
import { bearer } from './accounts.ts';
import { type CallOptions, call } from './api.ts';
import { makePlace } from './server.ts';

export interface Attacked {
  server: Running;
  operator: Record<string, string>;
  /** Throws when the answer is an error of ours, or shows our insides. Answers the status. */
  isFine(method: string, path: string, options?: CallOptions): Promise<number>;
  /** Throws when a prototype is not what it was. */
  isPure(what: string): void;
  /** Throws when it does not serve any more, or has logged an error of ours. */
  close(): Promise<void>;
}

const PROTOTYPES = [Object, Array, String, Number, Function, Map, Promise, Error].map((one) => one.prototype as object);
const shapeOf = (): string => JSON.stringify(PROTOTYPES.map((one) => Reflect.ownKeys(one).map(String)));

/** Of our insides, in an answer. */
export const INSIDES =
  /\.ts:\d+|node_modules|syntax error|invalid input syntax|violates|\bat async\b|relation "|TypeError|Cannot read|is not a function|invalid byte sequence/;

export async function startAttacked(): Promise<Attacked> {
  const shape = shapeOf();
  let errors = '';
  const write = process.stderr.write.bind(process.stderr);
  const { folder, dataDir } = makePlace({ simulator: true, callbacks: { allow_private: true } });
  process.stderr.write = ((chunk: string | Uint8Array) => {
    errors += String(chunk);
    return true;
  }) as typeof process.stderr.write;
  const env = { PORT: '0', MCP_DATA_DIR: dataDir, MCP_CONFIG: join(folder, 'goblin.yaml'), MCP_AUTH: 'required' };
  const server = await start(readConfig(folder, { ...env, LOG_LEVEL: 'error' }));
  const operator = bearer(server.token);
  const isPure = (what: string) => assert.equal(shapeOf(), shape, `${what} has changed a prototype`);
  return {
    server,
    operator,
    isPure,
    async isFine(method, path, options = {}) {
      const answer = await call(server, path, { method, ...options, headers: { ...operator, ...options.headers } });
      const sent = `${method} ${path.slice(0, 300)} ${String(options.raw ?? '').slice(0, 600)}`;
      const told = `${sent}: ${answer.status} ${answer.text.slice(0, 400)}`;
      // What a vendor did wrong is no error of ours.
      const ours = !/"code":"(?:interrupted|upstream_\w+|deadline_exceeded)"/.test(answer.text);
      assert.ok(answer.status < 500 || !ours, told);
      if (answer.status >= 400) assert.doesNotMatch(answer.text, INSIDES, told);
      assert.doesNotMatch(answer.headers.get('set-cookie') ?? '', /a=b/, told);
      return answer.status;
    },
    async close() {
      const alive = await call(server, '/healthz');
      await server.close(0);
      process.stderr.write = write;
      assert.equal(alive.status, 200);
      isPure('something');
      assert.equal(({} as { polluted?: unknown }).polluted, undefined);
      assert.ok(!errors.includes('a request failed'), errors.slice(0, 3000));
    },
  };
}

/** Some at once. */
export async function all<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    }),
  );
}
