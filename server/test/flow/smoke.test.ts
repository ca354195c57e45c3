/** `test_mcp.sh` against a real server. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cleanEnv, makePlace, runGoblin, startServer } from '../support/server.ts';

const SCRIPT = fileURLToPath(new URL('../../../test_mcp.sh', import.meta.url));

function smoke(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const place = makePlace();
  return new Promise((resolve) => {
    execFile(SCRIPT, args, { env: cleanEnv(place, env), timeout: 120_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr });
    });
  });
}

describe('test_mcp.sh', { skip: process.platform === 'win32' }, () => {
  test('is green against a server', async () => {
    const server = await startServer({ first: true });
    const ran = await smoke([server.address]);
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    assert.doesNotMatch(ran.stdout, /FAIL/);
    assert.match(ran.stdout, /All \d+ steps are ok\./);
    await server.stop();
  });

  test('is green with a key, and red without one', async () => {
    const server = await startServer({ env: { MCP_AUTH: 'required' }, settings: { simulator: true } });
    const key = (await runGoblin(['key', 'create', '--tenant', 'smoke'], server)).stdout.trim();
    const good = await smoke([], { MCP_URL: server.address, MCP_KEY: key });
    assert.equal(good.code, 0, good.stdout + good.stderr);
    assert.ok(!good.stdout.includes(key));
    const bad = await smoke([server.address]);
    assert.equal(bad.code, 1);
    assert.match(bad.stdout, /^FAIL +submit +status 401/m);
    await server.stop();
  });

  test('is red where nobody listens', async () => {
    const ran = await smoke(['http://127.0.0.1:1']);
    assert.equal(ran.code, 1);
    assert.match(ran.stdout, /^FAIL +health/m);
  });
});
