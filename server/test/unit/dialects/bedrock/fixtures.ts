/**
 * Streams in the order of the API reference ("ConverseStream": messageStart, contentBlockStart, contentBlockDelta,
 * contentBlockStop, messageStop, metadata), with the padding `p` that the service puts into each event, and answers
 * after the examples of the user guide ("Using the Converse API", "Call a tool with the Converse API").
 */
import { event } from './frames.ts';

export const start = event('messageStart', { p: 'abcdefghijklmnopq', role: 'assistant' });
export const blockStart = (at: number, begun: object) =>
  event('contentBlockStart', { contentBlockIndex: at, p: 'abcde', start: begun });
export const delta = (at: number, piece: object, p = 'abcdefghij') =>
  event('contentBlockDelta', { contentBlockIndex: at, delta: piece, p });
export const text = (at: number, value: string, p?: string) => delta(at, { text: value }, p);
export const thought = (at: number, value: object) => delta(at, { reasoningContent: value });
export const blockStop = (at: number) => event('contentBlockStop', { contentBlockIndex: at, p: 'ab' });
export const stop = (stopReason: string) => event('messageStop', { p: 'abcdefghijklmnopqrstuvw', stopReason });
export const metadata = (usage: object) => event('metadata', { metrics: { latencyMs: 802 }, p: 'abc', usage });

export const SIGNATURE = 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds/+==';
/** Base64 of `rsn_…`, as OpenAI's models behind Bedrock seal their reasoning. */
export const SEALED = Buffer.from('rsn_pUPh16to4VK-DgJAPymb').toString('base64');

export const HELLO = [
  start,
  text(0, 'Hello'),
  text(0, ' Wörld 🎉', 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01'),
  text(0, '!', ''),
  blockStop(0),
  stop('end_turn'),
  metadata({ inputTokens: 12, outputTokens: 5, serverToolUsage: {}, totalTokens: 17 }),
];

export const TOOLS = [
  start,
  text(0, 'Let me look.'),
  blockStop(0),
  blockStart(1, { toolUse: { name: 'top_song', toolUseId: 'tooluse_hbTgdi0CSLq_hM4P8csZJA' } }),
  delta(1, { toolUse: { input: '' } }),
  delta(1, { toolUse: { input: '{"sign": "WZ' } }),
  delta(1, { toolUse: { input: 'PZ"}' } }),
  blockStop(1),
  blockStart(2, { toolUse: { name: 'now', toolUseId: 'functions.now:1' } }),
  delta(2, { toolUse: { input: '' } }),
  blockStop(2),
  stop('tool_use'),
  metadata({ inputTokens: 472, outputTokens: 89, totalTokens: 561 }),
];

export const THINKING = [
  start,
  thought(0, { text: 'Let me count' }),
  thought(0, { text: ' the r.' }),
  thought(0, { text: '' }),
  thought(0, { signature: SIGNATURE }),
  blockStop(0),
  text(1, 'Three.'),
  blockStop(1),
  stop('end_turn'),
  metadata({
    inputTokens: 3,
    outputTokens: 94,
    cacheReadInputTokens: 1500,
    cacheWriteInputTokens: 48,
    totalTokens: 1645,
  }),
];

export const WHOLE = {
  output: {
    message: {
      role: 'assistant',
      content: [
        { reasoningContent: { reasoningText: { text: 'A station.', signature: SIGNATURE } } },
        { text: 'The most popular song on WZPZ is ' },
        { citationsContent: { content: [{ text: 'Elemental Hotel' }], citations: [] } },
        { toolUse: { toolUseId: 'tooluse_1', name: 'top_song', input: { sign: 'WZPZ' }, type: 'tool_use' } },
      ],
    },
  },
  stopReason: 'tool_use',
  usage: { inputTokens: 125, outputTokens: 60, totalTokens: 185 },
  metrics: { latencyMs: 1175 },
};
