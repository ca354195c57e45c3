/**
 * Writes `docs/access.md`: every route of a running server, called by everybody. A test makes the same table and
 * compares it, so that nobody opens a route unseen. Run it with `npx node server/scripts/access.ts`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../src/app/config.ts';
import { start } from '../src/app/start.ts';
import type { Role } from '../src/contract/caller.ts';
import { code, table } from './tables.ts';

const PRINCIPALS = ['none', 'viewer', 'member', 'operator', 'admin', 'other tenant’s admin', 'revoked'] as const;
type Principal = (typeof PRINCIPALS)[number];

export const ACCESS_PAGE = 'docs/access.md';

const PASSWORD = 'long enough for anybody 1';

const HEAD = `# Who may call what

Every route, called on a running server by everybody: without a credential, with the session of somebody of the tenant
in each role, with that of another tenant's admin, and with a key that was revoked. Where an address has an id, it is
one of the first tenant's. \`yes\` means that the call was let through to what stands behind it, whatever came of it
there. What the permissions mean, and which role has them, is in [security.md](security.md#roles).

This page is made by \`npx node server/scripts/access.ts\`; a test makes it anew and compares.
`;

interface Call {
  path: string;
  body?: unknown;
}

export async function makeAccessPage(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'goblin-access-'));
  try {
    return await withServer(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function withServer(folder: string): Promise<string> {
  const settings = {
    local_servers: false,
    simulator: true,
    identity: {
      public_url: 'http://127.0.0.1:1',
      issuers: [
        {
          name: 'corp',
          issuer: 'http://127.0.0.1:1',
          jwks_url: 'http://127.0.0.1:1/keys',
          tenant: 'acme',
          default_role: 'viewer',
          sign_in: {
            client_id: 'goblin',
            authorization_url: 'http://127.0.0.1:1/a',
            token_url: 'http://127.0.0.1:1/t',
          },
        },
      ],
    },
  };
  writeFileSync(join(folder, 'goblin.yaml'), JSON.stringify(settings));
  const env = { PORT: '0', MCP_DATA_DIR: join(folder, 'data'), MCP_AUTH: 'required', LOG_LEVEL: 'silent' };
  const server = await start(readConfig(folder, env));
  try {
    const rows = [...server.access].filter(({ method }) => method !== 'HEAD' && method !== 'OPTIONS');
    rows.sort((a, b) => (a.url === b.url ? (a.method < b.method ? -1 : 1) : a.url < b.url ? -1 : 1));
    const world = await makeWorld(server.address, server.token);
    const lines: string[][] = [];
    for (const { method, url, access } of rows) {
      const cells: string[] = [];
      for (const principal of PRINCIPALS) cells.push(await world.try(principal, method, url));
      lines.push([code(`${method} ${url}`), access === 'public' ? 'anybody' : code(access), ...cells]);
    }
    return `${HEAD}\n${table(['route', 'needs', ...PRINCIPALS], lines)}\n`;
  } finally {
    await server.close(0);
  }
}

interface World {
  try(principal: Principal, method: string, url: string): Promise<string>;
}

async function makeWorld(address: string, token: string): Promise<World> {
  let number = 0;
  const send = (method: string, path: string, headers: Record<string, string>, body?: unknown) =>
    fetch(address + path, {
      method,
      redirect: 'manual',
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const operator = { authorization: `Bearer ${token}` };
  async function make<T>(path: string, body: unknown, headers: Record<string, string> = operator): Promise<T> {
    const answer = await send('POST', path, headers, body);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }
  const email = () => `user-${++number}@example.com`;
  const user = (tenant: string, role: Role = 'member') =>
    make<{ id: string; email: string }>('/mcp/v1/users', { tenant, email: email(), role, password: PASSWORD });
  const people = new Map<Principal, { tenant: string; email: string }>();
  for (const role of ['viewer', 'member', 'operator', 'admin'] as const) {
    people.set(role, { tenant: 'acme', email: (await user('acme', role)).email });
  }
  people.set('other tenant’s admin', { tenant: 'other', email: (await user('other', 'admin')).email });
  const sessions = new Map<Principal, Record<string, string>>();
  async function headersOf(principal: Principal): Promise<Record<string, string>> {
    const known = sessions.get(principal);
    if (known) return known;
    let headers: Record<string, string> = {};
    const person = people.get(principal);
    if (person) {
      const session = await make<{ access_token: string }>('/mcp/v1/auth/login', { ...person, password: PASSWORD }, {});
      headers = { authorization: `Bearer ${session.access_token}` };
    } else if (principal === 'revoked') {
      const key = await make<{ id: string; key: string }>('/mcp/v1/keys', { tenant: 'acme', role: 'admin' });
      await make(`/mcp/v1/keys/${key.id}/revoke`, {});
      headers = { authorization: `Bearer ${key.key}` };
    }
    sessions.set(principal, headers);
    return headers;
  }
  const acme = await make<{ key: string }>('/mcp/v1/keys', { tenant: 'acme' });
  const asAcme = { authorization: `Bearer ${acme.key}` };
  const request = await make<{ request_id: string }>('/mcp/v1/request', { prompt: 'Hello' }, asAcme);
  const ended = await send('GET', `/mcp/v1/request/${request.request_id}/result?wait=30`, asAcme);
  if (ended.status !== 200) throw new Error(`the request ended otherwise: ${await ended.text()}`);

  /** A thing of the first tenant, new for each call that may change it; what is not named here is not there. */
  async function idOf(url: string): Promise<string> {
    const fresh = async (path: string, body: object) => (await make<{ id: string }>(path, body)).id;
    if (url.startsWith('/mcp/v1/keys/') || url.startsWith('/mcp/v1/admin/limits/')) {
      return await fresh('/mcp/v1/keys', { tenant: 'acme' });
    }
    if (url.startsWith('/mcp/v1/users/')) return (await user('acme', 'viewer')).id;
    if (url.startsWith('/mcp/v1/teams/')) {
      return await fresh('/mcp/v1/teams', { tenant: 'acme', name: `team-${++number}` });
    }
    if (url.startsWith('/mcp/v1/tenants/')) return 'acme';
    if (url.startsWith('/mcp/v1/admin/budgets/')) {
      return await fresh('/mcp/v1/admin/budgets', { tenant: 'acme', scope: 'tenant', period: 'day', soft_usd: 1 });
    }
    if (url.startsWith('/v1/responses/')) {
      return (await make<{ id: string }>('/v1/responses', { model: 'simulator/goblin-sim', input: 'Hello' }, asAcme))
        .id;
    }
    return /^\/mcp\/v1\/(request|stream|cancel)\//.test(url) ? request.request_id : 'x';
  }

  /** Addresses that need more than an id, and bodies without which nothing could be said of whose thing it is. */
  async function callOf(method: string, url: string): Promise<Call> {
    let path = url
      .replace(':id', await idOf(url))
      .replace(':name', 'corp')
      .replace(':provider', 'simulator')
      .replace(':scope', 'key');
    if (path.includes(':user')) {
      const { id } = await user('acme', 'viewer');
      path = path.replace(':user', id);
      if (method === 'DELETE') await send('PUT', path, operator, {});
    }
    path = path.replace('*', url.startsWith('/v1/models') ? 'simulator/goblin-sim' : '');
    if (path.includes(':')) throw new Error(`${url}: say in server/scripts/access.ts what its parameters are`);
    if (method === 'GET' || method === 'DELETE') return { path };
    const bodies: Record<string, unknown> = {
      'PATCH /mcp/v1/users/:id': { name: 'x' },
      'PATCH /mcp/v1/teams/:id': { name: `team-${++number}` },
      'PATCH /mcp/v1/tenants/:id': { name: 'x' },
      'POST /mcp/v1/auth/link': { request_id: request.request_id },
      'PATCH /mcp/v1/admin/budgets/:id': { soft_usd: 2 },
      'PUT /mcp/v1/admin/limits/:scope/:id': { requests_per_minute: 1000 },
    };
    return { path, body: bodies[`${method} ${url}`] ?? {} };
  }

  return {
    async try(principal, method, url) {
      const headers = await headersOf(principal);
      const { path, body } = await callOf(method, url);
      const answer = await send(method, path, headers, body);
      await answer.body?.cancel();
      if (url === '/mcp/v1/auth/logout') sessions.delete(principal);
      // Those that are public refuse what they are given, not who gives it.
      return [401, 403, 404].includes(answer.status) ? String(answer.status) : 'yes';
    },
  };
}

if (import.meta.main) {
  const path = new URL(`../../${ACCESS_PAGE}`, import.meta.url);
  const page = await makeAccessPage();
  let before = '';
  try {
    before = readFileSync(path, 'utf8');
  } catch {
    // It is not there yet.
  }
  if (before !== page) {
    writeFileSync(path, page);
    console.log(`${ACCESS_PAGE} is written anew`);
  }
  process.exit(0);
}
