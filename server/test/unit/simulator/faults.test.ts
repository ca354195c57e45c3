import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type FaultName, parseFault } from '../../../src/providers/simulator/faults.ts';
import { FAULTS, type Simulator, startSimulator } from '../../../src/providers/simulator/index.ts';
import { ANSWER_TWISTS } from '../../../src/providers/simulator/twist-answer.ts';
import { SCRIPT_TWISTS } from '../../../src/providers/simulator/twist-script.ts';
import { STATUS_TWISTS } from '../../../src/providers/simulator/twist-status.ts';
import { ask, assemble, type Got, type How, parseSse, STREAM, send } from './raw.ts';

const STAGES = { status: STATUS_TWISTS, answer: ANSWER_TWISTS, script: SCRIPT_TWISTS };
const names = Object.keys(FAULTS) as FaultName[];
const stem = (name: string): string => name.replace(/-N$/, '');

describe('the table of faults', () => {
  it('has a deed for each row, where the row says', () => {
    for (const name of names) assert.ok(STAGES[FAULTS[name].stage][name], name);
    const deeds = Object.values(STAGES).flatMap((stage) => Object.keys(stage));
    assert.deepEqual([...new Set(deeds)].sort(), [...names].sort());
  });

  it('reads names with and without numbers', () => {
    assert.equal(parseFault('cut-after-40')?.n, 40);
    assert.equal(parseFault('cut-after')?.n, 10);
    assert.equal(parseFault('retry-after-ms-250')?.name, 'retry-after-ms-N');
    assert.equal(parseFault('retry-after-7')?.name, 'retry-after-N');
    assert.equal(parseFault('redirect-302')?.name, 'redirect-302');
    for (const bad of ['', 'cut', 'crlf-3', 'status-200', 'status-600', 'cut-after--1', 'cut-after-N-1', '__proto__']) {
      assert.equal(parseFault(bad), null, bad);
    }
  });
});

describe('faults on the wire', () => {
  let sim: Simulator;
  let plain: string;
  before(async () => {
    sim = await startSimulator({ tokens: 20 });
    plain = assemble((await stream('none')).text).text;
  });
  after(() => sim.close());

  const call = (fault: string, more: Record<string, unknown>, how: How = {}): Promise<Got> =>
    send(`${sim.url}/chat/completions`, { ...ask('Tell me', more), model: `goblin-sim?fault=${fault}` }, how);
  const stream = (fault: string, how: How = {}): Promise<Got> => call(fault, STREAM, how);
  const tokens = (got: Got): number =>
    assemble(got.text).chunks.filter((chunk) => chunk.choices?.[0]?.delta.content).length;

  it('that leave an answer whole do so: same text, finish reason, usage', async () => {
    const others = [
      'content-filter-finish',
      'surrogates',
      'nul-in-text',
      'slice-utf8',
      'tool-args-cut',
      'tool-args-invalid',
    ];
    const patient: How = { leaveAfterMs: 700 };
    for (const name of names.filter((name) => FAULTS[name].whole && name !== 'whole-json')) {
      const got = await stream(stem(name), name === 'linger' ? patient : {});
      const told = assemble(got.text);
      assert.equal(got.status, 200, name);
      if (!others.includes(name)) assert.equal(told.text, plain, name);
      if (!others.includes(name)) assert.equal(told.finish, 'stop', name);
      if (!name.startsWith('usage-') && !others.includes(name)) assert.equal(told.usage?.completion_tokens, 20, name);
      const json = await call(stem(name), {}, name === 'linger' ? patient : {});
      if (!others.includes(name))
        assert.equal(JSON.parse(json.text.replace(/^\ufeff/, '')).choices[0].message.content, plain, name);
    }
  });

  it('come in the same bytes each time', async () => {
    const random = ['retry-after-date', 'comments', 'linger', 'mega-line', 'slice-bytes', 'slow-body'];
    const silent = ['no-headers', 'no-first-token', 'stall-after-N'];
    for (const name of names.filter((name) => !random.includes(name) && !silent.includes(name))) {
      assert.equal((await stream(stem(name))).text, (await stream(stem(name))).text, name);
    }
  });

  it('cut the socket after N tokens', async () => {
    for (const n of [0, 1, 7, 1_000]) {
      const got = await stream(`cut-after-${n}`);
      assert.equal(got.ended, 'ECONNRESET', `cut-after-${n}`);
      assert.equal(tokens(got), Math.min(n, 20));
      assert.equal(assemble(got.text).finish, null);
    }
    const json = await call('cut-after-5', {});
    assert.equal(json.ended, 'ECONNRESET');
    assert.throws(() => JSON.parse(json.text));
  });

  it('end cleanly without a terminal signal', async () => {
    const got = await stream('end-after-7');
    assert.equal(got.ended, 'end');
    assert.equal(tokens(got), 7);
    assert.equal(assemble(got.text).finish, null);
    const cut = await stream('cut-in-json');
    assert.equal(cut.ended, 'end');
    assert.equal(tokens(cut), 10);
    assert.throws(() => JSON.parse(parseSse(cut.text).at(-1)?.data ?? ''));
    assert.equal((await stream('done-only')).text, 'data: [DONE]\n\n');
    const empty = await stream('empty-200');
    assert.deepEqual([empty.status, empty.text, empty.headers['content-length']], [200, '', '0']);
  });

  it('leave out the end of a good stream', async () => {
    const last = await stream('no-blank-line');
    assert.ok(last.text.endsWith('}') && !last.text.includes('[DONE]'));
    assert.match(parseSse(last.text).at(-1)?.data ?? '', /"finish_reason":"stop"/);
    const done = await stream('no-done');
    assert.ok(!done.text.includes('[DONE]') && done.text.endsWith('\n\n'));
  });

  it('send something else with status 200', async () => {
    const html = await stream('html-200');
    assert.match(String(html.headers['content-type']), /text\/html/);
    assert.match(html.text, /^<!DOCTYPE html>/);
    const error = await stream('error-200');
    assert.equal(error.status, 200);
    assert.equal(JSON.parse(error.text).error.type, 'server_error');
    const json = await stream('whole-json');
    assert.equal(json.headers['content-type'], 'application/json');
    assert.equal(JSON.parse(json.text).choices[0].message.content, plain);
  });

  it('break off with an error in mid-stream', async () => {
    const data = await stream('error-after-5');
    assert.equal(tokens(data), 5);
    assert.equal(JSON.parse(parseSse(data.text).at(-1)?.data ?? '').error.type, 'server_error');
    const named = parseSse((await stream('event-error-after-5')).text).at(-1);
    assert.equal(named?.name, 'error');
    assert.equal(JSON.parse(named?.data ?? '').error, undefined);
    assert.equal((await call('error-after-5', {})).status, 500);
    assert.equal(assemble((await stream('finish-error')).text).finish, 'error');
  });

  it('hide a broken event in a stream that goes on', async () => {
    const got = await stream('bad-json-after-5');
    const bad = parseSse(got.text).filter(({ data }) => data.includes('oops'));
    assert.equal(bad.length, 1);
    assert.throws(() => JSON.parse(bad[0]?.data ?? ''));
    assert.equal(assemble(got.text).finish, 'stop');
  });

  it('send a line of megabytes', async () => {
    const got = await stream('mega-line-2');
    const longest = Math.max(...got.text.split('\n').map((line) => line.length));
    assert.ok(longest > 2 * 1_048_576);
    assert.ok((await stream('mega-line', { leaveAt: 'xxxx' })).pieces.length > 0);
  });

  it('slice the bytes', async () => {
    const bytes = await stream('slice-bytes');
    // Where the machine is busy some come together.
    assert.ok(bytes.pieces.filter((piece) => piece.length === 1).length > bytes.pieces.length / 2);
    const utf8 = await stream('slice-utf8');
    const inside = utf8.pieces.filter((piece) => (piece.at(-1) ?? 0) >= 0xc0).length;
    assert.ok(inside >= 10, `${inside} pieces end inside a character`);
    assert.match(assemble(utf8.text).text, /Größe.*日本語.*🐉/);
    assert.doesNotMatch(utf8.text, /\ufffd/);
  });

  it('dress the events differently', async () => {
    assert.doesNotMatch((await stream('crlf')).text, /[^\r]\n/);
    assert.doesNotMatch((await stream('cr')).text, /\n/);
    assert.equal((await stream('bom')).text.charCodeAt(0), 0xfeff);
    assert.match((await stream('comments-between')).text, /: keep-alive\n\n[\s\S]*\n: inside\n/);
    assert.match((await stream('multiline-data')).text, /,\ndata: "choices"/);
    assert.match((await stream('unknown-events')).text, /event: vendor\.notice\n/);
    assert.equal((await stream('wrong-content-type')).headers['content-type'], 'application/json');
    assert.equal((await stream('no-content-type')).headers['content-type'], undefined);
  });

  it('announce more than they send, and send more than they should', async () => {
    const short = await stream('short-body');
    assert.equal(Number(short.headers['content-length']), Buffer.byteLength(short.text) + 1_000);
    assert.notEqual(short.ended, 'end');
    assert.ok(short.text.endsWith('[DONE]\n\n'));
    const late = await stream('after-terminal');
    assert.match(late.text, /"finish_reason":"stop"[\s\S]*LATE[\s\S]*\[DONE\][\s\S]*LATE/);
  });

  it('keep the socket open', async () => {
    for (const [fault, seen] of [
      ['linger', 20],
      ['stall-after-4', 4],
      ['no-first-token', 0],
    ] as const) {
      const got = await stream(fault, { leaveAfterMs: 150 });
      assert.deepEqual([got.status, got.ended, tokens(got)], [200, 'left', seen], fault);
    }
    const silent = await stream('no-headers', { leaveAfterMs: 150 });
    assert.deepEqual([silent.status, silent.ended], [0, 'left']);
    const comments = await stream('comments', { leaveAfterMs: 200 });
    assert.match(comments.text, /^(: keep-alive\n\n){2,}$/);
    const reset = await stream('reset');
    assert.deepEqual([reset.status, reset.ended], [0, 'ECONNRESET']);
    const slow = await stream('slow-body');
    assert.ok(slow.ms > 300 && slow.pieces.length > 10);
    assert.ok(slow.pieces.slice(0, -1).every((piece) => piece.length % 256 === 0));
  });

  it('answer with a status', async () => {
    const codes: Record<number, string | null> = {
      401: 'invalid_api_key',
      404: 'model_not_found',
      429: 'rate_limit_exceeded',
    };
    for (const status of [400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 529]) {
      const got = await stream(`status-${status}`);
      assert.equal(got.status, status);
      const { error } = JSON.parse(got.text);
      assert.ok(error.message.length > 5);
      if (status in codes) assert.equal(error.code, codes[status]);
    }
    assert.equal(JSON.parse((await stream('quota')).text).error.code, 'insufficient_quota');
    assert.equal(JSON.parse((await stream('context-too-long')).text).error.code, 'context_length_exceeded');
    assert.equal(JSON.parse((await stream('content-filter')).text).error.code, 'content_filter');
    assert.equal((await stream('retry-after-3')).headers['retry-after'], '3');
    assert.equal((await stream('retry-after-ms-30')).headers['retry-after-ms'], '30');
    const asked = Date.now();
    const date = Date.parse(String((await stream('retry-after-date-5')).headers['retry-after']));
    assert.ok(date > asked + 3_500 && date < Date.now() + 7_000);
    assert.equal((await stream('ratelimit-reset-4')).headers['x-ratelimit-reset-requests'], '4s');
    assert.equal((await stream('redirect-302')).headers.location, '/v1/chat/completions/moved');
  });

  it('report usage that cannot be taken as it is', async () => {
    assert.equal(assemble((await stream('usage-missing')).text).usage, null);
    assert.equal(JSON.parse((await call('usage-missing', {})).text).usage, undefined);
    const every = assemble((await stream('usage-every-chunk')).text).chunks;
    assert.ok(every.every((chunk) => typeof chunk.usage?.completion_tokens === 'number'));
    assert.equal(every[3]?.usage?.completion_tokens, 3);
    const bare = assemble((await stream('usage-no-choices')).text).chunks.at(-1);
    assert.ok(bare?.usage && !('choices' in bare));
    assert.equal(assemble((await stream('usage-null')).text).chunks.at(-1)?.usage, null);
    assert.equal(assemble((await stream('usage-negative')).text).usage?.completion_tokens, -20);
    assert.equal(assemble((await stream('usage-absurd')).text).usage?.prompt_tokens, 1e15);
  });

  it('put strange things into the answer', async () => {
    const halves = await stream('surrogates');
    assert.match(halves.text, /"content":" \\ud83d"/);
    assert.match(halves.text, /"content":"\\ude00"/);
    assert.match(assemble(halves.text).text, /😀/);
    assert.ok(assemble((await stream('nul-in-text')).text).text.includes(' nul\u0000here'));
    const filtered = assemble((await stream('content-filter-finish')).text);
    assert.deepEqual([filtered.finish, filtered.usage?.completion_tokens], ['content_filter', 10]);
    for (const fault of ['tool-args-cut', 'tool-args-invalid']) {
      const told = assemble((await stream(fault)).text);
      assert.equal(told.finish, 'tool_calls');
      assert.ok(told.args.length > 5);
      assert.throws(() => JSON.parse(told.args));
      const json = JSON.parse((await call(fault, {})).text);
      assert.throws(() => JSON.parse(json.choices[0].message.tool_calls[0].function.arguments));
    }
  });

  it('are refused by name when unknown', async () => {
    const got = await stream('gremlins');
    assert.equal(got.status, 400);
    const { message } = JSON.parse(got.text).error;
    for (const name of names) assert.ok(message.includes(name), name);
  });

  it('stop after N calls with the same prompt', async () => {
    const retried = (text: string): Promise<Got> =>
      send(`${sim.url}/chat/completions`, ask(`${text} [[sim fault=status-503 times=2]]`));
    assert.equal((await retried('a')).status, 503);
    assert.equal((await retried('a')).status, 503);
    assert.equal((await retried('b')).status, 503);
    assert.equal((await retried('a')).status, 200);
  });

  it('do not change what is said, so a cut answer can be continued', async () => {
    const messages = [{ role: 'user', content: 'Tell me [[sim fault=cut-after-7 times=1]]' }];
    const body = { model: 'goblin-sim', messages, ...STREAM };
    const cut = assemble((await send(`${sim.url}/chat/completions`, body)).text);
    assert.equal(cut.finish, null);
    const prefixed = { ...body, messages: [...messages, { role: 'assistant', content: cut.text }] };
    const rest = assemble((await send(`${sim.url}/chat/completions`, prefixed)).text);
    assert.equal(cut.text + rest.text, plain);
    assert.deepEqual([rest.finish, rest.usage?.completion_tokens], ['stop', 13]);
  });
});
