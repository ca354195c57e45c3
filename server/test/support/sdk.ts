/** What SDKs are pointed at: a server with a vendor of every dialect behind it, and some that refuse or break. */
import type { DialectName } from '../../src/contract/call.ts';
import { SPEAKERS } from '../vendors/speak.ts';
import type { RefusalKind } from '../vendors/speaker.ts';
import { refusalOf, scriptOf, startVendors, type World } from '../vendors/world.ts';
import { settingsOf, type Vendor } from './outage.ts';
import { type Server, startServer } from './server.ts';

export const DIALECTS: readonly DialectName[] = [
  'openai',
  'responses',
  'anthropic',
  'gemini',
  'bedrock',
  'cohere',
  'ollama',
];
const MODELS: Readonly<Record<DialectName, string>> = {
  openai: 'chat-1',
  responses: 'chat-1',
  anthropic: 'claude-sonnet-4-5',
  gemini: 'gemini-2.5-flash',
  bedrock: 'anthropic.claude-haiku-4-5-20251001-v1:0',
  cohere: 'command-a-vision-07-2025',
  ollama: 'llama3.2-vision',
};
const ABLE = { tools: true, images: true, schema: true };
export const nameOf = (dialect: DialectName): string => `in-${dialect}`;
/** The model that a vendor of this dialect has. */
export const modelIn = (dialect: DialectName): string => `${nameOf(dialect)}/${MODELS[dialect]}`;

/** A PNG of one pixel. */
export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
export const WEATHER = {
  type: 'object' as const,
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};
/** What a structured answer has to fit. */
export const PERSON = {
  type: 'object' as const,
  properties: {
    name: { type: 'string' },
    age: { type: 'integer' },
    likes: { type: 'array', items: { type: 'string' } },
  },
  required: ['name', 'age', 'likes'],
  additionalProperties: false,
};
export interface Person {
  name: string;
  age: number;
  likes: string[];
}
export const isPerson = (value: unknown): value is Person => {
  const { name, age, likes } = (value ?? {}) as Partial<Person>;
  return typeof name === 'string' && Number.isInteger(age) && Array.isArray(likes) && likes.length > 0;
};

/** Refusals, by the name of the vendor that has them. */
const REFUSERS: Readonly<Record<string, readonly [DialectName, RefusalKind]>> = {
  'sdk-rate': ['gemini', 'rate'],
  'sdk-key': ['cohere', 'key'],
  'sdk-model': ['bedrock', 'model'],
  'sdk-context': ['ollama', 'context'],
  'sdk-broken': ['anthropic', 'broken'],
  'sdk-filter': ['responses', 'filter'],
};
/** `sdk-rate/…`: what an SDK asks for to be refused. */
export const refuser = (kind: RefusalKind): string => `sdk-${kind}/${MODELS[REFUSERS[`sdk-${kind}`]?.[0] ?? 'openai']}`;

/** Ends in the middle of its words, without a terminal signal. */
const cut = (dialect: DialectName): Vendor => ({
  dialect,
  say(call) {
    const script = scriptOf(dialect, { words: ['Half', ' of', ' an', ' answer', ' and'] }, call.stream);
    const end = script.steps.findIndex(({ kind }) => kind === 'finish');
    return call.stream ? { ...script, steps: script.steps.slice(0, end) } : refusalOf(dialect, 200, {});
  },
});
export const CUT = ['cut-gemini/gemini-2.5-flash', 'cut-anthropic/claude-sonnet-4-5', 'cut-openai/chat-1'];

/** Words without an end, one in twenty milliseconds. */
const endless: Vendor = {
  dialect: 'gemini',
  say: () => scriptOf('gemini', { words: Array.from({ length: 1000 }, (_, i) => ` ${i}`) }, true, 20),
};
export const ENDLESS = 'endless/gemini-2.5-flash';

export interface SdkHouse {
  world: World;
  server: Server;
  close(): Promise<void>;
}

export async function startSdkHouse(): Promise<SdkHouse> {
  const vendors: Record<string, Vendor> = {
    ...Object.fromEntries(DIALECTS.map((dialect) => [nameOf(dialect), { dialect }])),
    ...Object.fromEntries(
      Object.entries(REFUSERS).map(([name, [dialect, kind]]): [string, Vendor] => [
        name,
        {
          dialect,
          say: () => refusalOf(dialect, SPEAKERS[dialect].statuses[kind] ?? 500, SPEAKERS[dialect].error(kind)),
        },
      ]),
    ),
    'cut-gemini': cut('gemini'),
    'cut-anthropic': cut('anthropic'),
    'cut-openai': cut('openai'),
    endless,
  };
  for (const vendor of Object.values(vendors)) {
    vendor.entry = { models: [{ id: MODELS[vendor.dialect], ...ABLE }], free: true };
  }
  const world = await startVendors(vendors);
  try {
    const { providers } = settingsOf(world, vendors, {});
    const server = await startServer({ settings: { providers, attempts: 2 } });
    return {
      world,
      server,
      async close() {
        await server.stop();
        await world.close();
      },
    };
  } catch (error) {
    await world.close();
    throw error;
  }
}
