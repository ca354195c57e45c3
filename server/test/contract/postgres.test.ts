/** PostgreSQL, straight and through PgBouncer, against the suites of its ports; and what it says when it cannot start. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPostgres, PostgresStartError } from '../../src/drivers/postgres.ts';
import { freePort, startPgbouncer, startPostgres } from '../support/services.ts';
import { sqlConformance } from './suites/sql.ts';

const server = await startPostgres();
const bouncer = await startPgbouncer(server, { default_pool_size: 3 });
after(async () => {
  await bouncer.stop();
  await server.stop();
});

const open = (url: string, retryMs = 2_000) => openPostgres({ url, size: 5, application: 'contract', retryMs });

sqlConformance('postgres', () => open(server.url));
sqlConformance('postgres behind pgbouncer', () => open(bouncer.url));
/** The sentence of a start that fails. It never holds the password. */
async function refusal(url: string, retryMs = 0): Promise<string> {
  const error = await open(url, retryMs).then(
    (sql) => sql.close().then(() => assert.fail('it opened')),
    (reason) => reason,
  );
  assert.ok(error instanceof PostgresStartError, String(error));
  const all = `${error.message}${error.stack}${JSON.stringify(error)}${String(error.cause)}`;
  assert.ok(!all.includes('s3cret'), all);
  assert.ok(!all.includes('goblin-test'), all);
  assert.ok(!error.message.includes('\n'));
  assert.match(error.message, /DATABASE_URL/);
  return error.message;
}

describe('a start that fails', () => {
  const at = server.url.replace(/^.*@/, '').replace(/\/.*$/, '');

  it('names what is wrong with the URL', async () => {
    for (const url of [
      'postgres://u:s3cret@h:port/db',
      'postgres://u:s3cret@h:99999/db',
      'postgres://u:s3cret@a:1,b:2/db',
      'postgres://u:s3cret@h/db#x',
    ]) {
      assert.match(await refusal(url), /cannot be read.*postgres:\/\/user:password@localhost:5432\/goblin/, url);
    }
    for (const url of ['postgres://u:s3cret#x@h:5432/db', 'postgres://u:p@ss/s3cret:rd?#@h:5432/db']) {
      assert.match(await refusal(url), /must be percent-encoded: @ as %40/);
    }
    for (const url of ['mysql://u:s3cret@h/db', 'localhost', '', 's3cret']) {
      assert.match(await refusal(url), /must begin with postgres:\/\//);
    }
    assert.match(await refusal('postgres://u:s3cret@h/db?sslmode=maybe'), /sslmode must be one of disable/);
    assert.match(await refusal('postgres://u:s3cret@h/db?sslrootcert=/none/x'), /sslrootcert cannot be read/);
  });

  it('names a refused login, a missing database, and what to do', async () => {
    for (const url of [`postgres://goblin:s3cret@${at}/goblin`, `postgres://nobody:s3cret@${at}/goblin`]) {
      assert.match(await refusal(url, 5_000), /refused the login of user "(goblin|nobody)": check user and password/);
    }
    assert.match(
      await refusal(server.url.replace(/goblin$/, 'nowhere'), 5_000),
      /no database "nowhere".*createdb nowhere/,
    );
    assert.match(await refusal(bouncer.url.replace(/goblin:[^@]*/, 'goblin:s3cret'), 5_000), /refused the login/);
    assert.match(await refusal(`postgres://goblin@${at}/goblin`, 5_000), /refused the login/);
  });

  it('waits for a server that is not there, so long and no longer', async () => {
    const port = await freePort();
    const began = performance.now();
    const nobody = await refusal(`postgres://u:s3cret@127.0.0.1:${port}/db`, 500);
    assert.match(nobody, /did not answer within \d s.*ECONNREFUSED/);
    assert.ok(performance.now() - began < 8_000);
    assert.match(await refusal('postgres://u:s3cret@no.such.host.invalid/db', 300), /did not answer/);
    assert.match(await refusal('postgres://u:s3cret@/db?host=/none', 300), /PostgreSQL at \/none did not answer/);
    const late = await startPostgres();
    await late.stop();
    const opening = open(late.url, 60_000);
    await sleep(300);
    await late.start();
    const sql = await opening;
    assert.deepEqual(await sql.query('select 1 as a'), [{ a: 1 }]);
    await sql.close();
    await late.stop();
  });

  it('names a server that is too old, and one that is no PostgreSQL', async () => {
    const old = await fakeServer('140011');
    assert.match(await refusal(old.url), /is PostgreSQL 14: version 15 or newer is needed/);
    old.close();
    const http = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n').on('error', () => {}));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as { port: number };
    assert.match(await refusal(`postgres://u:s3cret@127.0.0.1:${port}/db`), /did not answer|cannot be used/);
    http.close();
  });

  it('names a database that is not UTF8', async () => {
    await server.sql(`create database narrow owner goblin encoding 'LATIN1' locale 'C' template template0`);
    assert.match(await refusal(server.url.replace(/goblin$/, 'narrow')), /encoding LATIN1.*createdb -E UTF8/);
  });
});

describe('ways to connect', () => {
  it('takes a unix socket', async () => {
    const [, login, port] = /\/\/(.*)@.*:(\d+)\//.exec(server.url) ?? [];
    for (const url of [
      `postgres://${login}@/goblin?host=${server.folder}&port=${port}`,
      `postgresql://${login}@${encodeURIComponent(server.folder)}:${port}/goblin?application_name=mine&unknown=1&types=x`,
    ]) {
      const sql = await open(url);
      assert.deepEqual(await sql.query('select inet_client_addr() is null as local'), [{ local: true }]);
      await sql.close();
    }
  });

  it('speaks TLS as the URL says', async () => {
    const secure = await startPostgres();
    await secure.stop();
    const data = join(secure.folder, 'data');
    const made = ['req', '-new', '-x509', '-days', '2', '-nodes', '-subj', '/CN=127.0.0.1'];
    const names = ['-addext', 'subjectAltName=IP:127.0.0.1'];
    const files = ['-out', join(data, 'server.crt'), '-keyout', join(data, 'server.key')];
    execFileSync('openssl', [...made, ...names, ...files], { stdio: 'ignore' });
    execFileSync('chmod', ['600', join(data, 'server.key')]);
    execFileSync('chown', [`--reference=${data}`, join(data, 'server.key'), join(data, 'server.crt')]);
    execFileSync('sh', ['-c', `echo "ssl = on" >> ${data}/postgresql.conf`]);
    execFileSync('sh', ['-c', `sed -i 's/^host /hostssl /' ${data}/pg_hba.conf`]);
    await secure.start('?sslmode=no-verify');
    const used = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()';
    for (const query of ['?sslmode=no-verify', `?sslmode=verify-full&sslrootcert=${data}/server.crt`]) {
      const sql = await open(secure.url + query);
      assert.deepEqual(await sql.query(used), [{ ssl: true }]);
      await sql.close();
    }
    assert.match(await refusal(`${secure.url}?sslmode=require`, 5_000), /TLS with PostgreSQL.*self-signed/);
    assert.match(await refusal(secure.url, 5_000), /without TLS: add \?sslmode=verify-full/);
    await secure.stop();
    assert.match(
      await refusal(`${server.url}?sslmode=verify-full`, 5_000),
      /TLS with PostgreSQL.*does not support SSL/,
    );
  });
});

/** Just enough of the protocol to answer the driver's first look. */
async function fakeServer(version: string): Promise<{ url: string; close(): void }> {
  const message = (type: string, ...parts: Buffer[]) => {
    const body = Buffer.concat(parts);
    const head = Buffer.alloc(5);
    head.write(type);
    head.writeInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  const int16 = (value: number) => Buffer.from([value >> 8, value & 255]);
  const int32 = (value: number) => Buffer.from([value >> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);
  const column = (name: string, type: number) =>
    Buffer.concat([Buffer.from(`${name}\0`), int32(0), int16(0), int32(type), int16(4), int32(-1), int16(0)]);
  const cell = (text: string) => Buffer.concat([int32(text.length), Buffer.from(text)]);
  const ready = message('Z', Buffer.from('I'));
  const columns = [column('version', 23), column('read_only', 16), column('encoding', 25)];
  const server = createServer((socket) => {
    let started = false;
    socket.on('error', () => {});
    socket.on('data', () => {
      if (!started) {
        started = true;
        socket.write(Buffer.concat([message('R', int32(0)), ready]));
        return;
      }
      const row = message('D', int16(3), cell(version), cell('f'), cell('UTF8'));
      const done = message('C', Buffer.from('SELECT 1\0'));
      socket.write(Buffer.concat([message('T', int16(3), ...columns), row, done, ready]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return { url: `postgres://u:s3cret@127.0.0.1:${port}/db`, close: () => server.close() };
}
