/** The words of the fault table: what a vendor does wrong, and what must come of it. */
import type { DialectName } from '../../src/contract/call.ts';
import type { Framing } from '../../src/contract/dialect.ts';
import type { ErrorCode } from '../../src/contract/errors.ts';
import type { FinishReason } from '../../src/contract/part.ts';
import { DIALECTS } from '../../src/dialects/index.ts';
import type { Script, Step } from '../../src/providers/simulator/script.ts';
import { SPEAKERS } from '../vendors/speak.ts';
import { type Answer, JSON_TYPE, type Speaker, step } from '../vendors/speaker.ts';
import type { Raw } from '../vendors/world.ts';

/** A dialect with the vendor that speaks it. */
export interface Wire {
  dialect: DialectName;
  framing: Framing;
  speaker: Speaker;
}

export const WIRES: readonly Wire[] = (
  ['openai', 'responses', 'anthropic', 'gemini', 'bedrock', 'cohere', 'ollama'] as const
).map((dialect) => ({ dialect, framing: DIALECTS[dialect]?.framing ?? 'sse', speaker: SPEAKERS[dialect] }));

/** Null: cannot occur in this dialect. */
export type Make = (wire: Wire, answer: Answer) => Script | Raw | null;

export interface Expected {
  /** Null: the answer is whole. `expired` is the caller's own deadline. */
  code: ErrorCode | null;
  /** What had been shown when it broke. */
  shown?: 'text' | 'thoughts' | 'call';
  finish?: FinishReason;
  usage?: 'reported' | 'estimated';
}

/** What ends the wait: one of our clocks, or the caller's deadline. */
export type Clock = 'headers' | 'first token' | 'idle' | 'after the end' | 'deadline' | 'asked for';

export interface FaultRow {
  /** Unique; in prompts, so letters, digits and hyphens. */
  name: string;
  /** For the document. */
  says: string;
  stream?: Make;
  whole?: Make;
  /** What the answer is made of; words when left out. */
  holds?: 'thoughts' | 'call' | 'wide';
  expect(wire: Wire, streamed: boolean): Expected;
  /** With which clock its silence ends. */
  clock?: Clock;
  /** Only the first call for a prompt is answered so. */
  once?: true;
  /** What it teaches of a key or a target keeps later calls away: it gets a provider of its own for each case. */
  sticks?: true;
  /** The caller's deadline, milliseconds. */
  deadlineMs?: number;
  /** Nobody listens at the provider's address. */
  gone?: true;
}

export interface Group {
  title: string;
  rows: readonly FaultRow[];
}

/* ---- what comes of it ---- */

export const isWhole =
  (more: Partial<Expected> = {}): FaultRow['expect'] =>
  () => ({ code: null, ...more });

/** `shown` holds for streams alone: nothing of an unstreamed answer is shown before its end. */
export const fails =
  (code: ErrorCode, shown?: Expected['shown']): FaultRow['expect'] =>
  (_wire, streamed) => ({ code, ...(streamed && shown ? { shown } : {}) });

/** Not the same in all dialects. */
export const failsBy =
  (
    codes: Partial<Record<DialectName, ErrorCode>> & { others: ErrorCode },
    shown?: Expected['shown'],
  ): FaultRow['expect'] =>
  (wire, streamed) =>
    fails(codes[wire.dialect] ?? codes.others, shown)(wire, streamed);

/* ---- how a vendor's answer is made ---- */

export const streamOf = (wire: Wire, steps: readonly Step[], more: Partial<Script> = {}): Script => ({
  status: 200,
  headers: [['content-type', wire.speaker.type]],
  early: false,
  stream: true,
  steps: [...steps],
  ending: 'end',
  apart: true,
  ...more,
});

export const bodyOf = (bytes: string | Buffer, more: Partial<Script> = {}): Script => ({
  status: 200,
  headers: [['content-type', JSON_TYPE]],
  early: false,
  stream: false,
  steps: bytes.length === 0 ? [] : [step('other', bytes)],
  ending: 'end',
  apart: true,
  ...more,
});

export const jsonOf = (wire: Wire, answer: Answer): string => JSON.stringify(wire.speaker.whole(answer));

/** The steps with the first `n` tokens, and what comes before the next one. */
export function upTo(steps: readonly Step[], n: number): Step[] {
  let tokens = 0;
  const end = steps.findIndex((one) => {
    if (one.kind === 'finish' || (one.kind === 'token' && tokens === n)) return true;
    if (one.kind === 'token') tokens++;
    return false;
  });
  return steps.slice(0, end === -1 ? steps.length : end);
}

/** The steps to the terminal signal, and with it. */
export const throughFinish = (steps: readonly Step[]): Step[] =>
  steps.slice(0, steps.findIndex((one) => one.kind === 'finish') + 1);

/** So many tokens come before something breaks in mid-stream. */
export const SHOWN = 5;

export const isSse = (wire: Wire): boolean => wire.framing === 'sse';
export const isLines = (wire: Wire): boolean => wire.framing === 'ndjson';
/** SSE and lines of JSON: streams of text. */
export const isText = (wire: Wire): boolean => wire.framing !== 'aws-eventstream';
