/** How PGlite is started, the first time and every time. */
import { PGlite } from '@electric-sql/pglite';

const SETTINGS = [
  // One connection and no replicas: small buffers and a small log keep the process near 250 MB.
  'shared_buffers=32MB',
  'wal_level=minimal',
  'max_wal_senders=0',
  'min_wal_size=32MB',
  'max_wal_size=64MB',
  // The folder is written without fsync: it survives the death of the process, not of the machine. Page images guard only the latter.
  'full_page_writes=off',
  'jit=off',
  // Statements are planned once (pglite-statements.ts), often while the tables are still small: every one has its index.
  'plan_cache_mode=force_generic_plan',
  'enable_seqscan=off',
];

export const PGLITE_START: string[] = [...PGlite.defaultStartParams, ...SETTINGS.flatMap((setting) => ['-c', setting])];
