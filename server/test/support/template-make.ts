/** Makes the template (template.ts) in a process of its own. */
import { openEmbedded } from '../../src/app/open.ts';

const folder = process.argv[2];
if (folder === undefined) throw new Error('template-make needs the folder to make');
const sql = await openEmbedded(folder);
await sql.close();
process.exit(0);
