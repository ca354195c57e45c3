/** Clients as they should be: they retry what may be retried, with their key where they have one, and write down what they see. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Addressed, Json } from '../support/api.ts';
import { MODEL } from '../support/vendors.ts';
import type { DoorAnswer, Told } from './history.ts';

export interface World {
  /** The API processes as they are now. */
  apis(): readonly Addressed[];
  /** True when clients give up: what is not done by then will not be. */
  over(): boolean;
}

export interface Heard {
  status: number;
  headers: Headers;
  text: string;
  body: Json;
}

const RETRY = new Set([429, 502, 503, 504]);
const CALL_MS = 15_000;

/** The n-th try goes to the n-th node. */
export const nodeFor = (world: World, n: number): Addressed => {
  const apis = world.apis();
  return apis[n % apis.length] as Addressed;
};

/** One call; null when the connection broke or nothing came in time. */
async function ask(node: Addressed, path: string, init: RequestInit = {}): Promise<Heard | null> {
  try {
    const answer = await fetch(node.address + path, { signal: AbortSignal.timeout(CALL_MS), ...init });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, body: parsed(text) };
  } catch {
    return null;
  }
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return {};
  }
}

/** As long as the server says, two seconds at most; a fifth of one when nothing was said. */
async function pause(heard: Pick<Heard, 'headers'> | null): Promise<void> {
  const asked = Number(heard?.headers.get('retry-after') ?? '0.2') * 1000;
  await sleep(Math.min(2000, asked || 200));
}

function noteId(told: Told, id: unknown, where: string): string {
  const text = String(id);
  if (!told.ids.includes(text)) told.ids.push(text);
  if (told.key !== null && told.ids.length > 1) told.odd.push(`I6: one key, several ids (${told.ids}) at ${where}`);
  return text;
}

/** Submits until there is a 202; answers the id, null when the client gave up. */
export async function submit(world: World, told: Told, first: number, more: Json = {}): Promise<string | null> {
  for (let n = first; !world.over(); n++) {
    told.tries++;
    const heard = await ask(nodeFor(world, n), '/mcp/v1/request', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(told.key === null ? {} : { 'idempotency-key': told.key }) },
      body: JSON.stringify({ prompt: told.prompt, model: MODEL, labels: { chaos: told.label }, ...more }),
    });
    if (heard?.status === 202) return noteId(told, heard.body.request_id, 'a submit');
    if (heard && !RETRY.has(heard.status)) {
      told.odd.push(`client: a submit was answered ${heard.status}: ${heard.text.slice(0, 300)}`);
      return null;
    }
    await pause(heard);
  }
  told.odd.push('client: no 202 although it was tried to the end');
  return null;
}

/** The same submission once more, elsewhere: it must say the same id. */
export async function repeat(world: World, told: Told, first: number): Promise<void> {
  const before = told.ids[0];
  const again = await submit(world, told, first);
  if (before !== undefined && again !== null && again !== before) {
    told.odd.push(`I6: the key stood for ${before}, then for ${again}`);
  }
}

/** Asks until the request has ended. */
export async function waitForEnd(world: World, told: Told, id: string, first: number): Promise<void> {
  for (let n = first; !world.over(); n++) {
    const heard = await ask(nodeFor(world, n), `/mcp/v1/request/${id}/result?wait=5`);
    const state = String(heard?.body.status);
    if (heard?.status === 200 || heard?.status === 409) {
      told.seen.push({ at: Date.now(), id, state });
      const { text = null, code = null } = heard.body as { text?: string | null; code?: string | null };
      told.final = { id, state, text: state === 'succeeded' ? text : null, code };
      return;
    }
    if (heard?.status === 202) told.seen.push({ at: Date.now(), id, state });
    else if (heard && !RETRY.has(heard.status)) {
      told.odd.push(`${heard.status === 404 ? 'I1' : 'client'}: the result of ${id} was answered ${heard.status}`);
      return;
    }
    if (heard?.status !== 202) await pause(heard);
  }
  told.odd.push(`I3: ${id} had no end when its client gave up`);
}

export async function cancel(world: World, told: Told, id: string, first: number): Promise<void> {
  for (let n = first; !world.over(); n++) {
    const heard = await ask(nodeFor(world, n), `/mcp/v1/cancel/${id}`, { method: 'POST' });
    if (heard?.status === 200) {
      const state = String(heard.body.status);
      told.seen.push({ at: Date.now(), id, state });
      if (state === 'cancelled') told.cancelledAt = Date.now();
      return;
    }
    if (heard && !RETRY.has(heard.status)) {
      told.odd.push(`client: a cancel was answered ${heard.status}: ${heard.text.slice(0, 300)}`);
      return;
    }
    await pause(heard);
  }
  told.odd.push('client: no answer to a cancel although it was tried to the end');
}

interface DoorInit {
  stream: boolean;
  /** Closes the connection after this many bytes of the answer. */
  leaveAfter?: number;
}

const DOOR_TRIES = 8;

/** Asks the OpenAI door, again where that may help. */
export async function door(world: World, told: Told, first: number, init: DoorInit): Promise<void> {
  for (let n = first; n < first + DOOR_TRIES && !world.over(); n++) {
    told.tries++;
    const answer = await askDoor(nodeFor(world, n), told, init);
    if (answer) told.doors.push(answer);
    if (told.leftAt !== null || answer?.complete) return;
    // Without a key what was begun is not asked for twice; what ended badly for good is not either.
    const refused = answer === null || (answer.status !== 200 && RETRY.has(answer.status));
    const broken = answer?.status === 200 && told.key !== null;
    if (!refused && !broken) {
      if (answer && answer.status !== 200 && answer.status < 500) {
        told.odd.push(`client: the door answered ${answer.status}: ${answer.text.slice(0, 300)}`);
      }
      return;
    }
    await sleep(300);
  }
}

async function askDoor(node: Addressed, told: Told, init: DoorInit): Promise<DoorAnswer | null> {
  const leaving = new AbortController();
  const made: DoorAnswer = { at: Date.now(), id: null, status: 0, complete: false, text: '', code: null };
  let raw = '';
  try {
    const answer = await fetch(`${node.address}/v1/chat/completions`, {
      method: 'POST',
      signal: AbortSignal.any([leaving.signal, AbortSignal.timeout(30_000)]),
      headers: {
        'content-type': 'application/json',
        'x-mcp-labels': `chaos=${told.label}`,
        ...(told.key === null ? {} : { 'idempotency-key': told.key }),
      },
      body: JSON.stringify({
        model: MODEL,
        stream: init.stream,
        messages: [{ role: 'user', content: told.prompt }],
      }),
    });
    made.status = answer.status;
    made.id = answer.headers.get('x-mcp-request-id');
    // No byte of an answer leaves before its record is committed: a 200 is a promise as a 202 is.
    if (answer.status === 200) noteId(told, made.id, 'a door');
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) {
      raw += decoder.decode(chunk as Uint8Array, { stream: true });
      if (init.leaveAfter !== undefined && raw.length >= init.leaveAfter) {
        told.leftAt = Date.now();
        leaving.abort();
      }
    }
    read(made, raw, init.stream);
    return made;
  } catch {
    if (made.status === 0) return null;
    read(made, raw, init.stream);
    // What broke off is not complete, whatever it looks like.
    made.complete = made.complete && init.stream;
    return made;
  }
}

function read(made: DoorAnswer, raw: string, stream: boolean): void {
  if (made.status !== 200 || !stream) {
    const body = parsed(raw) as {
      choices?: { message?: { content?: string } }[];
      error?: { code?: string };
    };
    made.text = made.status === 200 ? (body.choices?.[0]?.message?.content ?? '') : raw;
    made.complete = made.status === 200 && body.choices !== undefined;
    made.code = body.error?.code ?? null;
    return;
  }
  for (const block of raw.split('\n\n').slice(0, -1)) {
    if (!block.startsWith('data: ')) continue;
    const data = block.slice(6);
    if (data === '[DONE]') {
      made.complete = true;
      continue;
    }
    const event = parsed(data) as { choices?: { delta?: { content?: string } }[]; error?: { code?: string } };
    made.text += event.choices?.[0]?.delta?.content ?? '';
    if (event.error) made.code = event.error.code ?? 'unknown';
  }
}
