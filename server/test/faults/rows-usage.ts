/** Whole answers whose token counts are missing or cannot be true, and tool calls that nobody can execute. */
import type { Answer, Counts } from '../vendors/speaker.ts';
import { bodyOf, type FaultRow, fails, isWhole, jsonOf, streamOf } from './row.ts';

/** The same answer with something else about it. */
const with_ = (change: Partial<Answer>): Pick<FaultRow, 'stream' | 'whole'> => ({
  stream: (wire, answer) => streamOf(wire, wire.speaker.events({ ...answer, ...change })),
  whole: (wire, answer) => bodyOf(jsonOf(wire, { ...answer, ...change })),
});

const counts = (input: unknown, output: unknown): { usage: Counts } => ({ usage: { input, output } });
const estimated = isWhole({ usage: 'estimated' });

/** Arguments travel as text, so they can be cut; in the other dialects they are JSON of the answer itself. */
const TEXTUAL = ['openai', 'responses', 'anthropic', 'bedrock', 'cohere'];

const called =
  (pieces: readonly string[]): NonNullable<FaultRow['stream']> =>
  (wire, answer) =>
    TEXTUAL.includes(wire.dialect)
      ? streamOf(wire, wire.speaker.events({ calls: (answer.calls ?? []).map((call) => ({ ...call, pieces })) }))
      : null;

/** As JSON in a JSON document only where it is a text there. */
const calledWhole =
  (pieces: readonly string[]): NonNullable<FaultRow['whole']> =>
  (wire, answer) =>
    ['openai', 'responses', 'cohere'].includes(wire.dialect)
      ? bodyOf(jsonOf(wire, { calls: (answer.calls ?? []).map((call) => ({ ...call, pieces })) }))
      : null;

const DEEP = '['.repeat(100_000) + ']'.repeat(100_000);
const deepened = (json: string): string => json.replace('{"city":"Paris"}', `{"city":${DEEP}}`);

export const USAGE: readonly FaultRow[] = [
  { name: 'usage-missing', says: 'no token counts', ...with_({ usage: 'none' }), expect: estimated },
  { name: 'usage-null', says: 'token counts that are `null`', ...with_({ usage: null }), expect: estimated },
  { name: 'usage-negative', says: 'negative token counts', ...with_(counts(-9, -4)), expect: estimated },
  {
    name: 'usage-absurd',
    says: 'token counts that cannot be true',
    ...with_(counts(1e15, 12.5)),
    expect: estimated,
  },
  { name: 'usage-text', says: 'token counts as texts', ...with_(counts('nine', '{}')), expect: estimated },
  {
    name: 'usage-everywhere',
    says: 'token counts in every event, never to be added up',
    stream: (wire, answer) =>
      wire.dialect === 'openai' || wire.dialect === 'gemini'
        ? streamOf(wire, wire.speaker.events({ ...answer, usageEverywhere: true }))
        : null,
    expect: isWhole({ usage: 'reported' }),
  },
  {
    name: 'arguments-cut',
    says: 'arguments of a tool call that stop half-way, then the terminal signal: marked as invalid, never mended',
    holds: 'call',
    stream: called(['{"ci', 'ty":"Par']),
    whole: calledWhole(['{"ci', 'ty":"Par']),
    expect: isWhole({ finish: 'tool_calls' }),
  },
  {
    name: 'arguments-no-json',
    says: 'arguments of a tool call that are not JSON: marked as invalid, never mended',
    holds: 'call',
    stream: called(["{city: 'Pa", "ris',}"]),
    whole: calledWhole(["{city: 'Pa", "ris',}"]),
    expect: isWhole({ finish: 'tool_calls' }),
  },
  {
    name: 'arguments-deep',
    says: 'arguments of a tool call of 100,000 levels, as JSON of the answer itself',
    holds: 'call',
    stream: (wire, answer) =>
      ['gemini', 'ollama'].includes(wire.dialect)
        ? streamOf(
            wire,
            wire.speaker.events(answer).map((one) => ({ ...one, bytes: deepened(String(one.bytes)) })),
          )
        : null,
    whole: (wire, answer) =>
      ['anthropic', 'bedrock', 'gemini', 'ollama'].includes(wire.dialect)
        ? bodyOf(deepened(jsonOf(wire, answer)))
        : null,
    expect: fails('upstream_protocol'),
  },
  {
    name: 'filter-finish',
    says: 'a filter stops the answer half-way, and the vendor says so',
    stream: (wire, answer) =>
      wire.dialect === 'ollama' || wire.dialect === 'cohere'
        ? null
        : streamOf(wire, wire.speaker.events({ ...answer, finish: 'content_filter' })),
    whole: (wire, answer) =>
      wire.dialect === 'ollama' || wire.dialect === 'cohere'
        ? null
        : bodyOf(jsonOf(wire, { ...answer, finish: 'content_filter' })),
    expect: isWhole({ finish: 'content_filter' }),
  },
  {
    name: 'nothing-to-say',
    says: 'a complete answer without a word',
    ...with_({ words: [] }),
    expect: isWhole({ finish: 'stop' }),
  },
];
