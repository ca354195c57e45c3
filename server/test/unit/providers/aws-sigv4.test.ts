import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSigV4 } from '../../../src/providers/auth/aws-sigv4.ts';

/** Keys, time and signatures of Amazon's published Signature Version 4 test suite. */
const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const AT = Date.UTC(2015, 7, 30, 12, 36);
const TOKEN =
  'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==';

const suite = createSigV4('us-east-1', 'service');
const sign = (method: string, path: string, headers: Record<string, string> = {}, body = '', keys: object = {}) =>
  suite({ method, url: new URL(`https://example.amazonaws.com${path}`), headers, body }, { ...KEYS, ...keys }, AT);
const signature = (headers: Record<string, string>) => headers.authorization?.split('Signature=')[1];

test('the published suite', () => {
  const vanilla = '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31';
  assert.deepEqual(sign('GET', '/'), {
    'x-amz-date': '20150830T123600Z',
    authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${vanilla}`,
  });
  // get-slash, get-slash-dot-slash, get-relative: the same request after the path is made plain.
  for (const path of ['//', '/./', '/example/..']) assert.equal(signature(sign('GET', path)), vanilla);
  assert.equal(
    signature(sign('POST', '/')),
    '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
    'post-vanilla',
  );
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
  assert.equal(
    signature(sign('POST', '/', form, 'Param1=value1')),
    'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    'post-x-www-form-urlencoded',
  );
  assert.equal(
    signature(sign('GET', '/?Param2=value2&Param1=value1')),
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    'get-vanilla-query-order-key-case',
  );
  const temporary = sign('POST', '/', {}, '', { sessionToken: TOKEN });
  assert.equal(signature(temporary), '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead');
  assert.equal(temporary['x-amz-security-token'], TOKEN, 'post-sts-header-before');
});

test('the example of the IAM guide', () => {
  const made = createSigV4('us-east-1', 'iam')(
    {
      method: 'GET',
      url: new URL('https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08'),
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body: '',
    },
    KEYS,
    AT,
  );
  assert.equal(signature(made), '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7');
});

test('escaped paths are escaped once more: what Amazon’s own signer (@smithy/signature-v4 5) makes of them', () => {
  const made = (path: string) =>
    createSigV4('us-west-2', 'bedrock')(
      {
        method: 'POST',
        url: new URL(`https://bedrock-runtime.us-west-2.amazonaws.com${path}`),
        headers: { 'content-type': 'application/json', 'user-agent': 'proxies change this', 'x-mcp-hop': 'a' },
        body: JSON.stringify({ messages: [{ role: 'user', content: [{ text: 'hi ü' }] }] }),
      },
      { ...KEYS, sessionToken: 'tok/+=' },
      AT,
    );
  const streamed = made('/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream');
  assert.match(streamed.authorization ?? '', /SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,/);
  assert.equal(signature(streamed), '15c6f8dad079249095757b13a59b674fd894327bf024f4e915aaa7527bafa4d8');
  const arn = made(
    '/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fab12/converse',
  );
  assert.equal(signature(arn), 'd1ee4e615467787c4827b8a72f147634e2c4786f7a8219d8f86b767509f1f63d');
});

test('the key of the day follows the day and the secret', () => {
  const call = { method: 'GET', url: new URL('https://example.amazonaws.com/'), headers: {}, body: '' };
  const fresh = (keys: typeof KEYS, at: number) => signature(createSigV4('us-east-1', 'service')(call, keys, at));
  const other = { ...KEYS, secretAccessKey: 'other' };
  for (const [keys, at] of [
    [KEYS, AT],
    [KEYS, AT + 86_400_000],
    [other, AT + 86_400_000],
    [KEYS, AT],
  ] as const) {
    assert.equal(signature(suite(call, keys, at)), fresh(keys, at));
  }
});
