import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOwnPage } from '../../../src/edge/cookies.ts';
import { createHeld } from '../../../src/edge/held.ts';
import { presented, readCookie, SESSION_COOKIES } from '../../../src/identity/credentials.ts';
import { isSafeUrl } from '../../../src/identity/issuer.ts';
import { isOwnPath } from '../../../src/identity/oidc.ts';
import { seal, unseal } from '../../../src/identity/seal.ts';

describe('where a credential is found', () => {
  it('headers come before cookies', () => {
    const cookie = '__Host-goblin_session=eyJ.c';
    assert.deepEqual(presented({ authorization: 'Bearer k', cookie }), { text: 'k', cookie: false });
    assert.deepEqual(presented({ 'x-api-key': 'k', cookie }), { text: 'k', cookie: false });
    assert.deepEqual(presented({ cookie: `a=b; ${cookie}` }), { text: 'eyJ.c', cookie: true });
    assert.equal(presented({ authorization: 'Basic abc' }), null);
    assert.equal(presented({ cookie: 'goblin_sessionx=1; xgoblin_session=2' }), null);
  });

  it('a cookie that is there twice is none: somebody put it beside ours', () => {
    assert.equal(readCookie({ cookie: 'goblin_session=a; goblin_session=b' }, SESSION_COOKIES), null);
    assert.equal(readCookie({ cookie: 'goblin_session=a; __Host-goblin_session=b' }, SESSION_COOKIES), 'b');
    assert.equal(readCookie({ cookie: 'goblin_session=' }, SESSION_COOKIES), null);
    assert.equal(readCookie({ cookie: ['goblin_session=a'] }, SESSION_COOKIES), null);
  });
});

describe('a page of ours', () => {
  const host = 'goblin.example.com';
  it('is known by Origin, and by what the browser says of it', () => {
    const good = { origin: `https://${host}`, host };
    assert.ok(isOwnPage({ headers: good }));
    assert.ok(isOwnPage({ headers: { ...good, 'sec-fetch-site': 'same-origin' } }));
    for (const headers of [
      { host },
      { host, origin: 'null' },
      { host, origin: 'https://evil.example' },
      { host, origin: `https://${host}.evil.example` },
      { host, origin: `https://${host}:8443` },
      { ...good, 'sec-fetch-site': 'same-site' },
      { ...good, 'sec-fetch-site': 'cross-site' },
      { ...good, 'sec-fetch-site': 'none' },
    ]) {
      assert.equal(isOwnPage({ headers }), false, JSON.stringify(headers));
    }
  });

  it('is what a sign-in comes back to, and never another host', () => {
    for (const path of ['/', '/a?b=c#d', '/~x/%20']) assert.ok(isOwnPath(path), path);
    for (const path of [
      '',
      'x',
      '//evil.example',
      '/\\evil.example',
      '/a\\b',
      'https://evil.example',
      '/a b',
      '/a\nb',
      '/\u00e9',
    ]) {
      assert.equal(isOwnPath(path), false, JSON.stringify(path));
    }
  });
});

describe('addresses of issuers', () => {
  it('have TLS, unless they are on this machine', () => {
    for (const url of ['https://a.example/x', 'http://127.0.0.1:9/x', 'http://localhost/', 'http://[::1]:8/'])
      assert.ok(isSafeUrl(url), url);
    for (const url of [
      'http://a.example',
      'http://10.0.0.1/',
      'file:///x',
      'https://u:p@a.example',
      'https://a.example/#x',
      'x',
      'http://127.0.0.1.evil.example/',
    ]) {
      assert.equal(isSafeUrl(url), false, url);
    }
  });
});

describe('what goes through a browser', () => {
  const key = Buffer.alloc(32, 7);
  it('comes back as it was, for its purpose, or not at all', () => {
    const sealed = seal(key, 'a', 'hello');
    assert.equal(unseal(key, 'a', sealed), 'hello');
    assert.equal(unseal(key, 'b', sealed), null);
    assert.equal(unseal(Buffer.alloc(32, 8), 'a', sealed), null);
    assert.equal(unseal(key, 'a', ''), null);
    for (let at = 0; at < sealed.length; at += 5) {
      const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1);
      assert.equal(unseal(key, 'a', changed), null, String(at));
    }
    assert.notEqual(seal(key, 'a', 'hello'), sealed);
  });
});

describe('connections that are open', () => {
  it('are found by who answers are for, also when one sends before it was answered', () => {
    const held = createHeld();
    let connect: (socket: unknown) => void = () => {};
    held.watch({ on: (_name: string, listener: typeof connect) => (connect = listener) } as never);
    let closed: () => void = () => {};
    const socket = {
      once: (_name: string, listener: () => void) => (closed = listener),
      destroyed: false,
      destroy() {
        this.destroyed = true;
      },
    };
    connect(socket);
    const callerOf = (id: string) => ({
      tenant: 't',
      user: id,
      key: id,
      permissions: new Set<never>(),
      standing: { tenant: 't', key: id, session: null, account: null, until: Infinity, ended: false },
    });
    const response = () => ({ writableFinished: false, destroyed: false });
    const [a, b] = [callerOf('a'), callerOf('b')];
    const [first, second] = [response(), response()];
    held.hold({ socket } as never, first as never, a);
    held.hold({ socket } as never, second as never, b);
    assert.deepEqual([...held.callers()].map((one) => one.key).sort(), ['a', 'b']);
    second.writableFinished = true;
    assert.deepEqual(
      [...held.callers()].map((one) => one.key),
      ['a'],
    );
    held.end(b.standing);
    assert.equal(socket.destroyed, false, 'what was answered is over');
    held.end(a.standing);
    assert.equal(socket.destroyed, true);
    closed();
    assert.deepEqual([...held.callers()], []);
    held.hold({ socket } as never, response() as never, a);
    assert.deepEqual([...held.callers()], [], 'a connection that is gone holds nobody');
  });
});
