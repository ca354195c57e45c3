/** Budgets by the API, and how they stand. */
import assert from 'node:assert/strict';
import { type Addressed, type Answer, call, type Json, post, view } from './api.ts';
import { eventually } from './server.ts';
import { callsWith, type House, MODEL } from './vendors.ts';

/** US dollars for a million tokens: a token of a prompt is $0.000001, one of an answer $0.00001. */
export const PRICE = { input: 1, output: 10 };

export interface BudgetView {
  id: string;
  name: string | null;
  scope: string;
  match: string | null;
  period: string;
  hard_usd: number | null;
  soft_usd: number | null;
  source: string;
  usage: {
    subject: string;
    period_start: string;
    renews_at: string | null;
    spent_usd: number;
    held_usd: number;
    left_usd: number | null;
    warned_at: string | null;
    exceeded_at: string | null;
  }[];
}

const BUDGETS = '/mcp/v1/admin/budgets';

export async function makeBudget(server: Addressed, body: Json): Promise<BudgetView> {
  const answer = await post<BudgetView>(server, BUDGETS, body);
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
}

export const changeBudget = (server: Addressed, id: string, json: Json): Promise<Answer<BudgetView>> =>
  call<BudgetView>(server, `${BUDGETS}/${id}`, { method: 'PATCH', json });

export async function budget(server: Addressed, id: string): Promise<BudgetView> {
  const answer = await call<BudgetView>(server, `${BUDGETS}/${id}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

/** As it stands when nothing is held any more: of one that is counted once. */
export async function settled(server: Addressed, id: string, limitMs = 20_000): Promise<BudgetView['usage'][number]> {
  return await eventually(
    async () => {
      const { usage } = await budget(server, id);
      const [one] = usage;
      return one && one.held_usd === 0 ? one : null;
    },
    `budget ${id} without holds`,
    limitMs,
  );
}

export const close = (a: number, b: number): boolean => Math.abs(a - b) < 1e-12;

/** One call to the OpenAI door under a label. */
export const chat = (
  server: Addressed,
  label: string,
  text: string,
  more: Json = {},
  headers: Record<string, string> = {},
): Promise<Answer<Json>> =>
  post(
    server,
    '/v1/chat/completions',
    { model: MODEL, messages: [{ role: 'user', content: text }], ...more },
    { 'x-mcp-labels': label, ...headers },
  );

let made = 0;
/** A budget of a label of its own, so that cases do not meet; of a month, of which fewer end while tests run than days. */
export async function ownBudget(server: Addressed, more: Json): Promise<{ id: string; label: string; value: string }> {
  const value = `case-${++made}`;
  const { id } = await makeBudget(server, { scope: 'label', match: `case=${value}`, period: 'month', ...more });
  return { id, label: `case=${value}`, value };
}

export const idOf = (answer: Answer<unknown>): string => answer.headers.get('x-mcp-request-id') ?? '';

/** What a request came to; its end is written behind the answer of a door. */
export const costOf = (server: Addressed, id: string): Promise<number> =>
  eventually(async () => {
    const { status, cost_usd } = await view(server, id);
    return status === 'running' || status === 'queued' ? null : { cost: cost_usd ?? Number.NaN };
  }, `the end of ${id}`).then(({ cost }) => cost);

/** How long the vendor was told that its answer to this prompt may be. */
export function boundOf({ vendor }: Pick<House, 'vendor'>, text: string): unknown {
  const body = (callsWith(vendor, text)[0]?.body ?? {}) as Json;
  return body.max_completion_tokens ?? body.max_tokens;
}
