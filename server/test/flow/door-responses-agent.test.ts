/** A coding agent at the Responses door: loops of tools through a vendor of another dialect that checks what it signed. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type OpenAI from 'openai';
import { ResponsesToolRunner } from 'openai/helpers/responses-tool-runner';
import { call } from '../support/api.ts';
import { asInput, CLAUDE, GPT, type ResponsesHouse, startResponsesHouse } from '../support/responses.ts';
import { eventually } from '../support/server.ts';
import { callsWith } from '../support/vendors.ts';

type Body = { messages: { role: string; content: Block[] }[]; system?: unknown };
type Block = { type: string; signature?: string; id?: string; tool_use_id?: string; text?: string };

const TURNS = 50;
const names = ['Read', 'Edit', 'Bash', 'Grep'];
const toolOf = (name: string): OpenAI.Responses.FunctionTool => ({
  type: 'function',
  name,
  description: `${name} something.`,
  parameters: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
  strict: false,
});
const nameOf = (turn: number): string => names[turn % names.length] as string;
/** What makes the vendor call a tool, and think before it does. */
const order = (turn: number): string => `Step ${turn}: call ${nameOf(turn)} [[sim reasoning=5]]`;

let house: ResponsesHouse;
before(async () => {
  house = await startResponsesHouse();
});
after(() => house.close());

/** The last call of the agent: all turns in the vendor's words, each call after its own signed thinking. */
function checkLast(text: string): void {
  const body = callsWith(house.claude, text).at(-1)?.body as Body;
  const said = body.messages.filter(({ role }) => role === 'assistant');
  assert.equal(said.length, TURNS - 1);
  const ids: (string | undefined)[] = [];
  for (const { content } of said) {
    assert.deepEqual(
      content.map(({ type }) => type),
      ['thinking', 'tool_use'],
    );
    assert.match(content[0]?.signature ?? '', /^EqRk/);
    ids.push(content[1]?.id);
  }
  const results = body.messages.flatMap(({ role, content }) =>
    role === 'user' && Array.isArray(content) ? content.filter(({ type }) => type === 'tool_result') : [],
  );
  assert.deepEqual(
    results.map(({ tool_use_id }) => tool_use_id),
    ids,
  );
}

/** The last end is written behind its answer. */
async function allSucceeded(): Promise<void> {
  await eventually(async () => {
    const { body } = await call<{ items: { status: string }[] }>(house.server, '/mcp/v1/request?limit=200');
    return body.items.every(({ status }) => status === 'succeeded');
  }, 'all to have succeeded');
}

test(`${TURNS} turns of the client's own tool loop, which keeps the history`, { timeout: 180_000 }, async () => {
  const ran: string[] = [];
  const runner = new ResponsesToolRunner({
    functions: names.map((name) => ({
      tool: toolOf(name),
      execute({ path }) {
        assert.equal(typeof path, 'string');
        ran.push(name);
        return `line ${ran.length}`;
      },
    })),
  });
  const params = {
    model: CLAUDE,
    instructions: 'You are a coding agent.',
    input: order(0),
    reasoning: { effort: 'medium' as const },
    include: ['reasoning.encrypted_content' as const],
    store: false,
  };
  let turns = 0;
  for await (const turn of runner.iterate(house.client, params, { maxSteps: TURNS + 1, stream: true })) {
    turns++;
    assert.equal(turn.final, turns === TURNS, `turn ${turns}`);
    if (turns < TURNS - 1) turn.appendUserText(order(turns));
    else if (!turn.final) turn.appendUserText('That is all.');
  }
  assert.equal(turns, TURNS);
  assert.deepEqual(
    ran,
    Array.from({ length: TURNS - 1 }, (_none, n) => nameOf(n)),
  );
  checkLast('That is all.');
  await allSucceeded();
});

test(`${TURNS} turns of a loop that leaves the history to us`, { timeout: 180_000 }, async () => {
  const common = {
    model: CLAUDE,
    instructions: 'You are another coding agent.',
    tools: names.map(toolOf),
    reasoning: { effort: 'medium' as const },
  };
  let input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: order(0) }];
  let previous: string | undefined;
  for (let turn = 1; turn <= TURNS; turn++) {
    const stream = house.client.responses.stream({
      ...common,
      input,
      ...(previous === undefined ? {} : { previous_response_id: previous }),
    });
    const response = await stream.finalResponse();
    previous = response.id;
    const calls = response.output.filter((item) => item.type === 'function_call');
    assert.equal(calls.length, turn < TURNS ? 1 : 0, `turn ${turn}`);
    input = [
      ...calls.map(({ call_id }) => ({ type: 'function_call_output' as const, call_id, output: `line ${turn}` })),
      { role: 'user', content: turn < TURNS - 1 ? order(turn) : 'All of it is with you.' },
    ];
  }
  checkLast('All of it is with you.');
  await allSucceeded();
});

test('an agent changes vendors in the middle, and comes back', async () => {
  const tools = [toolOf('Read')];
  const history: OpenAI.Responses.ResponseInput = [];
  const models = [CLAUDE, GPT, 'own/own-1', CLAUDE];
  for (const [turn, model] of models.entries()) {
    history.push({ role: 'user', content: `In turn ${turn}: call Read [[sim reasoning=4]]` });
    const response = await house.client.responses.create({
      model,
      input: history,
      tools,
      tool_choice: model === GPT ? 'required' : 'auto',
      reasoning: { effort: 'low' },
      store: false,
    });
    const made = response.output.find((item) => item.type === 'function_call');
    assert.ok(made?.type === 'function_call', `${model}: ${JSON.stringify(response.output)}`);
    history.push(...asInput(response.output));
    history.push({ type: 'function_call_output', call_id: made.call_id, output: `file ${turn}` });
  }
  const sent = JSON.stringify(callsWith(house.claude, 'In turn 3').at(-1)?.body);
  assert.match(sent, /"signature":"EqRk.*file 0.*file 1.*file 2/);
  assert.doesNotMatch(sent, /gAAAAAB/, "another vendor's reasoning is not shown to it");
});
