/** Sinks of the audit trail on this machine: syslog over UDP, TCP and TLS, and OTLP over HTTP; each as strict as it may be. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTls } from 'node:tls';
import { freePort } from './daemon.ts';
import { tempFolder } from './server.ts';

export interface SyslogMessage {
  priority: number;
  timestamp: string;
  host: string;
  app: string;
  process: string;
  type: string;
  data: Record<string, string>;
  body: { id: string; type: string; tenant: string; request_id: string | null; payload: unknown };
}

/** Reads a message by the grammar of RFC 5424, or fails. */
export function readSyslog(line: string): SyslogMessage {
  const head =
    /^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ([\x21-\x7e]{1,255}) ([\x21-\x7e]{1,48}) ([\x21-\x7e]{1,128}) ([\x21-\x7e]{1,32}) \[/.exec(
      line,
    );
  assert.ok(head, `not a header of syslog: ${line.slice(0, 200)}`);
  let at = head[0].length;
  const id = /^[^=\s\]"]{1,32}/.exec(line.slice(at))?.[0] ?? '';
  assert.match(id, /^goblin@\d+$/);
  at += id.length;
  const data: Record<string, string> = {};
  while (line[at] === ' ') {
    const param = /^ ([^=\s\]"]{1,32})="((?:[^"\\\]]|\\["\\\]])*)"/.exec(line.slice(at));
    assert.ok(param, `not a parameter: ${line.slice(at, at + 100)}`);
    data[param[1] as string] = (param[2] as string).replace(/\\(["\\\]])/g, '$1');
    at += param[0].length;
  }
  assert.equal(line.slice(at, at + 2), '] ');
  const body = JSON.parse(line.slice(at + 2)) as SyslogMessage['body'];
  const [, priority, timestamp, host, app, process, type] = head as unknown as string[];
  return { priority: Number(priority), timestamp, host, app, process, type, data, body } as SyslogMessage;
}

export interface SyslogSink {
  port: number;
  messages: SyslogMessage[];
  /** Connections so far. */
  connections(): number;
  /** Nobody is there any more, and whoever is connected is cut off. */
  away(): Promise<void>;
  back(): Promise<void>;
}

/** `tls`: with a key and a certificate. `closes: false`: it never closes its half. */
export async function syslogTcp(tls: { key: string; cert: string } | null = null, closes = true): Promise<SyslogSink> {
  const messages: SyslogMessage[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  let server: Server;
  // It comes back where it was: on a port that nobody is given meanwhile.
  const port = await freePort();
  const serve = (socket: Socket): void => {
    connections++;
    sockets.add(socket);
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const length = /^([1-9]\d*) /.exec(rest.subarray(0, 12).toString('latin1'));
        if (!length) {
          assert.ok(rest.length < 12, `not a length: ${rest.subarray(0, 30).toString()}`);
          break;
        }
        const start = length[0].length;
        const end = start + Number(length[1]);
        if (rest.length < end) break;
        messages.push(readSyslog(rest.subarray(start, end).toString('utf8')));
        rest = rest.subarray(end);
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    if (closes) socket.on('end', () => socket.end());
  };
  async function back(): Promise<void> {
    const options = { allowHalfOpen: true };
    server = tls ? createTls({ ...options, ...tls }, serve) : createServer(options, serve);
    server.on('tlsClientError', () => {});
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.unref();
  }
  await back();
  return {
    port,
    messages,
    connections: () => connections,
    async away() {
      for (const socket of sockets) socket.resetAndDestroy();
      server.close();
      await once(server, 'close');
    },
    back,
  };
}

export async function syslogUdp(): Promise<{ port: number; messages: SyslogMessage[] }> {
  const messages: SyslogMessage[] = [];
  const socket = createSocket('udp4', (message) => messages.push(readSyslog(message.toString('utf8'))));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.unref();
  return { port: socket.address().port, messages };
}

export interface OtlpRecord {
  timeUnixNano: string;
  severityText: string;
  body: { stringValue: string };
  attributes: { key: string; value: { stringValue?: string; intValue?: string } }[];
}

export interface OtlpSink {
  port: number;
  records: OtlpRecord[];
  calls: { path: string; headers: Record<string, string | string[] | undefined>; status: number; at: number }[];
  /** What the next calls are answered; then 200. */
  answers: { status: number; headers?: Record<string, string>; body?: string }[];
}

export async function otlp(): Promise<OtlpSink> {
  const sink: OtlpSink = { port: 0, records: [], calls: [], answers: [] };
  const server = createHttp((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { status, headers = {}, body = '{}' } = sink.answers.shift() ?? { status: 200 };
      sink.calls.push({ path: request.url ?? '', headers: request.headers, status, at: Date.now() });
      if (status === 200) {
        const said = JSON.parse(Buffer.concat(chunks).toString()) as {
          resourceLogs: { scopeLogs: { logRecords: OtlpRecord[] }[] }[];
        };
        for (const resource of said.resourceLogs)
          for (const scope of resource.scopeLogs) sink.records.push(...scope.logRecords);
      }
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  sink.port = (server.address() as AddressInfo).port;
  return sink;
}

/** A certificate for 127.0.0.1 that nobody else believes. */
export function certificate(): { key: string; cert: string; file: string } {
  const folder = tempFolder();
  const [key, file] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = ['req', '-new', '-x509', '-days', '2', '-nodes', '-subj', '/CN=127.0.0.1'];
  execFileSync('openssl', [...made, '-addext', 'subjectAltName=IP:127.0.0.1', '-out', file, '-keyout', key], {
    stdio: 'ignore',
  });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(file, 'utf8'), file };
}
