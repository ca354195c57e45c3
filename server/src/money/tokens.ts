/**
 * Counting tokens, where precision matters: near the edge of a context window, and for `count_tokens`. The tokenizer
 * (OpenAI's o200k; others differ by some percent) takes 250 ms and 70 MB to load, so it is loaded at the first count.
 */
import type { AnswerCall } from '../contract/call.ts';
import { inputBounds, tokensBesideText } from './estimate.ts';

/**
 * Merging is quadratic in the length of a run that has no boundary in it. At 256 characters the worst texts (random
 * Chinese, 600 kB) take 1.1 µs a byte; cutting there changes the count of such a run by less than 1 %.
 */
const LONGEST_RUN = 256;
/** Characters counted at once, and the time after which others get their turn. */
const SLICE = 4_096;
const TURN_MS = 8;

type Count = (text: string) => number;

/** The import is cached by the runtime; asking again costs microseconds. */
async function tokenizer(): Promise<Count> {
  const { countTokens, setMergeCacheSize } = await import('gpt-tokenizer/encoding/o200k_base');
  // It would keep 100,000 words of callers' texts in memory.
  setMergeCacheSize(0);
  // `<|endoftext|>` in a text is text: the default is to throw.
  const plain = { disallowedSpecial: new Set<string>() };
  return (text) => countTokens(text, plain);
}

const isBlank = (code: number): boolean => code <= 32 || code === 0xa0 || code === 0x3000;

/** Where to cut next: at a boundary of words near the end of a slice, or inside a run that is too long. */
function nextCut(text: string, from: number): number {
  const end = Math.min(from + SLICE, text.length);
  let run = 0;
  let boundary = -1;
  let blankBefore = isBlank(text.charCodeAt(from));
  for (let at = from; at < end; at++) {
    const blank = isBlank(text.charCodeAt(at));
    if (blank === blankBefore) run += 1;
    else {
      // A word keeps the blank before it, as the tokenizer has it.
      if (blank) boundary = at;
      run = 1;
      blankBefore = blank;
    }
    if (run > LONGEST_RUN) return wholeCharacter(text, at);
  }
  if (end === text.length) return end;
  return boundary > from ? boundary : wholeCharacter(text, end);
}

/** Never between the two halves of a character. */
function wholeCharacter(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Counts the texts one after another, or `each` for itself; stops early once the count is beyond `limit`. */
async function countAll(texts: Iterable<string>, limit = Number.POSITIVE_INFINITY, each = false): Promise<number> {
  const count = await tokenizer();
  let tokens = 0;
  let began = performance.now();
  for (const text of texts) {
    if (each) tokens = 0;
    for (let from = 0; from < text.length; ) {
      const cut = nextCut(text, from);
      tokens += count(text.slice(from, cut));
      if (tokens > limit) return tokens;
      from = cut;
      if (performance.now() - began > TURN_MS) {
        await turn();
        began = performance.now();
      }
    }
  }
  return tokens;
}

export const countTokens = (text: string): Promise<number> => countAll([text]);

function* textsOf(call: AnswerCall): Generator<string> {
  for (const message of call.messages) {
    for (const item of message.content) {
      if (item.type === 'text' || item.type === 'reasoning') yield item.text;
      else if (item.type === 'tool_call') {
        yield item.name;
        yield item.arguments;
      }
    }
  }
  for (const tool of call.tools ?? []) {
    yield tool.name;
    if (tool.description !== undefined) yield tool.description;
    if (tool.parameters !== undefined) yield JSON.stringify(tool.parameters);
  }
  if (call.responseFormat?.type === 'json_schema') yield JSON.stringify(call.responseFormat.schema);
}

/** Whether a model with this window can read the call's text: each for itself, to make vectors of. Images are not counted. */
export async function fitsWindow(call: AnswerCall, contextWindow: number): Promise<boolean> {
  const { least, most } = inputBounds(call);
  if (most <= contextWindow) return true;
  if (least > contextWindow) return false;
  return (await countAll(textsOf(call), contextWindow, call.kind === 'embed')) <= contextWindow;
}

/** About how many tokens a vendor counts in the prompt: the text by our tokenizer, pictures and frames by estimate. */
export async function countInput(call: AnswerCall): Promise<number> {
  return (await countAll(textsOf(call))) + tokensBesideText(call);
}
