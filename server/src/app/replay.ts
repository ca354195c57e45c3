/** What an earlier attached request with the same idempotency key has said, told again. */
import { mismatch } from '../contract/errors.ts';
import type { AttachedOutcome } from '../contract/flow.ts';
import { tellsEnd } from '../contract/ports.ts';
import { isTerminal } from '../contract/states.ts';
import { partsOfMessage, vectorsOfMessage } from '../dialects/index.ts';
import type { AnswerDoorDeps } from '../edge/answer-door.ts';
import type { House } from './assembly.ts';

/** Said once more by `errorBody` (door.ts): that it ended so, and that a new try needs a new key. */
const VECTORS_GONE = { code: 'gone', message: 'The vectors were too many to be kept.' } as const;

const ERASED = { code: 'gone', message: 'The answer is no longer kept.' } as const;

/** An earlier attached request with the same key: joined when it runs, told again when it has ended. */
export function replayer(house: House, partsOf = partsOfMessage): AnswerDoorDeps['replay'] {
  const { bus, ledger } = house;
  return async (caller, submission) => {
    if (!submission.idempotency) return null;
    // A record that is away is waited for, as for any attached call.
    if (ledger.lostFor() !== null) await house.admission.recordBack();
    const known = await ledger.findByIdempotencyKey(caller.tenant, submission.idempotency.key);
    if (!known) return null;
    if (known.bodyHash !== submission.idempotency.bodyHash) throw mismatch();
    await new Promise<void>((resolve, reject) => {
      const look = async () => {
        const row = await ledger.get(caller.tenant, known.id);
        if (!row || isTerminal(row.state)) done();
      };
      const timer = setInterval(() => void look().catch(done), 1000);
      const unfollow = bus.follow(known.id, (message) => {
        if (tellsEnd(message)) look().catch(done);
      });
      function done(error?: unknown): void {
        clearInterval(timer);
        unfollow();
        if (error) reject(error);
        else resolve();
      }
      look().catch(done);
    });
    const row = await ledger.get(caller.tenant, known.id);
    if (!row) return null;
    const [result, attempts] = await Promise.all([
      ledger.result(caller.tenant, known.id),
      ledger.attempts(caller.tenant, known.id),
    ]);
    const vectors = result ? vectorsOfMessage(result.message) : null;
    const erased = row.state === 'succeeded' && !result;
    const outcome: AttachedOutcome = {
      sameAs: null,
      state: isTerminal(row.state) && vectors !== 'gone' && !erased ? row.state : 'failed',
      error: vectors === 'gone' ? VECTORS_GONE : erased ? ERASED : row.error,
      retryAfterMs: null,
      parts: result ? partsOf(result.message) : [],
      finishReason: result?.finishReason ?? null,
      usage: result?.usage ?? null,
      provider: result?.provider ?? attempts.at(-1)?.provider ?? '',
      model: result?.model ?? attempts.at(-1)?.model ?? '',
      attempts: attempts.length,
      costPico: row.costPico,
      priceReason: null,
      replayed: true,
      body: null,
      ...(vectors !== null && vectors !== 'gone' ? { vectors } : {}),
    };
    return { id: known.id, outcome };
  };
}
