/** A name server on loopback that changes its mind: the first question of a name gets one answer, later ones another. */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

export interface DnsStub {
  port: number;
  /** Names that were asked for, with the type, in order. */
  asked: string[];
  /** Answers of a name, in turn; the last one again and again. Each may have several addresses. */
  set(name: string, ...answers: readonly (readonly string[])[]): void;
  close(): void;
}

const A = 1;
const AAAA = 28;

function bytesOf(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = text.split('::');
  const groups = (part: string | undefined) => (part ? part.split(':') : []);
  const [before, after] = [groups(head), groups(tail)];
  const all = tail === undefined ? before : [...before, ...Array(8 - before.length - after.length).fill('0'), ...after];
  const bytes = Buffer.alloc(16);
  for (const [at, group] of all.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), at * 2);
  return bytes;
}

/** RFC 1035, as little of it as a stub resolver asks for. */
export async function startDns(): Promise<DnsStub> {
  const answers = new Map<string, { list: readonly (readonly string[])[]; asked: Map<number, number> }>();
  const asked: string[] = [];
  const socket = createSocket('udp4');

  socket.on('message', (query, from) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.subarray(at + 1, at + 1 + length).toString('latin1'));
      at += length + 1;
    }
    const end = at + 5;
    const type = query.readUInt16BE(at + 1);
    const name = labels.join('.').toLowerCase();
    asked.push(`${name} ${type}`);
    const known = answers.get(name);
    const turn = known?.asked.get(type) ?? 0;
    known?.asked.set(type, turn + 1);
    const addresses = known?.list[Math.min(turn, known.list.length - 1)] ?? [];
    const fitting = addresses.filter((address) => (isIPv6(address) ? AAAA : A) === type);
    const header = Buffer.from(query.subarray(0, 12));
    // An answer, recursion available; no such name, when nobody set it.
    header.writeUInt16BE(known ? 0x8180 : 0x8183, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(fitting.length, 6);
    header.writeUInt32BE(0, 8);
    const records = fitting.map((address) => {
      const data = bytesOf(address);
      const record = Buffer.alloc(12);
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(type, 2);
      record.writeUInt16BE(1, 4);
      // For no time at all.
      record.writeUInt32BE(0, 6);
      record.writeUInt16BE(data.length, 10);
      return Buffer.concat([record, data]);
    });
    socket.send(Buffer.concat([header, query.subarray(12, end), ...records]), from.port, from.address);
  });
  await new Promise<void>((ready) => socket.bind(0, '127.0.0.1', ready));
  return {
    port: socket.address().port,
    asked,
    set(name, ...list) {
      answers.set(name, { list, asked: new Map() });
    },
    close: () => socket.close(),
  };
}
