/** `goblin verify-audit`: is the trail as it was written? */
import { writeFileSync } from 'node:fs';
import type { AuditReport } from '../../ledger/audit-verify.ts';
import { readConfig } from '../config.ts';
import { type Input, type Verb, VerbError } from './flags.ts';
import { bodyOf, reachServer } from './link.ts';

export const verb: Verb = {
  name: 'verify-audit',
  usage: '[flags]',
  about:
    'Checks every block of the audit trail: its signature, its place in the chain, and each event in it. Ends with 1 when\n' +
    'anything was changed, taken out or put in. The heads that it prints prove later that nothing was cut off the end: keep\n' +
    'them somewhere else (--heads), and compare (--since).',
  words: { most: 0 },
  flags: {
    heads: { value: 'file', help: 'write the newest block of each writer into a file' },
    since: { value: 'file', help: 'such a file of an earlier check: every head in it must still be there' },
    'public-key': { help: 'print the public keys as PEM, for verify-receipt.mjs, when nothing was changed' },
    json: { help: 'print the report as JSON' },
  },
  examples: [
    'npm run goblin -- verify-audit --heads heads-2026-11-26.json',
    'npm run -s goblin -- verify-audit --public-key > public-key.pem',
  ],
  run,
};

async function run(input: Input): Promise<number> {
  const link = await reachServer(readConfig(process.cwd(), process.env));
  try {
    const report = await bodyOf<AuditReport>(await link.call('/mcp/v1/admin/audit/verify'));
    const since = input.text('since');
    if (since !== undefined) report.findings.push(...missingHeads(await readHeads(since), report));
    const file = input.text('heads');
    if (file !== undefined) writeFileSync(file, `${JSON.stringify(report.heads, null, 2)}\n`);
    if (input.on('public-key') && report.findings.length === 0) {
      console.log(Object.values(report.keys).join('\n').trimEnd());
      return 0;
    }
    console.log(input.on('json') ? JSON.stringify(report, null, 2) : say(report));
    return report.findings.length === 0 ? 0 : 1;
  } finally {
    await link.close();
  }
}

type Heads = AuditReport['heads'];

async function readHeads(file: string): Promise<Heads> {
  const { readFileSync } = await import('node:fs');
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Heads;
  } catch {
    throw new VerbError(`${file} cannot be read as a file of heads; make one with goblin verify-audit --heads ${file}`);
  }
}

/** A chain may have grown since, never become shorter. What stands at an old head's number is checked by the chain itself. */
function missingHeads(heads: Heads, report: AuditReport): AuditReport['findings'] {
  return Object.entries(heads).flatMap(([writer, head]) => {
    const now = report.heads[writer];
    const cut = now === undefined || now.seq < head.seq || (now.seq === head.seq && now.digest !== head.digest);
    return cut
      ? [{ writer, seq: head.seq, event: null, what: 'this head of an earlier check is not there any more' }]
      : [];
  });
}

function say(report: AuditReport): string {
  const { writers, blocks, events, erased, retired, open, findings } = report;
  const lines = [
    `${blocks} blocks of ${writers} writers, ${events} events; ${erased} payloads erased, ${retired} events past retention, ${open} not sealed yet.`,
    ...findings.map(({ writer, seq, event, what }) =>
      [writer, seq === null ? null : `block ${seq}`, event === null ? null : `event ${event}`, what]
        .filter(Boolean)
        .join(', '),
    ),
    findings.length === 0 ? 'The trail is as it was written.' : `${findings.length} findings: the trail was changed.`,
  ];
  return lines.join('\n');
}
