/** Seals the trail of this process while there is something to seal, and what processes that are gone have left. */
import type { Telemetry } from '../contract/ports.ts';
import type { TrailStream } from '../dispatch/trail-stream.ts';
import { type AuditKey, createSealer, type Sealed } from '../ledger/audit.ts';
import type { Trail } from '../ledger/trail.ts';

export interface Audit {
  /** Name under which this process writes. */
  writer: string;
  /** Where the trail is told to; null: it stays in the record. */
  stream: TrailStream | null;
  /** Seals all that a process has left. */
  sealFor(writer: string): Promise<void>;
  close(): Promise<void>;
}

/** A second between two blocks at least. */
const EVERY_MS = 1000;
/** A transaction that is open keeps later ones from being sealed: it is looked for so long after the last event. */
const LINGER_MS = 10_000;

/** How long a process that stops goes on to tell the trail. */
const LAST_TOLD_MS = 2000;

/** PostgreSQL keeps 63 bytes of it; the end of the instance is what tells processes apart. */
export const writerName = (role: string, instance: string): string => `goblin ${role} ${instance.slice(-45)}`;

export async function startAudit(
  sql: Trail,
  key: AuditKey,
  telemetry: Telemetry,
  stream: TrailStream | null = null,
): Promise<Audit> {
  const [row] = await sql.query<{ name: string }>("select current_setting('application_name') as name");
  const writer = row?.name || 'goblin';
  const sealer = await createSealer(sql, writer, key, stream?.sealed);
  let sealing: Promise<unknown> | null = null;
  let closed = false;

  /** Whether nothing is left. */
  async function all(seal: () => Promise<Sealed>): Promise<boolean> {
    for (;;) {
      const left = await seal();
      if (left !== 'more') return left === 'all';
    }
  }

  /** All that was written before is sealed. */
  let sealedAt = Number.NEGATIVE_INFINITY;
  function anything(): boolean {
    const written = sql.writtenAt();
    return written >= sealedAt && performance.now() - written <= LINGER_MS;
  }

  const timer = setInterval(() => {
    if (sealing || closed || sql.lostFor() !== null || !anything()) return;
    const began = performance.now();
    sealing = all(sealer.seal)
      .then((nothingLeft) => {
        if (nothingLeft) sealedAt = began;
      })
      .catch((error: unknown) => {
        if (sql.lostFor() === null) telemetry.log('error', 'the trail could not be sealed', { error: String(error) });
      })
      .finally(() => {
        sealing = null;
      });
  }, EVERY_MS).unref();

  return {
    writer,
    stream,
    async sealFor(other) {
      await all(() => sealer.sealFor(other));
      // Also what it had sealed, and not told yet.
      stream?.sealed(other);
    },
    async close() {
      closed = true;
      clearInterval(timer);
      await sealing;
      // What the last moments have added; if the database is away, another process does it.
      if (sql.lostFor() === null) await all(sealer.seal).catch(() => {});
      await stream?.close(LAST_TOLD_MS);
    },
  };
}
