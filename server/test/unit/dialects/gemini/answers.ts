/** Gemini's answers decoded: streams and whole bodies, as parts and as what a reader makes of them. */
import type { Quirks } from '../../../../src/contract/quirks.ts';
import { gemini } from '../../../../src/dialects/gemini/index.ts';
import { assemble, read } from '../read.ts';

export const parts = (stream: string, quirks: Quirks = {}) => read(gemini, stream, gemini.vendor.decoder(quirks));
export const outcome = (stream: string) => assemble(parts(stream));
export const whole = (body: unknown) =>
  assemble(gemini.vendor.whole(typeof body === 'string' ? body : JSON.stringify(body), {}));
