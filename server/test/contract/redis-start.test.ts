/** A start with Redis: what is said when it fails, and that one without a Redis that answers goes on. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RedisStartError } from '../../src/drivers/redis-link.ts';
import { until } from '../support/patience.ts';
import { freePort, startRedis } from '../support/services.ts';
import { begin, listen, open, wokenWithin } from './redis-kit.ts';

describe('a start that fails', () => {
  async function refusal(url: string): Promise<string> {
    const error = await begin(url).then(
      (link) => link.close().then(() => assert.fail('it opened')),
      (reason) => reason,
    );
    assert.ok(error instanceof RedisStartError, String(error));
    assert.ok(!`${error.message}${error.stack}`.includes('s3cret'), error.message);
    assert.match(error.message, /REDIS_URL/);
    return error.message;
  }

  it('names what is wrong with the URL', async () => {
    for (const url of ['', 'localhost:6379', 'http://u:s3cret@h', 'redis:h']) {
      assert.match(await refusal(url), /must begin with redis:\/\//, url);
    }
    for (const url of [
      'redis://u:s3cret@h:port',
      'redis://u:s3cret@h:99999',
      'redis://u:s3cret@h1,h2',
      'redis://u:s3cret@h/abc',
      'redis://u:s3cret%zz@h',
      'redis+sentinel://h1,h2',
      'redis+cluster://h1,h2/3',
    ]) {
      assert.match(await refusal(url), /cannot be read.*a good one is REDIS_URL=redis/, url);
    }
  });

  it('names a refused login', async () => {
    const locked = await startRedis({ password: 'right' });
    const at = `127.0.0.1:${locked.port}`;
    for (const login of ['', ':s3cret@', 'somebody:s3cret@']) {
      assert.match(await refusal(`redis://${login}${at}`), /refused the login.*check user and password/);
    }
    const link = await open(locked.url, { namespace: 'locked' });
    assert.equal(link.numbers().state, 'up');
    await link.close();
    await locked.stop();
  });

  it('starts without a Redis that does not answer, and finds it later', async () => {
    const port = await freePort();
    const link = await begin(`redis://127.0.0.1:${port}`);
    assert.deepEqual([link.numbers().state, link.queue.up(), link.bus.up()], ['down', false, false]);
    link.queue.wake();
    assert.equal(await wokenWithin(link, 5_000), true);
    assert.equal(await wokenWithin(link, 100), false);
    assert.equal(await link.bus.recent('r', 0), null);
    const ear = listen(link, 'r');
    link.bus.publish('r', { type: 'ended' });
    assert.equal(ear.heard.length, 1);
    const late = await startRedis({}, port);
    await until(() => link.numbers().state === 'up', 30_000);
    await until(() => ear.heard.length === 2);
    await link.close();
    await link.close();
    await late.stop();
  });
});
