/** Accounts and keys of a server under test. */
import assert from 'node:assert/strict';
import { type Addressed, call, type Json, post } from './api.ts';
import { eventually } from './server.ts';

export const PASSWORD = 'correct horse battery staple';

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

export interface SignedInView {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  user: { id: string; tenant: string; email: string; role: string; team: string | null };
}

export interface KeyView {
  id: string;
  tenant: string;
  key: string;
}

export interface UserView {
  id: string;
  email: string;
  role: string;
  everywhere: boolean;
  teams: { id: string; name: string; role: string }[];
  disabled_at: string | null;
}

/** The token of the first start, out of what the server prints; that comes a moment after it is ready. */
export const setupOf = (printed: () => string): Promise<string> =>
  eventually(() => /set-up +(gst_[\w-]{32})/.exec(printed())?.[1], 'the set-up token');

export interface Operated extends Addressed {
  token: string;
}

/** By the operator's token, or by that of `by`. */
export async function makeUser(server: Operated, fields: Json, by: string = server.token): Promise<UserView> {
  const answer = await post<UserView>(server, '/mcp/v1/users', { password: PASSWORD, ...fields }, bearer(by));
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
}

export async function makeKey(server: Operated, fields: Json, by: string = server.token): Promise<KeyView> {
  const answer = await post<KeyView>(server, '/mcp/v1/keys', fields, bearer(by));
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
}

export async function signIn(server: Addressed, fields: Json): Promise<SignedInView> {
  const answer = await post<SignedInView>(server, '/mcp/v1/auth/login', { password: PASSWORD, ...fields });
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

/** An account in a role of a tenant, signed in. */
export async function person(server: Operated, tenant: string, role: string): Promise<SignedInView> {
  const email = `${role}-${Math.random().toString(36).slice(2)}@example.com`;
  await makeUser(server, { tenant, email, role });
  return await signIn(server, { tenant, email });
}

export const me = (server: Addressed, token: string) =>
  call<{ user: string; tenant: string; team: string | null; permissions: string[]; everywhere: boolean }>(
    server,
    '/mcp/v1/auth/me',
    { headers: bearer(token) },
  );
