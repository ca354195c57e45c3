/** The ceiling: a bare `node:http` + `undici` pass-through, with nothing in between. */
import http from 'node:http';
import { Pool } from 'undici';

const [port, upstream] = [Number(process.env.PORT), process.env.UPSTREAM as string];
const pool = new Pool(upstream, { headersTimeout: 0, bodyTimeout: 0 });

http
  .createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      pool.dispatch(
        {
          path: request.url as string,
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: 'Bearer test' },
          body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks),
        },
        {
          onRequestStart() {},
          onResponseStart(_control, status, headers) {
            const length = headers['content-length'];
            const head: Record<string, string> = { 'content-type': String(headers['content-type']) };
            if (typeof length === 'string') head['content-length'] = length;
            response.writeHead(status, head);
          },
          onResponseData(_control, chunk) {
            response.write(chunk);
          },
          onResponseEnd() {
            response.end();
          },
          onResponseError(_control, error) {
            response.destroy(error);
          },
        },
      );
    });
  })
  .listen(port, '127.0.0.1', () => console.log('bare pass-through'));
process.on('message', (message) => {
  if (message === 'cpu') process.send?.(process.cpuUsage());
});
