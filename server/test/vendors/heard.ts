/** A request in no vendor's words: what a vendor of each dialect understands of it. */

export type Body = Record<string, unknown>;

export interface HeardTool {
  name: string;
  parameters: unknown;
}

export interface Heard {
  system: string;
  /** Text of the last message of the user. */
  user: string;
  /** In the whole conversation. */
  images: number;
  /** Text of an assistant message at the very end: the answer goes on from it. */
  prefix: string;
  tools: readonly HeardTool[];
  choice: 'auto' | 'none' | 'required' | { name: string };
  /** What tools answered since the model spoke last. */
  results: readonly string[];
  /** Null: text; `json`: any JSON. */
  schema: unknown;
  maxTokens: number | null;
}

/** The vendor refuses the request. */
export class Invalid extends Error {}

export const isBody = (value: unknown): value is Body =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function listOf(value: unknown, path: string): Body[] {
  if (!Array.isArray(value) || !value.every(isBody)) throw new Invalid(`${path} must be a list of objects`);
  return value;
}

export function objectOf(value: unknown, path: string): Body {
  if (!isBody(value)) throw new Invalid(`${path} must be an object`);
  return value;
}

export function stringOf(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new Invalid(`${path} must be a string`);
  return value;
}

/** Throws for a field that the vendor's reference does not have. */
export function only(body: Body, known: string, path: string): void {
  const names = known.split(' ');
  for (const name of Object.keys(body)) if (!names.includes(name)) throw new Invalid(`${path}: unknown field ${name}`);
}

export function base64Of(value: unknown, path: string): string {
  const text = stringOf(value, path);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new Invalid(`${path} is not base64`);
  return text;
}

/** A turn in no vendor's words; a hearing is made of them. */
export interface Turn {
  role: 'user' | 'assistant' | 'tool';
  text: string;
  images: number;
  /** Ids, or names where there are no ids, of the calls that it makes or answers. */
  calls: readonly string[];
}

/** Checks that every call is answered, and that nothing else is. */
export function heardTurns(turns: readonly Turn[]): Pick<Heard, 'user' | 'images' | 'prefix' | 'results'> {
  let open: string[] = [];
  for (const turn of turns) {
    if (turn.role === 'tool') {
      for (const id of turn.calls) {
        if (!open.includes(id)) throw new Invalid(`a result for ${id}, which was not called`);
        open = open.filter((one) => one !== id);
      }
    } else {
      if (open.length > 0) throw new Invalid(`no result for ${open.join(', ')}`);
      open = [...turn.calls];
    }
  }
  if (open.length > 0) throw new Invalid(`no result for ${open.join(', ')}`);
  const spoke = turns.findLastIndex(({ role }) => role === 'assistant');
  const last = turns.at(-1);
  return {
    user: turns.findLast(({ role, text }) => role === 'user' && text !== '')?.text ?? '',
    images: turns.reduce((sum, turn) => sum + turn.images, 0),
    prefix: last?.role === 'assistant' ? last.text : '',
    results: turns.slice(spoke + 1).flatMap((turn) => (turn.role === 'tool' ? [turn.text] : [])),
  };
}
