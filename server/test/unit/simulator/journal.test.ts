import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type JournalEntry, type Simulator, startSimulator } from '../../../src/providers/simulator/index.ts';
import { createJournal } from '../../../src/providers/simulator/journal.ts';
import { until } from '../../support/patience.ts';
import { ask, assemble, STREAM, send } from './raw.ts';

describe('the journal', () => {
  let sim: Simulator;
  let chat: string;
  before(async () => {
    sim = await startSimulator({ journal: true, tokens: 10 });
    chat = `${sim.url}/chat/completions`;
  });
  beforeEach(() => sim.clear());
  after(() => sim.close());

  const last = async (): Promise<JournalEntry> => {
    await until(() => sim.journal().at(-1)?.endedAt !== null);
    const entry = sim.journal().at(-1);
    assert.ok(entry);
    return entry;
  };

  it('tells of a call what was asked and what was sent', async () => {
    const before = Date.now();
    const headers = { authorization: 'Bearer sk-secret-abcd', 'idempotency-key': 'k-1' };
    const got = await send(chat, ask('Hello', STREAM), { headers });
    const entry = await last();
    assert.ok(entry.at >= before && (entry.endedAt ?? 0) >= entry.at);
    assert.equal(entry.key, 'abcd');
    assert.equal(entry.idempotencyKey, 'k-1');
    assert.equal(entry.requestId, got.headers['x-request-id']);
    assert.deepEqual(entry.body, ask('Hello', STREAM));
    assert.deepEqual(entry.usage, assemble(got.text).usage);
    const { path, model, stream, fault, status, tokensSent, outcome } = entry;
    assert.deepEqual(
      { path, model, stream, fault, status, tokensSent, outcome },
      {
        path: '/v1/chat/completions',
        model: 'goblin-sim',
        stream: true,
        fault: null,
        status: 200,
        tokensSent: 10,
        outcome: 'completed',
      },
    );
  });

  it('does not tell of usage that was not reported', async () => {
    await send(chat, ask('Hello', { stream: true }));
    assert.equal((await last()).usage, null);
    await send(chat, ask('Hello'));
    assert.equal((await last()).outcome, 'completed');
    assert.notEqual((await last()).usage, null);
    await send(chat, ask('[[sim fault=cut-after-3]]', STREAM));
    assert.deepEqual([(await last()).usage, (await last()).tokensSent], [null, 3]);
  });

  it('knows how a call ended', async () => {
    for (const [fault, outcome] of [
      ['none', 'completed'],
      ['crlf', 'completed'],
      ['no-done', 'completed'],
      ['short-body', 'completed'],
      ['cut-after-2', 'faulted'],
      ['end-after-2', 'faulted'],
      ['error-after-2', 'faulted'],
      ['status-500', 'faulted'],
      ['reset', 'faulted'],
      ['html-200', 'faulted'],
    ] as const) {
      await send(chat, ask(`[[sim fault=${fault}]]`, STREAM));
      assert.equal((await last()).outcome, outcome, fault);
    }
    for (const [fault, outcome] of [
      ['linger', 'completed'],
      ['stall-after-2', 'aborted'],
      ['no-headers', 'aborted'],
      ['no-first-token', 'aborted'],
      ['comments', 'aborted'],
    ] as const) {
      await send(chat, ask(`[[sim fault=${fault}]]`, STREAM), { leaveAfterMs: 60 });
      assert.equal((await last()).outcome, outcome, fault);
    }
    await send(chat, '{oops');
    assert.deepEqual([(await last()).status, (await last()).outcome], [400, 'faulted']);
  });

  it('shows that a call stops at once when the client leaves', async () => {
    await send(chat, ask('[[sim tokens=1000 rate=100]]', STREAM), { leaveAfterMs: 150 });
    const left = Date.now();
    const entry = await last();
    assert.equal(entry.outcome, 'aborted');
    assert.ok((entry.endedAt ?? 0) - left < 5_000);
    assert.ok(entry.tokensSent > 3 && entry.tokensSent < 600, `${entry.tokensSent} tokens`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal((await last()).tokensSent, entry.tokensSent);
    await send(chat, ask('[[sim first=5000]]'), { leaveAfterMs: 50 });
    assert.deepEqual([(await last()).outcome, (await last()).tokensSent], ['aborted', 0]);
  });

  it('shows a running call', async () => {
    const call = send(chat, ask('[[sim fault=stall-after-2]]', STREAM), { leaveAfterMs: 500 });
    await until(() => sim.journal().length === 1);
    assert.deepEqual([sim.journal()[0]?.outcome, sim.journal()[0]?.endedAt], ['running', null]);
    await call;
  });

  it('shows who follows a redirect', async () => {
    const got = await send(chat, ask('[[sim fault=redirect-302]]'));
    await send(new URL(String(got.headers.location), sim.url).href, '{}');
    assert.deepEqual(
      sim.journal().map(({ path, status }) => [path, status]),
      [
        ['/v1/chat/completions', 302],
        ['/v1/chat/completions/moved', 404],
      ],
    );
  });

  it('can be read and cleared over HTTP', async () => {
    await send(chat, ask('Hello'));
    await last();
    const address = `http://127.0.0.1:${sim.port}/journal`;
    const read = await send(address, '', { method: 'GET' });
    assert.deepEqual(JSON.parse(read.text).entries, JSON.parse(JSON.stringify(sim.journal())));
    assert.equal((await send(address, '', { method: 'DELETE' })).status, 204);
    assert.equal(sim.journal().length, 0);
  });

  it('is off unless it is on', async () => {
    const quiet = await startSimulator();
    await send(`${quiet.url}/chat/completions`, ask('Hello'));
    assert.deepEqual(quiet.journal(), []);
    assert.equal((await send(`http://127.0.0.1:${quiet.port}/journal`, '', { method: 'GET' })).status, 404);
    await quiet.close();
  });

  it('does not buffer for a client that does not read', async () => {
    const response = await fetch(chat, { method: 'POST', body: JSON.stringify(ask('[[sim tokens=100000]]', STREAM)) });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const sent = sim.journal()[0]?.tokensSent ?? 0;
    assert.ok(sent < 60_000, `${sent} tokens were sent to nobody`);
    const told = assemble(await response.text());
    assert.deepEqual([told.finish, told.usage?.completion_tokens], ['stop', 100_000]);
  });

  it('ends its calls when the simulator closes', async () => {
    const other = await startSimulator({ journal: true });
    const call = send(`${other.url}/chat/completions`, ask('[[sim tokens=100 rate=10]]', STREAM));
    await until(() => other.journal().length === 1);
    await other.close();
    assert.notEqual((await call).ended, 'end');
  });
});

describe('a journal', () => {
  const entry = (seq: number): JournalEntry => ({ seq, body: { seq } }) as unknown as JournalEntry;

  it('is bounded by entries', () => {
    const journal = createJournal(100);
    for (let i = 1; i <= 1_000; i++) journal.add(entry(i), 10);
    const list = journal.list();
    assert.ok(list.length >= 100 && list.length <= 125);
    assert.equal(list.at(-1)?.seq, 1_000);
    assert.deepEqual(list[0]?.body, { seq: list[0]?.seq });
  });

  it('is bounded by bytes of bodies', () => {
    const journal = createJournal(1_000, 100);
    for (let i = 1; i <= 50; i++) journal.add(entry(i), 10);
    const list = journal.list();
    assert.equal(list.length, 50);
    assert.equal(list.filter(({ body }) => body !== null).length, 10);
    assert.deepEqual(list.at(-1)?.body, { seq: 50 });
    assert.equal(list[0]?.body, null);
  });
});
