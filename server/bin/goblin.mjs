#!/usr/bin/env node
// Plain JavaScript, so that an old Node can say what it needs. Everything else is TypeScript that Node runs as it is.
import module from 'node:module';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 7)) {
  console.error(
    `Node ${process.versions.node} is too old: 24.7 or newer is needed. "npm ci" brings one for most systems, and "npm start" then uses it.`,
  );
  process.exit(1);
}
module.enableCompileCache?.();
const { main } = await import('../src/app/cli.ts');
await main(process.argv.slice(2));
