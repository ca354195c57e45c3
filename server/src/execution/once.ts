/** One call of a run: encoded for its target, sent, and its parts joined to what was shown before. */
import type { AnswerCall } from '../contract/call.ts';
import type { EncodeTarget } from '../contract/dialect.ts';
import { isVisible, type Part } from '../contract/part.ts';
import type { Provider } from '../contract/provider.ts';
import { startBatches } from './batches.ts';
import type { Ear } from './ear.ts';
import { embedTries } from './embed.ts';
import { createJoin, type Join } from './join.ts';
import type { AttemptOutcome } from './outcome.ts';
import type { RunDeps, RunInput, RunSink } from './terms.ts';

/** Where a call goes. */
export interface Place {
  provider: Provider;
  model: string;
  /** Id of one of the provider's keys; null: its only one. */
  keyRef: string | null;
}

export interface Once {
  done: Promise<AttemptOutcome>;
  /** Closes the upstream socket; `done` resolves with what it had come to. */
  abort(): void;
  resume(): void;
}

/** What a dialect is told of the target. */
export function encodeTarget(deps: RunDeps, { provider, model }: Pick<Place, 'provider' | 'model'>): EncodeTarget {
  const maxOutput = deps.maxOutput(provider, model);
  const reasons = deps.reasons(provider, model);
  return {
    provider: provider.name,
    model,
    quirks: provider.quirks,
    ...(maxOutput ? { maxOutput } : {}),
    ...(reasons === undefined ? {} : { reasons }),
  };
}

/**
 * `prefix`: what was shown of the answer, from which this call goes on, and `used` its tokens; empty: it begins. Throws
 * what `encode` throws.
 */
export function callOnce(
  deps: RunDeps,
  input: RunInput,
  place: Place,
  prefix: string,
  used: number,
  ear: Pick<Ear, 'push' | 'look'>,
  sink: RunSink,
  spoke: () => void,
): Once {
  const { provider } = place;
  const spoken = deps.dialect(provider);
  const target = encodeTarget(deps, place);
  const tries = input.call.kind === 'embed' ? embedTries(spoken, input.call, target) : [];
  const [embed = null, ...more] = tries;
  const dialect = embed === null ? spoken : embed.dialect;
  const request = dialect.vendor.encode(
    prefix === '' ? input.call : withLessRoom(input.call, used),
    prefix === '' ? target : { ...target, prefix },
    input.stream,
  );
  if (input.pass?.dialect === dialect.name) request.headers = { ...request.headers, ...input.pass.headers };
  for (const notice of request.notices) sink.notice(notice);
  const key = provider.keys?.find(({ id }) => id === place.keyRef)?.key;
  const join =
    prefix === '' ? null : createJoin(prefix, request.prefix ?? prefix, provider.quirks.prefix?.repeats === true);
  let resolve: (outcome: AttemptOutcome) => void = () => {};
  const done = new Promise<AttemptOutcome>((settle) => {
    resolve = settle;
  });

  let quiet = true;
  function tell(parts: readonly Part[], data: string, alike = false): void {
    if (quiet && parts.some(isVisible)) {
      quiet = false;
      spoke();
    }
    ear.push(parts, data, dialect, alike);
  }

  const others = more.map((one) => ({
    dialect: one.dialect,
    request: one.dialect.vendor.encode(input.call, target, false),
  }));
  const running = startBatches(
    deps,
    {
      provider,
      stream: input.stream,
      hop: input.hop,
      clocks: deps.clocks,
      ...(key === undefined ? {} : { key }),
    },
    [{ dialect, request }, ...others],
    {
      event: join ? (parts) => tell(joined(join, parts), '') : tell,
      flush() {
        ear.look();
        return sink.flush();
      },
      done(outcome) {
        const rest = join?.end() ?? '';
        if (rest !== '') tell([{ type: 'text', text: rest }], '');
        // What came in one read with the failure was said before it.
        ear.look();
        const vectors = tries.flatMap((one) => one.vectors() ?? []);
        if (vectors.length > 0) outcome.vectors = vectors;
        if (embed?.asWanted() === false) outcome.body = null;
        resolve(prefix === '' ? outcome : withoutPlace(outcome));
      },
    },
  );
  return { done, abort: () => resolve(running.abort()), resume: () => running.resume() };
}

/** The same call was fine without its beginning, as the target before has shown: it is the beginning that is refused. */
function withoutPlace(outcome: AttemptOutcome): AttemptOutcome {
  const { failure } = outcome;
  if (failure?.code !== 'upstream_rejected') return outcome;
  return { ...outcome, failure: { ...failure, code: 'unsupported_by_target' } };
}

/** Text that was held back comes before whatever is not text. */
function joined(join: Join, parts: readonly Part[]): Part[] {
  const told: Part[] = [];
  for (const part of parts) {
    const isText = part.type === 'text';
    const text = isText ? join.push(part.text) : part.type === 'tool_call' || part.type === 'finish' ? join.end() : '';
    if (text !== '') told.push({ type: 'text', text });
    if (!isText) told.push(part);
  }
  return told;
}

/** What was shown counts against the caller's bound. `used`: tokens of it. */
function withLessRoom(call: AnswerCall, used: number): AnswerCall {
  return call.maxTokens === undefined ? call : { ...call, maxTokens: Math.max(1, call.maxTokens - used) };
}
