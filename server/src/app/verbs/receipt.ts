/** `goblin receipt`: one signed JSON of a request, with the proof of every event. */
import { readConfig } from '../config.ts';
import { type Input, type Verb, VerbError } from './flags.ts';
import { reachServer } from './link.ts';
import { requestOf, TENANT_FLAG } from './request-of.ts';

export const verb: Verb = {
  name: 'receipt',
  usage: '<request id>',
  about:
    'Prints the signed receipt of a request: its plan, attempts and prices, and every event with the proof that it stands in\n' +
    'the audit chain. It can be checked without a server: node server/scripts/verify-receipt.mjs receipt.json',
  words: { most: 1 },
  flags: { tenant: TENANT_FLAG },
  examples: ['npm run -s goblin -- receipt 0199c2f4-5a7e-7c1e-9a53-3f1f2b6d8e01 > receipt.json'],
  run,
};

async function run(input: Input): Promise<number> {
  const [id] = input.words;
  if (id === undefined) throw new VerbError('Which request? Give its id, as in: goblin receipt <request id>');
  const link = await reachServer(readConfig(process.cwd(), process.env));
  try {
    const receipt = await requestOf<unknown>(link, input, id, '/receipt');
    console.log(JSON.stringify(receipt, null, 2));
    return 0;
  } finally {
    await link.close();
  }
}
