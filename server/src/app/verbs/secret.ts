/** `goblin secret rotate`: after MCP_SECRET was changed. Through the running server, else one of its own. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../config.ts';
import { actionOf, only } from './actions.ts';
import { type Input, type Verb, VerbError } from './flags.ts';
import { bodyOf, reachServer } from './link.ts';

interface Step {
  next: string | null;
  resealed: number;
  lost: number;
}

export const verb: Verb = {
  name: 'secret',
  usage: 'rotate [--forget-lost]',
  about: [
    'rotate  seals everything in the record with the current MCP_SECRET: content that is encrypted, keys of vendors, what',
    '        placeholders stand for. Before that every process must run with the new secret in MCP_SECRET and the old one',
    '        in MCP_SECRET_PREVIOUS; afterwards MCP_SECRET_PREVIOUS can go. The service goes on meanwhile, and what is done',
    '        already is passed over when it is begun anew. Ends with 1 when something is left that no secret opens.',
  ].join('\n'),
  words: { most: 1 },
  flags: {
    'forget-lost': {
      help: 'where the old secret is lost: keys of digests that no secret opens are replaced, for good, and user ids get other hashes',
    },
  },
  examples: ['MCP_SECRET=<new> MCP_SECRET_PREVIOUS=<old> npm run goblin -- secret rotate'],
  run: (input) => actionOf('secret', { rotate }, input),
};

async function rotate(input: Input): Promise<number> {
  only(verb, input, 'rotate', ['forget-lost'], 1);
  const config = readConfig(process.cwd(), process.env);
  const link = await reachServer(config, 0, input.on('forget-lost'));
  const sum = { resealed: 0, lost: 0 };
  try {
    let after: string | null = null;
    do {
      const body = { after, forget_lost: input.on('forget-lost') };
      const step: Step = await bodyOf<Step>(await link.call('/mcp/v1/admin/secret/rotate', { method: 'POST', body }));
      sum.resealed += step.resealed;
      sum.lost += step.lost;
      after = step.next;
    } while (after !== null);
  } finally {
    await link.close();
  }
  if (sum.lost > 0) {
    throw new VerbError(
      `${sum.resealed} rows are sealed with the current secret; ${sum.lost} are left that no secret opens: name the one that made them in MCP_SECRET_PREVIOUS, and ask again.`,
    );
  }
  if (!config.database) keepInFolder(config.dataDir, config.secret);
  console.error(
    `${sum.resealed} rows are sealed with the current secret now. MCP_SECRET_PREVIOUS can go at the next start of each process.`,
  );
  return 0;
}

/** The folder's own secret is the old one: whoever starts without MCP_SECRET, or copies the folder, needs the new one. */
function keepInFolder(dataDir: string, secret: string | null): void {
  const file = join(dataDir, 'secret');
  if (secret === null || !existsSync(file) || readFileSync(file, 'utf8').trim() === secret) return;
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
}
