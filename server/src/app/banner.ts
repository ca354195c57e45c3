/** What a start prints: where it is, what it found, what to try. */
import type { Config } from './config.ts';
import type { Running } from './start.ts';
import { VERSION } from './version.ts';

/** `setup`: the token that makes the first owner; null when somebody has an account, or nobody is asked who he is. */
export function banner(config: Config, running: Running, setup: string | null): string {
  const providers = running.live.providers();
  const only = providers.length === 1 && providers[0]?.anyModel === true;
  const found =
    providers.length === 0
      ? 'none: set a key, e.g. OPENAI_API_KEY, and start again'
      : only
        ? 'none, so the simulator answers (set a key, e.g. OPENAI_API_KEY, or start Ollama)'
        : providers.map((provider) => provider.name).join(', ');
  const title = `Goblin Model Control Plane ${VERSION}`;
  const ready = `ready in ${(running.readyMs / 1000).toFixed(1)} s`;
  const data = config.database
    ? `PostgreSQL${config.redis ? ' and Redis' : ''}`
    : `${config.dataDir}   (embedded database${config.redis ? ', and Redis' : ''})`;
  if (running.house.role === 'worker') {
    return [
      `${title}, worker, ${ready}`,
      '',
      `  health     ${running.address}/healthz`,
      `  data       ${data}`,
      `  providers  ${found}`,
      '',
    ].join('\n');
  }
  const key = config.auth === 'required' ? ` \\\n    -H 'authorization: Bearer <key>'` : '';
  return [
    `${title}, ${running.house.role === 'api' ? 'API, ' : ''}${ready}`,
    '',
    `  address    ${running.address}   (API reference: ${running.address}/docs)`,
    `  data       ${data}`,
    `  providers  ${found}`,
    `  access     ${config.auth === 'off' ? 'open to this machine only (MCP_AUTH=off)' : 'with a key: npm run goblin -- key create --tenant <name>'}`,
    ...(setup === null
      ? []
      : [`  set-up     ${setup}   (makes the first owner, once, within a day: docs/security.md)`]),
    '',
    '  Try:',
    `  curl -s ${running.address}/mcp/v1/request -H 'content-type: application/json'${key} \\`,
    `    -d '{"user_id": "test", "prompt": "Hello MCP!", "task_type": "chat"}'`,
    '',
  ].join('\n');
}
