/** The trail told to sinks outside: every event, in the order of its writer, whatever happens to the sink or to us. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { call, result, submit } from '../support/api.ts';
import { eventually, makePlace, runGoblin, type Server, startServer } from '../support/server.ts';
import { certificate, otlp, type SyslogMessage, syslogTcp, syslogUdp } from '../support/sinks.ts';

/** Long enough for a machine that is busy: who misses its own beats buries nobody. */
const CLOCKS = { lease_ms: 5000, heartbeat_ms: 1000 };

const servers: Server[] = [];
after(async () => {
  for (const server of servers) await server.stop();
});

async function start(
  stream: string,
  more: { headers_env?: string; env?: Record<string, string> } = {},
): Promise<Server> {
  const { env, ...rest } = more;
  const server = await startServer({
    settings: { audit: { stream, ...rest }, clocks: CLOCKS },
    ...(env ? { env } : {}),
  });
  servers.push(server);
  return server;
}

async function ask(server: Server, times = 1): Promise<void> {
  for (let n = 0; n < times; n++) await result(server, (await submit(server, { prompt: 'Tell it.' })).request_id);
}

/** All events of the trail, oldest first. */
async function trail(server: Server): Promise<{ id: string; type: string }[]> {
  const exported = await call(server, '/mcp/v1/admin/audit?format=ndjson');
  return exported.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; type: string })
    .reverse();
}

interface Stream {
  sink: string;
  behind_ms: number;
  events_told: number;
  failures: number;
  problem: string | null;
}
const stream = async (server: Server): Promise<Stream> =>
  (await call<{ audit_stream: Stream }>(server, '/mcp/v1/admin/metrics')).body.audit_stream;

/** Waits until the sink has heard of all. */
async function heardAll(server: Server, heard: () => string[], but: readonly string[] = []): Promise<void> {
  const ids = (await trail(server)).map(({ id }) => id).filter((id) => !but.includes(id));
  await eventually(
    () => {
      const all = new Set(heard());
      return ids.every((id) => all.has(id));
    },
    `${ids.length} events to be told`,
    60_000,
  );
}

/** Blocks never go back, but for those that are told again from their beginning. */
function inOrder(messages: readonly SyslogMessage[]): void {
  const first = new Map<string, number>();
  for (const { data } of messages) {
    const writer = data.writer as string;
    const known = first.get(writer) ?? -1;
    const block = Number(data.block);
    first.set(writer, Math.max(known, block));
    assert.ok(block <= known + 1_000 && block >= 0);
  }
  const seen = new Set<string>();
  const fresh = messages.filter(({ data }) => !seen.has(data.id as string) && seen.add(data.id as string));
  for (const writer of new Set(fresh.map(({ data }) => data.writer))) {
    const blocks = fresh.filter(({ data }) => data.writer === writer).map(({ data }) => Number(data.block));
    assert.deepEqual(
      blocks,
      blocks.toSorted((a, b) => a - b),
    );
  }
}

test('syslog over TCP: all events; a sink that goes away and comes back misses none; a restart goes on', async () => {
  const sink = await syslogTcp();
  const first = await start(`syslog+tcp://127.0.0.1:${sink.port}`);
  const heard = () => sink.messages.map(({ body }) => body.id);
  await ask(first, 3);
  await heardAll(first, heard);
  assert.equal(new Set(heard()).size, heard().length, 'nothing is told twice while all is well');
  const [message] = sink.messages.filter(({ type }) => type === 'request.succeeded');
  assert.equal(message?.priority, 13 * 8 + 6);
  assert.equal(message?.app, 'goblin');
  assert.deepEqual([message?.data.id, message?.body.type], [message?.body.id, 'request.succeeded']);
  assert.match(message?.data.writer ?? '', /^goblin all /);

  await sink.away();
  await ask(first, 3);
  const behind = await eventually(async () => {
    const seen = await stream(first);
    return seen.problem !== null && seen.behind_ms > 0 ? seen : null;
  }, 'the lag to be seen');
  assert.match(behind.problem ?? '', /ECONNREFUSED|closed|RESET/);
  await sink.back();
  await heardAll(first, heard);
  await eventually(async () => ((await stream(first)).problem === null ? true : null), 'the problem to be over');

  // What is written while the sink is away, and not told by who wrote it, is told by whoever comes next.
  await sink.away();
  await ask(first, 2);
  const told = await trail(first);
  await first.kill();
  servers.splice(servers.indexOf(first), 1);
  await sink.back();
  const before = heard().length;
  const next = await first.again();
  servers.push(next);
  await ask(next);
  await heardAll(next, heard);
  const again = heard()
    .slice(before)
    .filter((id) => heard().slice(0, before).includes(id));
  assert.ok(again.length < told.length / 2, `${again.length} of ${told.length} events are told again`);
  inOrder(sink.messages);
});

test('syslog over TLS: by a certificate that is believed, and not by another one', async () => {
  const { file, ...pair } = certificate();
  const sink = await syslogTcp(pair);
  const address = `syslog+tls://127.0.0.1:${sink.port}`;
  const believing = await start(address, { env: { NODE_EXTRA_CA_CERTS: file } });
  await ask(believing);
  await heardAll(believing, () => sink.messages.map(({ body }) => body.id));
  const heard = sink.messages.length;
  const other = await start(address);
  await ask(other);
  await eventually(async () => {
    const { problem } = await stream(other);
    return problem !== null && /self-signed/.test(problem);
  }, 'the certificate to be refused');
  assert.equal(sink.messages.length, heard, 'nothing is told to a stranger');
});

test('a sink that never closes its half is told, too', async () => {
  const sink = await syslogTcp(null, false);
  const server = await start(`syslog+tcp://127.0.0.1:${sink.port}`);
  await ask(server);
  await heardAll(server, () => sink.messages.map(({ body }) => body.id));
  await eventually(() => /does not close its connections/.test(server.stdout() + server.stderr()), 'the warning');
  await ask(server);
  await heardAll(server, () => sink.messages.map(({ body }) => body.id));
});

test('syslog over UDP', async () => {
  const sink = await syslogUdp();
  const server = await start(`syslog+udp://127.0.0.1:${sink.port}`);
  await ask(server, 2);
  await heardAll(server, () => sink.messages.map(({ body }) => body.id));
});

test('OTLP: headers from the environment; a sink that is busy is asked again when it says; what it refuses is said', async () => {
  const sink = await otlp();
  sink.answers.push({ status: 503, headers: { 'retry-after': '2' } });
  const server = await start(`otlp+http://127.0.0.1:${sink.port}`, {
    headers_env: 'SINK_HEADERS',
    env: { SINK_HEADERS: 'authorization=Bearer%20sink-key,x-scope=audit' },
  });
  await ask(server);
  const ids = () =>
    sink.records.map(
      ({ attributes }) => attributes.find(({ key }) => key === 'goblin.event.id')?.value.stringValue ?? '',
    );
  await heardAll(server, ids);
  const [refused, taken] = sink.calls;
  assert.deepEqual([refused?.status, taken?.status], [503, 200]);
  assert.ok((taken?.at ?? 0) - (refused?.at ?? 0) >= 1900, 'not before it said');
  assert.equal(taken?.path, '/v1/logs');
  assert.equal(taken?.headers.authorization, 'Bearer sink-key');
  assert.equal(taken?.headers['x-scope'], 'audit');
  assert.equal(taken?.headers['content-type'], 'application/json');
  const [record] = sink.records;
  assert.match(record?.timeUnixNano ?? '', /^\d{19}$/);
  assert.ok(Math.abs(Number(record?.timeUnixNano) / 1e6 - Date.now()) < 60_000);
  sink.answers.push({ status: 200, body: '{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}' });
  await ask(server);
  await heardAll(server, ids);
  await eventually(() => /too old.*refuses events for good/.test(server.stdout() + server.stderr()), 'the log');
  const config = await runGoblin(['config'], server, { SINK_HEADERS: 'authorization=Bearer%20sink-key' });
  assert.ok(!config.stdout.includes('sink-key'));
});

test('addresses that make no sense stop the start in one sentence', async () => {
  for (const [entry, words] of [
    [{ stream: 'syslog://127.0.0.1' }, /audit\.stream takes/],
    [{ stream: 'syslog+tcp://user:pass@127.0.0.1:514' }, /without credentials/],
    [{ stream: 'syslog+tcp://127.0.0.1:514/path' }, /audit\.stream takes/],
    [{ stream: 'otlp+http://127.0.0.1:99999' }, /audit\.stream takes/],
    [{ stream: 'syslog+udp://127.0.0.1', headers_env: 'X' }, /audit\.headers_env is for/],
    [{ stream: 'otlp+http://127.0.0.1', headers_env: 'NOT_THERE' }, /NOT_THERE, but it is not set/],
  ] as const) {
    const ran = await runGoblin(['start'], makePlace({ audit: entry }), {}, 20_000);
    assert.equal(ran.code, 1, ran.stdout + ran.stderr);
    assert.match(ran.stderr + ran.stdout, words);
  }
});
