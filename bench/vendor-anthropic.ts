/** As vendor.ts, in Anthropic's dialect: canned events over raw sockets, one write each. */
import net from 'node:net';

const events = Number(process.env.EVENTS ?? 100);
const framed = (text: string) => Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
const event = (name: string, fields: string) => framed(`event: ${name}\ndata: {"type":"${name}"${fields}}\n\n`);

const HEAD = Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n');
const BODY = [
  event(
    'message_start',
    ',"message":{"id":"msg_bench","type":"message","role":"assistant","model":"bench","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":20,"output_tokens":1}}',
  ),
  event('content_block_start', ',"index":0,"content_block":{"type":"text","text":""}'),
  ...Array.from({ length: events - 5 }, (_, index) =>
    event('content_block_delta', `,"index":0,"delta":{"type":"text_delta","text":" word${index}"}`),
  ),
  event('content_block_stop', ',"index":0'),
  event('message_delta', ',"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":100}'),
  event('message_stop', ''),
  Buffer.from('0\r\n\r\n'),
];

net
  .createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    let held = '';
    socket.on('data', (data: Buffer) => {
      held += data.toString('latin1');
      for (;;) {
        const head = held.indexOf('\r\n\r\n');
        if (head < 0) return;
        const length = Number(/content-length: *(\d+)/i.exec(held)?.[1] ?? 0);
        if (held.length < head + 4 + length) return;
        held = held.slice(head + 4 + length);
        socket.write(HEAD);
        for (const piece of BODY) socket.write(piece);
      }
    });
  })
  .listen(Number(process.env.PORT), '127.0.0.1', () => console.log('vendor'));
