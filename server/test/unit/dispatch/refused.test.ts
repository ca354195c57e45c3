/** A delivery to an address that must not be called is given up at its first try. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { Row, Sql } from '../../../src/contract/ports.ts';
import { startCallbacks } from '../../../src/dispatch/callbacks.ts';
import { startNotices } from '../../../src/dispatch/notices.ts';
import { createTransport } from '../../../src/providers/transport.ts';

const transport = createTransport({ connectMs: 10_000, hop: 'test', userAgent: 'test', proxy: null });
const moody = createServer((_request, response) => response.writeHead(500).end());
let moodyUrl: string;
before(async () => {
  await new Promise<void>((resolve) => moody.listen(0, '127.0.0.1', resolve));
  moodyUrl = `http://127.0.0.1:${(moody.address() as AddressInfo).port}/`;
});
after(async () => {
  await transport.close();
  moody.close();
});

/** What is noted of the first try of a delivery: its state, and milliseconds until the next. */
async function firstTry(
  start: typeof startCallbacks | typeof startNotices,
  url: string,
  allowPrivate: boolean,
): Promise<{ status: unknown; againMs: unknown }> {
  const due = [{ id: 'one', tenant: 'acme', url, tries: 1, state: 'done', body: '{}' }];
  let noted: readonly unknown[] = [];
  const query = async (_text: string, values?: readonly unknown[]) => {
    if (values?.[0] === 'one') noted = values;
    return due.splice(0) as unknown as Row[];
  };
  const sender = start({
    sql: { query } as unknown as Sql,
    transport,
    secrets: () => ['whsec_c2VjcmV0'],
    allowPrivate,
    telemetry: { log() {} } as unknown as Parameters<typeof startCallbacks>[0]['telemetry'],
  });
  sender.wake();
  await sender.stop();
  return { status: noted[1], againMs: noted[3] };
}

for (const [what, start] of [
  ['a call-back', startCallbacks],
  ['a notice of a budget', startNotices],
] as const) {
  describe(what, () => {
    it('to cloud metadata, or unasked to a private address, is tried once', async () => {
      const metadata = await firstTry(start, 'http://[::ffff:169.254.169.254]/latest', true);
      assert.deepEqual(metadata, { status: 'given_up', againMs: null });
      assert.deepEqual(await firstTry(start, moodyUrl, false), { status: 'given_up', againMs: null });
    });

    it('that was answered with an error is tried again', async () => {
      assert.deepEqual(await firstTry(start, moodyUrl, true), { status: 'waiting', againMs: 5000 });
    });
  });
}
