/** Faults in what is said: they change the answer before it becomes bytes. */
import type { Answer, WireUsage } from './answer.ts';
import type { FaultName } from './faults.ts';

type Twist = (answer: Answer) => void;

/** Text with characters of two, three and four bytes, for faults that split bytes. */
const WIDE = [' Größe', ' naïve', ' Ωmega', ' 日本語', ' 한국어', ' 🐉', ' Zürich', ' 👩‍🚀'];

function half(answer: Answer): void {
  answer.content = answer.content.slice(0, Math.ceil(answer.content.length / 2));
}

/** Puts tokens in the middle of the text, in the place of others. */
function inMiddle(answer: Answer, tokens: string[]): void {
  if (answer.content.length === 0) return;
  const at = Math.max(0, Math.floor((answer.content.length - tokens.length) / 2));
  answer.content.splice(at, tokens.length, ...tokens);
}

/** The faults of tools need a tool call: one that was asked for, else one of the simulator's own. */
function toolCall(answer: Answer): string[] {
  if (answer.calls.length === 0) {
    const json = JSON.stringify({ city: 'Goblin Hill', days: 3, units: 'metric' });
    answer.calls = [{ id: `call_${answer.id.slice(-24)}`, name: 'lookup', fragments: json.match(/.{1,5}/g) ?? [] }];
    answer.content = [];
  }
  answer.finish = 'tool_calls';
  return answer.calls[0]?.fragments ?? [];
}

function usage(change: (usage: WireUsage) => unknown): Twist {
  return (answer) => {
    answer.usage = change(answer.usage as WireUsage);
  };
}

export const ANSWER_TWISTS: Partial<Record<FaultName, Twist>> = {
  'whole-json': (answer) => {
    answer.asWhole = true;
  },
  'finish-error': (answer) => {
    half(answer);
    answer.finish = 'error';
  },
  'content-filter-finish': (answer) => {
    half(answer);
    answer.finish = 'content_filter';
  },
  surrogates: (answer) => inMiddle(answer, [' \ud83d', '\ude00']),
  'nul-in-text': (answer) => inMiddle(answer, [' nul\u0000here']),
  'slice-utf8': (answer) => {
    answer.content = answer.content.map((token, i) => WIDE[i % WIDE.length] ?? token);
  },
  // The finish chunk is the last thing such a stream sends, so usage travels in it.
  'no-blank-line': (answer) => {
    answer.usagePlace = 'finish-chunk';
  },
  'tool-args-cut': (answer) => {
    const fragments = toolCall(answer);
    fragments.length = Math.ceil(fragments.length / 2);
    // Half of a very short object could still be whole.
    const last = fragments.at(-1) ?? '';
    if (last.endsWith('}')) fragments[fragments.length - 1] = last.slice(0, -1);
  },
  'tool-args-invalid': (answer) => {
    const fragments = toolCall(answer);
    fragments.splice(0, fragments.length, '{city', ": 'Go", 'blin ', "Hill'", ',}');
  },
  'usage-missing': usage(() => undefined),
  'usage-null': usage(() => null),
  'usage-negative': usage((was) => ({
    ...was,
    prompt_tokens: -was.prompt_tokens,
    completion_tokens: -was.completion_tokens,
    total_tokens: -was.total_tokens,
  })),
  'usage-absurd': usage((was) => ({
    ...was,
    prompt_tokens: 1e15,
    completion_tokens: 12.5,
    total_tokens: '9007199254740993',
    prompt_tokens_details: { cached_tokens: 1e18, audio_tokens: 0 },
  })),
  'usage-every-chunk': (answer) => {
    answer.usagePlace = 'every-chunk';
  },
  'usage-no-choices': (answer) => {
    answer.usagePlace = 'own-chunk-without-choices';
  },
};

/** These change how many tokens there are, so usage is counted again after them. */
export const RECOUNTED: ReadonlySet<FaultName> = new Set<FaultName>([
  'finish-error',
  'content-filter-finish',
  'surrogates',
  'nul-in-text',
  'tool-args-cut',
  'tool-args-invalid',
]);
