/**
 * What the generations of Gemini take and refuse; a refusal is a 400, so it must be known before the call. From
 * ai.google.dev (2026-11): "Thinking", "Thought signatures", "What's new in Gemini 3.6 Flash and 3.5 Flash-Lite" (its
 * API changes hold for every later model), "Structured outputs", and the guides of 3.7 and 3.8 Flash.
 */

export type Level = 'minimal' | 'low' | 'medium' | 'high';

export interface Traits {
  /** How thinking is set: not at all, by a token budget (2.5), or by a level (from 3 on). */
  thinking: 'none' | 'budget' | 'level';
  /** Smallest budget above zero. Tokens. */
  smallestBudget: number;
  /** A budget of 0 is taken. */
  canTurnOff: boolean;
  levels: readonly Level[];
  /** `temperature` and `topP` have an effect; later models ignore them, and Google has announced that they will be refused. */
  sampling: boolean;
  /** What becomes of a conversation that ends with a model turn: gone on from, taken, or refused. */
  prefill: 'continues' | 'taken' | 'refused';
  /** From 3 on: function calls need signatures and have ids, results hold images, JSON and tools go together. */
  third: boolean;
  system: boolean;
  tools: boolean;
  /** `responseMimeType: "application/json"`. */
  json: boolean;
  /** Fetches images from addresses by itself. */
  imageUrls: boolean;
}

const ALL_LEVELS: readonly Level[] = ['minimal', 'low', 'medium', 'high'];
const NO_MINIMAL: readonly Level[] = ['low', 'medium', 'high'];

/** Names without a number (`gemini-flash-latest`) stand for the newest model. */
const NEWEST = 99;

/** `models/x`, `publishers/google/models/x` and `x` are the same model. */
export function bareName(model: string): string {
  return model.slice(model.lastIndexOf('/') + 1).toLowerCase();
}

export function traitsOf(model: string): Traits {
  const name = bareName(model);
  if (name.startsWith('gemini-')) return geminiTraits(name, versionOf(name));
  const gemma = /^gemma-(\d+)/.exec(name);
  return otherTraits(gemma ? Number(gemma[1]) : null);
}

function versionOf(name: string): number {
  if (name.startsWith('gemini-robotics-er-1.5')) return 25;
  const match = /^gemini-(\d+)(?:\.(\d))?(?:-|$)/.exec(name);
  return match ? Number(match[1]) * 10 + Number(match[2] ?? 0) : NEWEST;
}

function geminiTraits(name: string, version: number): Traits {
  const lite = name.includes('flash-lite');
  const pro = /-pro\b/.test(name);
  const prefill = prefillOf(version, name.startsWith('gemini-3.5-flash') && !lite);
  return {
    thinking: /-(image|tts)\b/.test(name) || version < 25 ? 'none' : version < 30 ? 'budget' : 'level',
    smallestBudget: pro ? 128 : lite ? 512 : 1,
    canTurnOff: !pro,
    levels: levelsOf(version, pro, lite),
    sampling: prefill !== 'refused',
    prefill,
    third: version >= 30,
    system: true,
    tools: true,
    json: true,
    imageUrls: version >= 25,
  };
}

/**
 * Documented as gone from 3.5 Flash-Lite and 3.6 Flash on. That 2.x to 3.1 go on right after the last character was seen
 * by several (tldw_chatbook#735, ChatterUI#620, pipecat#5821); 3.5 Flash answers, but nobody says that it goes on.
 */
function prefillOf(version: number, flash35: boolean): Traits['prefill'] {
  if (version <= 31) return 'continues';
  return flash35 ? 'taken' : 'refused';
}

function levelsOf(version: number, pro: boolean, lite: boolean): readonly Level[] {
  if (pro) return version === 30 ? ['low', 'high'] : NO_MINIMAL;
  return lite || version <= 35 ? ALL_LEVELS : NO_MINIMAL;
}

/** Gemma behind the same API, and models that somebody named: only what every one of them takes. */
function otherTraits(gemma: number | null): Traits {
  return {
    thinking: 'none',
    smallestBudget: 1,
    canTurnOff: false,
    levels: [],
    sampling: true,
    prefill: 'taken',
    third: false,
    system: gemma === null,
    tools: gemma === null || gemma >= 4,
    json: gemma === null,
    imageUrls: false,
  };
}
