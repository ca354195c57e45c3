/** The health of all targets at one moment, as a plan asks for it. */
import type { Provider } from '../contract/provider.ts';
import type { HealthView, Trouble } from './arrange.ts';
import { type KeyChoice, keysOf } from './keys.ts';
import type { Candidate } from './offers.ts';
import type { Records } from './records.ts';
import type { Measure } from './score.ts';

const limited = (provider: Provider): boolean =>
  keysOf(provider).some((key) => key.requestsPerMinute !== null || key.tokensPerMinute !== null);

export class View implements HealthView {
  readonly #records: Records;
  readonly #now: number;

  constructor(records: Records, now: number) {
    this.#records = records;
    this.#now = now;
  }

  calm({ key, provider, of: { keys }, of }: Candidate): boolean {
    const { cooldowns, targets } = this.#records;
    if (cooldowns.about(provider) || (keys !== undefined && limited(of))) return false;
    return targets.get(key)?.calm(this.#now) ?? true;
  }

  trouble({ key, model, of }: Candidate): Trouble | null {
    const now = this.#now;
    const target = this.#records.targets.get(key);
    if (target !== undefined && target.breaker.gate(now) === 'open') {
      const forced = target.breaker.override(now) !== null;
      return { forced, rests: false, waitMs: target.breaker.waitMs(now), why: target.breaker.say(now) };
    }
    const choice = this.#records.chooseKey(of, model, 0, now);
    if (choice === null || choice.restMs === 0) return null;
    const several = keysOf(of).length > 1 ? `all its keys rest, ${choice.id} is free first: ` : '';
    return { forced: false, rests: choice.refused !== true, waitMs: choice.restMs, why: `${several}${choice.why}` };
  }

  sick({ key }: Candidate): string | null {
    return this.#records.targets.get(key)?.sick(this.#now) ?? null;
  }

  measure({ key }: Candidate): Measure | null {
    return this.#records.targets.get(key)?.measure(this.#now) ?? null;
  }

  key(provider: Provider, model: string, seed: number): KeyChoice | null {
    return this.#records.chooseKey(provider, model, seed, this.#now);
  }

  stuck(conversation: number): string | null {
    return this.#records.stuck(conversation, this.#now);
  }
}
