/** `goblin ask`: what it writes, and what becomes of the request when it or the server is stopped. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually, makePlace, runGoblin, type Server, startServer } from '../support/server.ts';
import { type Launched, launch } from './cli-launch.ts';

const SUMMARY = /^simulator\/goblin-sim {2}\d+ tokens in, \d+ out {2}free {2}\d+\.\d s {2}([0-9a-f-]{36})$/m;

async function ended(goblin: Launched): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const code = await goblin.exited;
  return { code, stdout: goblin.stdout(), stderr: goblin.stderr() };
}

const statusOf = async (server: Server, id: string): Promise<string> => {
  const answer = await fetch(server.url(`/mcp/v1/request/${id}`));
  return ((await answer.json()) as { status: string }).status;
};

describe('goblin ask, with no server there', () => {
  test('answers by itself, and leaves nothing behind', async () => {
    const place = makePlace();
    const ran = await runGoblin(['ask', 'Hello', 'there'], place);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /^This is the Goblin simulator.*You wrote: "Hello there"\..*\n$/);
    assert.match(ran.stderr, SUMMARY);
    assert.equal(existsSync(join(place.dataDir, 'server.json')), false);
    // The next one opens the same folder.
    assert.equal((await runGoblin(['ask', 'again'], place)).code, 0);
  });

  test('a key is not needed by whoever owns the folder', async () => {
    const ran = await runGoblin(['ask', 'hi'], makePlace({ simulator: true }), { MCP_AUTH: 'required' });
    assert.equal(ran.code, 0, ran.stderr);
  });
});

describe('goblin ask, through a server', () => {
  let server: Server;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  test('the request is the server’s, and nothing but the answer is on standard output', async () => {
    const ran = await runGoblin(['ask', 'Hello'], server);
    assert.equal(ran.code, 0, ran.stderr);
    const id = SUMMARY.exec(ran.stderr)?.[1] ?? '';
    const result = (await (await fetch(server.url(`/mcp/v1/request/${id}/result`))).json()) as { text: string };
    assert.equal(ran.stdout, `${result.text}\n`);
    assert.equal(ran.stderr.trim().split('\n').length, 1, 'no live line where no terminal is');
  });

  test('takes the prompt from words, a pipe, or both', async () => {
    const piped = await ended(launch(['ask'], server, { input: 'from the pipe\n' }));
    assert.match(piped.stdout, /You wrote: "from the pipe"/);
    const dash = await ended(launch(['ask', '-'], server, { input: 'dashed' }));
    assert.match(dash.stdout, /You wrote: "dashed"/);
    const both = await ended(launch(['ask', 'Sum up:', '--json'], server, { input: 'a text\n' }));
    const { request_id: id } = JSON.parse(both.stdout) as { request_id: string };
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.match(both.stdout, /You wrote: \\"Sum up:\s+a text/);
  });

  test('a dash at the beginning of a prompt is no flag', async () => {
    assert.match((await runGoblin(['ask', '- one item'], server)).stdout, /You wrote: "- one item"/);
    assert.match((await runGoblin(['ask', '--', '--flag'], server)).stdout, /You wrote: "--flag"/);
  });

  test('passes its flags on, and prints the result as JSON', async () => {
    const flags = ['--model', 'some-model', '--system', 'Be brief.', '--task', 'code', '--max-tokens', '4'];
    const ran = await runGoblin(['ask', 'x', ...flags, '--provider', 'simulator', '--json'], server);
    assert.equal(ran.code, 0, ran.stderr);
    const result = JSON.parse(ran.stdout) as { request_id: string; model: string; finish_reason: string };
    assert.equal(result.model, 'some-model');
    assert.equal(result.finish_reason, 'length');
    const row = await (await fetch(server.url(`/mcp/v1/request/${result.request_id}`))).json();
    assert.equal((row as { task_type: string }).task_type, 'code');
    const plain = await runGoblin(['ask', 'x', '--max-tokens', '4'], server);
    assert.match(plain.stderr, /cut at the token limit/);
  });

  test('a refusal and a failure are a sentence and exit code 1', async () => {
    const refused = await runGoblin(['ask', 'hi', '--task', 'juggle'], server);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^invalid_request: task_type must be one of chat/);
    const failed = await runGoblin(['ask', 'hi [[sim fault=content-filter]]'], server);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /^content_filter: \S.*\nsimulator\/goblin-sim {2}1 attempt/);
  });

  test('an answer that starts again says so', async () => {
    const ran = await runGoblin(['ask', 'hi [[sim fault=cut-after-10 times=1]]'], server);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stderr, /the answer starts again/);
    assert.match(ran.stdout, /\[The text above was broken off .*\]\n\nThis is the Goblin simulator.*You wrote/);
  });

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`${signal} cancels the request and exits with ${code}`, async () => {
      const goblin = launch(['ask', 'Hello [[sim tokens=2000]]'], server);
      await goblin.says(/simulator/);
      goblin.signal(signal);
      const ran = await ended(goblin);
      assert.equal(ran.code, code);
      const id = /^cancelled {2}(\S+)$/m.exec(ran.stderr)?.[1] ?? '';
      assert.equal(await statusOf(server, id), 'cancelled');
    });
  }
});

describe('goblin ask, when the server goes away', () => {
  test('takes up the stream at a server that comes back', async () => {
    const first = await startServer();
    const goblin = launch(['ask', 'Hello [[sim tokens=240]]'], first);
    await goblin.says(/You wrote/);
    await first.kill();
    const second = await first.again();
    const ran = await ended(goblin);
    assert.equal(ran.code, 0, ran.stderr);
    const id = SUMMARY.exec(ran.stderr)?.[1] ?? '';
    assert.equal(await statusOf(second, id), 'succeeded');
    const result = (await (await fetch(second.url(`/mcp/v1/request/${id}/result`))).json()) as { text: string };
    assert.match(ran.stderr, /the answer starts again/);
    assert.ok(ran.stdout.endsWith(`starts again.]\n\n${result.text}\n`));
    await second.stop();
  });

  test('finishes in the folder itself when none comes back', async () => {
    const server = await startServer();
    const goblin = launch(['ask', 'Hello [[sim tokens=240]]'], server);
    await goblin.says(/You wrote/);
    await server.kill();
    const ran = await ended(goblin);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stderr, SUMMARY);
    // A note of the killed server would lead nowhere; nor is ours there.
    await eventually(() => !existsSync(join(server.dataDir, 'server.json')), 'the note is gone');
  });
});
