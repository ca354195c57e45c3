/** What a worker says of itself: alive, ready. It has no other doors. */
import { createServer, type Server } from 'node:http';
import type { Readiness } from './operations.ts';

export function healthServer(readiness: () => Readiness): Server {
  return createServer((request, response) => {
    const path = request.url?.split('?')[0];
    const known = path === '/healthz' || path === '/readyz';
    const ready = readiness();
    const [status, body] =
      request.method !== 'GET' && request.method !== 'HEAD'
        ? [405, { status: 'method_not_allowed' }]
        : !known
          ? [404, { status: 'not_found' }]
          : path === '/healthz'
            ? [200, { status: 'ok' }]
            : [ready.status === 'unavailable' ? 503 : 200, ready];
    request.resume();
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(status === 503 ? { 'retry-after': '1' } : {}),
      ...(status === 405 ? { allow: 'GET' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : JSON.stringify(body));
  });
}
