/**
 * The data of an event without what differs from one delta to the next: its `sequence_number` (0 stands for it), and
 * the random letters of `obfuscation`, of which only the length has a meaning. What is left of two deltas of one text
 * differs in the text alone, so that its place can be learnt (fast-text.ts). Every quote inside a JSON string is
 * escaped, so both names can only be keys.
 */
const NUMBER = '"sequence_number":';
const PADDING = '"obfuscation":"';

export function unvaried(data: string): string {
  return cut(cut(data, NUMBER, isDigit, '0'), PADDING, isLetterOrDigit, '');
}

function cut(data: string, marker: string, varies: (code: number) => boolean, instead: string): string {
  const at = data.indexOf(marker);
  if (at === -1) return data;
  const from = at + marker.length;
  let to = from;
  while (varies(data.charCodeAt(to))) to++;
  return to === from ? data : data.slice(0, from) + instead + data.slice(to);
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isLetterOrDigit = (code: number): boolean =>
  isDigit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
