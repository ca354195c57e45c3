/** Builds Amazon event-stream messages byte by byte, and reads them as execution does. */
import { crc32 } from 'node:zlib';
import type { Decoder } from '../../../../src/contract/dialect.ts';
import type { Part } from '../../../../src/contract/part.ts';
import { createBedrockDecoder } from '../../../../src/dialects/bedrock/decoder.ts';
import { createFrameParser, type FrameEvent } from '../../../../src/dialects/frames.ts';

export function header(name: string, value: string): Buffer {
  const bytes = Buffer.from(value);
  const size = Buffer.alloc(2);
  size.writeUInt16BE(bytes.length);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([7]), size, bytes]);
}

export function message(headers: readonly Buffer[], payload: string | Buffer): Buffer {
  const head = Buffer.concat(headers);
  const body = Buffer.from(payload);
  const prelude = Buffer.alloc(12);
  prelude.writeUInt32BE(head.length + body.length + 16, 0);
  prelude.writeUInt32BE(head.length, 4);
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
  const all = Buffer.concat([prelude, head, body]);
  const end = Buffer.alloc(4);
  end.writeUInt32BE(crc32(all));
  return Buffer.concat([all, end]);
}

const JSON_TYPE = header(':content-type', 'application/json');

export function event(name: string, data: unknown): Buffer {
  const payload = typeof data === 'string' ? data : JSON.stringify(data);
  return message([header(':event-type', name), JSON_TYPE, header(':message-type', 'event')], payload);
}

export function exception(name: string, data: unknown): Buffer {
  return message(
    [header(':message-type', 'exception'), header(':exception-type', name), JSON_TYPE],
    JSON.stringify(data),
  );
}

export function parse(chunks: readonly Buffer[]): FrameEvent[] {
  const events: FrameEvent[] = [];
  const parser = createFrameParser('aws-eventstream', (found) => events.push(found));
  for (const chunk of chunks) parser.push(chunk);
  parser.end();
  return events;
}

export function read(chunks: readonly Buffer[], decoder: Decoder = createBedrockDecoder()): Part[] {
  return [...parse(chunks).flatMap((found) => [...decoder.push(found)]), ...decoder.end()];
}
