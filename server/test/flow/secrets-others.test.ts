/** Values that were taken out of a request go back to who asked, and to nobody else of his tenant. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bearer, makeKey, person } from '../support/accounts.ts';
import { call, type Json, post, result, submit } from '../support/api.ts';
import { eventually } from '../support/server.ts';
import { openSse, readAll, textOf } from '../support/streams.ts';
import { type House, MODEL, startHouse } from '../support/vendors.ts';

// Made here, so that no file of the project holds what looks like a key.
const AWS = ['AKIA', 'Z7Q3M5N2P6R4T6V4'].join('');
const MARK = /\[\[secret:aws_access_key:[0-9a-f]+\]\]/;

let house: House;
let mine: Record<string, string>;
let others: Record<string, string>[];
before(async () => {
  house = await startHouse({ env: { MCP_AUTH: 'required' } });
  mine = bearer((await makeKey(house.server, { tenant: 'acme' })).key);
  const key = bearer((await makeKey(house.server, { tenant: 'acme' })).key);
  const owner = bearer((await person(house.server, 'acme', 'admin')).access_token);
  others = [key, owner];
});
after(() => house.close());

test('results, streams and metadata, detached', async () => {
  const { request_id: id } = await submit(
    house.server,
    { prompt: `Tell ${AWS} on`, model: MODEL, metadata: { note: AWS } },
    mine,
  );
  assert.ok((await result(house.server, id, mine)).text.includes(AWS));
  assert.ok(textOf(await readAll(openSse(house.server, id, { headers: mine }))).includes(AWS));
  const own = await call<{ metadata: Json }>(house.server, `/mcp/v1/request/${id}`, { headers: mine });
  assert.equal(own.body.metadata.note, AWS);
  for (const headers of others) {
    const told = await result(house.server, id, headers);
    assert.match(told.text, MARK);
    const frames = await readAll(openSse(house.server, id, { headers }));
    assert.match(textOf(frames), MARK);
    const row = await call<{ metadata: Json }>(house.server, `/mcp/v1/request/${id}`, { headers });
    assert.match(String(row.body.metadata.note), MARK);
    assert.ok(!JSON.stringify([told, frames, row.text]).includes(AWS));
    assert.ok(!JSON.stringify([told, frames, row.text]).includes('sealed'), 'nor what opens it');
  }
  const whole = await call(house.server, `/mcp/v1/request/${id}/content`, { headers: mine });
  assert.ok(whole.text.includes(AWS), whole.text);
  const [, admin] = others;
  const read = await call(house.server, `/mcp/v1/request/${id}/content`, admin ? { headers: admin } : {});
  assert.equal(read.status, 200, read.text);
  assert.ok(!read.text.includes(AWS) && MARK.test(read.text), read.text);
  // Who asked still has his own after the others have looked.
  assert.ok((await result(house.server, id, mine)).text.includes(AWS));
});

test('answers of the doors, told again by the record', async () => {
  const asked = await post<Json>(house.server, '/v1/responses', { model: MODEL, input: `Keep ${AWS} for me` }, mine);
  assert.ok(asked.text.includes(AWS), asked.text);
  const id = asked.headers.get('x-mcp-request-id') as string;
  await eventually(async () => {
    const row = await call<{ status: string }>(house.server, `/mcp/v1/request/${id}`, { headers: mine });
    return row.body.status === 'succeeded';
  }, 'the end');
  const again = await call(house.server, `/v1/responses/resp_${id}`, { headers: mine });
  assert.ok(again.text.includes(AWS), again.text);
  for (const headers of others) {
    for (const path of [`/v1/responses/resp_${id}`, `/mcp/v1/request/${id}/result`, `/mcp/v1/stream/${id}`]) {
      const told = await call(house.server, path, { headers });
      assert.equal(told.status, 200, told.text);
      assert.ok(!told.text.includes(AWS), `${path}: ${told.text}`);
      assert.match(told.text, MARK, path);
    }
  }
});
