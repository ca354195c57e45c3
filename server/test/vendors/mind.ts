/** What every loopback vendor answers to what it heard: deterministic, the same in all dialects. */
import { quote, wordSource } from '../../src/providers/simulator/prompt.ts';
import { sample } from '../../src/providers/simulator/schema.ts';
import type { Heard } from './heard.ts';
import type { Answer } from './speaker.ts';

const DIGEST = '5eed5eed5eed5eed';
const inPieces = (json: string): string[] => json.match(/[\s\S]{1,6}/gu) ?? [];
const inWords = (text: string): string[] => text.match(/\s*\S+/g) ?? [];

/** Calls the tools that the user names ("call get_weather"), answers a schema with a sample, else says what it heard. */
export function thinkOf(heard: Heard): Answer {
  const words = wordSource(DIGEST);
  const called = calledTools(heard);
  if (called.length > 0) {
    return {
      calls: called.map(({ name, parameters }, i) => ({
        id: `call_${DIGEST}${i}`,
        name,
        pieces: inPieces(JSON.stringify(sample(parameters, words))),
      })),
    };
  }
  if (heard.schema !== null) {
    const value = heard.schema === 'json' ? { you_wrote: quote(heard.user) } : sample(heard.schema, words);
    return { words: inPieces(JSON.stringify(value)) };
  }
  const said = [
    ...(heard.system === '' ? [] : [`I was told: "${quote(heard.system)}".`]),
    ...(heard.images === 0 ? [] : [`I see ${heard.images} ${heard.images === 1 ? 'image' : 'images'}.`]),
    ...heard.results.map((result) => `The tool answered: ${quote(result)}.`),
    `You wrote: "${quote(heard.user)}".`,
  ].join(' ');
  const text = heard.prefix !== '' && said.startsWith(heard.prefix) ? said.slice(heard.prefix.length) : said;
  const all = inWords(text);
  if (heard.maxTokens === null || all.length <= heard.maxTokens) return { words: all };
  return { words: all.slice(0, heard.maxTokens), finish: 'length' };
}

function calledTools({ tools, choice, user, results }: Heard): Heard['tools'] {
  if (choice === 'none') return [];
  if (choice === 'required') return tools.slice(0, 1);
  if (choice !== 'auto') return tools.filter(({ name }) => name === choice.name);
  // After a result the same words would call for ever.
  return results.length > 0 ? [] : tools.filter(({ name }) => new RegExp(`\\bcall ${name}\\b`).test(user));
}
