/**
 * A vendor that costs next to nothing: canned OpenAI bytes over raw sockets, so that what is measured is what stands
 * before it. `stream: true` in the body gets `EVENTS` chunks, one write each; anything else a JSON completion.
 */
import net from 'node:net';

const events = Number(process.env.EVENTS ?? 100);
const chunk = (delta: string, finish = 'null') =>
  `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1750000000,"model":"bench","choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish}}]}\n\n`;
const framed = (text: string) => Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);

const usage = '{"prompt_tokens":20,"completion_tokens":100,"total_tokens":120}';
const json = `{"id":"chatcmpl-bench","object":"chat.completion","created":1750000000,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"${'A short answer of usual words. '.repeat(10)}"},"logprobs":null,"finish_reason":"stop"}],"usage":${usage}}`;
const JSON_ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`,
);
const HEAD = Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n');
const BODY = [
  framed(chunk('{"role":"assistant","content":""}')),
  ...Array.from({ length: events - 2 }, (_, index) => framed(chunk(`{"content":" word${index}"}`))),
  framed(chunk('{}', '"stop"')),
];
const USAGE = framed(
  `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1750000000,"model":"bench","choices":[],"usage":${usage}}\n\n`,
);
/** A short stream comes as one piece, as over a network: what is measured is not how often it is read. */
const AT_ONCE = events <= 10;
const DONE = Buffer.concat([framed('data: [DONE]\n\n'), Buffer.from('0\r\n\r\n')]);
const WHOLE = Buffer.concat([HEAD, ...BODY, DONE]);
const WHOLE_WITH_USAGE = Buffer.concat([HEAD, ...BODY, USAGE, DONE]);

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
        const body = held.slice(head + 4, head + 4 + length);
        held = held.slice(head + 4 + length);
        if (!/"stream": ?true/.test(body)) {
          socket.write(JSON_ANSWER);
          continue;
        }
        if (AT_ONCE) {
          socket.write(body.includes('include_usage') ? WHOLE_WITH_USAGE : WHOLE);
          continue;
        }
        socket.write(HEAD);
        for (const piece of BODY) socket.write(piece);
        if (body.includes('include_usage')) socket.write(USAGE);
        socket.write(DONE);
      }
    });
  })
  .listen(Number(process.env.PORT), '127.0.0.1', () => console.log('vendor'));
