/** An attempt at a vendor that says what it is told, with and without a fault in between. */
import type { DialectName } from '../../../src/contract/call.ts';
import { isVisible, type Part } from '../../../src/contract/part.ts';
import type { Provider } from '../../../src/contract/provider.ts';
import { DIALECTS } from '../../../src/dialects/index.ts';
import { startAttempt } from '../../../src/execution/attempt.ts';
import { breaking, callsVendor, sham } from '../../../src/execution/drill-faults.ts';
import type { AttemptOutcome } from '../../../src/execution/outcome.ts';
import type { Upstream, UpstreamHandler } from '../../../src/providers/exchange.ts';
import { type Fault, parseFault } from '../../../src/providers/simulator/faults.ts';
import type { Transport } from '../../../src/providers/transport.ts';
import { createWheel } from '../../../src/providers/wheel.ts';
import { SPEAKERS } from '../../vendors/speak.ts';
import { streamed, unstreamed } from '../../vendors/speaker.ts';

export const WORDS = Array.from({ length: 12 }, (_, n) => `word${n} `);

/** Hundreds of attempts begin at once, and a machine may stand still meanwhile. */
const CLOCKS = { headersMs: 2500, answerMs: 2500, firstTokenMs: 2500, idleMs: 2500 };

export interface Tried {
  outcome: AttemptOutcome;
  parts: Part[];
  /** All visible text. */
  text: string;
  /** The vendor was called; its socket was closed by us. */
  called: boolean;
  closed: boolean;
}

export const faultOf = (name: string): Fault => {
  const fault = parseFault(name);
  if (fault === null) throw new Error(`no fault ${name}`);
  return fault;
};

/** `size`: of the pieces in which the vendor's bytes come. */
export function attempt(dialect: DialectName, fault: Fault | null, stream: boolean, size = 1000): Promise<Tried> {
  const speaker = SPEAKERS[dialect];
  const bytes = Buffer.from((stream ? streamed : unstreamed)(speaker, { words: WORDS }).body);
  const tried: Omit<Tried, 'outcome'> = { parts: [], text: '', called: false, closed: false };
  const real = (handler: UpstreamHandler): Upstream => {
    tried.called = true;
    let open = true;
    setImmediate(() => {
      if (open) handler.head(200, {});
      for (let at = 0; at < bytes.length && open; at += size) handler.data(bytes.subarray(at, at + size));
      if (open) handler.end();
    });
    return {
      begun: true,
      pause() {},
      resume() {},
      abort() {
        open = false;
        tried.closed = true;
      },
    };
  };
  const post: Transport['post'] = (_provider, _request, _hop, handler) => {
    if (fault === null) return real(handler);
    if (!callsVendor(fault)) return sham(fault, DIALECTS[dialect].framing, handler);
    const victim = { dialect: DIALECTS[dialect], quirks: {}, stream };
    const upstream = real(breaking(fault, victim, handler, () => upstream.abort()));
    return upstream;
  };
  return new Promise((resolve) => {
    startAttempt(
      { transport: { post } as Transport, wheel: createWheel() },
      {
        dialect: DIALECTS[dialect],
        provider: { name: 'vendor', quirks: {} } as Provider,
        request: { path: '/', headers: {}, body: '', notices: [] },
        stream,
        hop: null,
        clocks: CLOCKS,
      },
      {
        event(parts) {
          tried.parts.push(...parts);
          for (const part of parts) if (isVisible(part) && part.type === 'text') tried.text += part.text;
        },
        flush: () => true,
        done: (outcome) => resolve({ ...tried, outcome }),
      },
    );
  });
}
