// The real PostgreSQL, PgBouncer and Redis that the tests start on ports of their own. What is missing is installed on
// Debian, as root; nothing of it is started as a service. `node .ci/services.mjs` does only this.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const OLDEST_POSTGRES = 15;
const POLICY = '/usr/sbin/policy-rc.d';
const SECONDS = 1_000;

const placesOfPostgres = () => {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((version) => Number(version) >= OLDEST_POSTGRES)
    .map((version) => join(root, version, 'bin'));
};
const places = () => [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'].filter(Boolean);
const has = (name, folders) => folders.some((folder) => existsSync(join(folder, name)));

/** Each program that tests start, and the Debian package that has it. */
const NEEDED = [
  { name: 'postgres', package: 'postgresql', there: () => has('initdb', [...placesOfPostgres(), ...places()]) },
  { name: 'pgbouncer', package: 'pgbouncer', there: () => has('pgbouncer', places()) },
  { name: 'redis-server', package: 'redis-server', there: () => has('redis-server', places()) },
  { name: 'redis-cli', package: 'redis-tools', there: () => has('redis-cli', places()) },
];

const missing = () => NEEDED.filter(({ there }) => !there());

function run(command, args, ms) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: ms,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
  });
  if (status === 0) return null;
  return error?.message ?? `${stdout}${stderr}`.trim().split('\n').slice(-5).join('\n');
}

/** Debian starts what it installs, unless this file says no (101). Null, or what went wrong. */
function install(packages) {
  const ours = !existsSync(POLICY);
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    console.log('  apt-get update …');
    const stale = run('apt-get', ['update', '-qq'], 180 * SECONDS);
    // Old lists may do.
    if (stale) console.log(`  apt-get update failed, going on with what is known:\n${stale}`);
    console.log(`  apt-get install ${packages.join(' ')} …`);
    return run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], 600 * SECONDS);
  } finally {
    if (ours) rmSync(POLICY, { force: true });
  }
}

/**
 * True when the services are there. False when they are not and `GOBLIN_SKIP_SERVICES=1` says to go on without; else
 * the process ends with code 1.
 */
export function ensureServices() {
  let lacking = missing();
  if (lacking.length === 0) return true;
  const names = () => lacking.map(({ name }) => name).join(', ');
  const skip = process.env.GOBLIN_SKIP_SERVICES === '1';
  let why = 'that is done only on Debian, as root';
  if (!skip && process.getuid?.() === 0 && has('apt-get', places())) {
    console.log(`services: ${names()} missing, installing`);
    const began = performance.now();
    why = install([...new Set(lacking.map((needed) => needed.package))]) ?? 'they are still not found';
    lacking = missing();
    if (lacking.length === 0) {
      console.log(`services: installed, ${((performance.now() - began) / SECONDS).toFixed(0)} s`);
      return true;
    }
  }
  if (skip) {
    console.log(`services: SKIPPED by GOBLIN_SKIP_SERVICES=1, because ${names()} missing. This is no full test run.`);
    return false;
  }
  console.error(
    `services: ${names()} missing, and could not be installed: ${why}\n` +
      `Install PostgreSQL ${OLDEST_POSTGRES} or newer, PgBouncer and Redis 7 (Debian: apt-get install ${NEEDED.map((needed) => needed.package).join(' ')}), ` +
      'or set GOBLIN_SKIP_SERVICES=1 to leave out the tests that need them.',
  );
  process.exit(1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (ensureServices()) console.log('services: PostgreSQL, PgBouncer and Redis are there');
}
