/**
 * Makes vectors, in five dialects at once: `/<name>/…` speaks the dialect that `name` begins with. Written from the
 * vendors' references, not from our decoders. The same text gets the same vector; what stands in it between `[[` and
 * `]]` is a fault.
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface EmbedderCall {
  name: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
  /** The answer, as it went out. */
  said: string;
  closed: boolean;
}

export interface Embedder {
  url(name: string): string;
  heard: EmbedderCall[];
  close(): void;
}

type Input = string | number[];
interface Asked {
  inputs: Input[];
  dimensions: number;
  base64: boolean;
}

const USUAL = 6;

/** No number of it is a float of four bytes. */
export function vectorOf(input: Input, dimensions: number = USUAL): number[] {
  const seed = typeof input === 'string' ? [...Buffer.from(input)] : input;
  const sum = seed.reduce((total, value, at) => (total * 31 + value + at) % 9973, 7);
  return Array.from({ length: dimensions }, (_, at) => ((sum * (at + 3)) % 1009) / 1009 - 0.5);
}

export const tokensOf = (inputs: readonly Input[]): number =>
  inputs.reduce((sum, input) => sum + (typeof input === 'string' ? Math.ceil(input.length / 5) : input.length), 0);

const packed = (vector: number[]): string => Buffer.from(new Float32Array(vector).buffer).toString('base64');
const isTokens = (value: unknown): value is number[] => Array.isArray(value) && typeof value[0] === 'number';

/** Each reads a body and says vectors; `reported` is null where the vendor is to keep its counts to itself. */
interface Voice {
  asks(path: string, body: Record<string, unknown>): Asked | null;
  says(vectors: number[][], asked: Asked, reported: number | null): unknown;
  most: number;
}

const texts = (value: unknown): string[] | null =>
  Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : null;
const asked = (inputs: Input[] | null, dimensions: unknown, base64 = false): Asked | null =>
  inputs === null ? null : { inputs, dimensions: typeof dimensions === 'number' ? dimensions : USUAL, base64 };

const VOICES: Readonly<Record<string, Voice>> = {
  openai: {
    most: 2048,
    asks(path, { input, dimensions, encoding_format }) {
      if (path !== '/embeddings') return null;
      const list = typeof input === 'string' || isTokens(input) ? [input] : (input as Input[]);
      return asked(list, dimensions, encoding_format === 'base64');
    },
    // Out of order, as some vendors answer: `index` tells.
    says: (vectors, { base64 }, reported) => ({
      object: 'list',
      data: vectors
        .map((vector, index) => ({ object: 'embedding', index, embedding: base64 ? packed(vector) : vector }))
        .reverse(),
      model: 'as-the-vendor-says',
      ...(reported === null ? {} : { usage: { prompt_tokens: reported, total_tokens: reported } }),
    }),
  },
  gemini: {
    most: 100,
    asks(path, { requests }) {
      if (!/^\/models\/[^/:]+:batchEmbedContents$/.test(path) || !Array.isArray(requests)) return null;
      const list = requests.map((one: { content: { parts: [{ text: string }] } }) => one.content.parts[0].text);
      return asked(list, requests[0]?.outputDimensionality);
    },
    says: (vectors) => ({ embeddings: vectors.map((values) => ({ values })) }),
  },
  cohere: {
    most: 96,
    asks: (path, body) =>
      path === '/v2/embed' && typeof body.input_type === 'string'
        ? asked(texts(body.texts), body.output_dimension)
        : null,
    says: (vectors, { inputs }, reported) => ({
      id: 'r1',
      embeddings: { float: vectors },
      texts: inputs,
      meta: {
        api_version: { version: '2' },
        ...(reported === null ? {} : { billed_units: { input_tokens: reported } }),
      },
    }),
  },
  ollama: {
    most: 10_000,
    asks: (path, body) => (path === '/api/embed' ? asked(texts(body.input), body.dimensions) : null),
    says: (embeddings, _asked, reported) => ({
      model: 'm',
      embeddings,
      total_duration: 1,
      ...(reported === null ? {} : { prompt_eval_count: reported }),
    }),
  },
  bedrock: {
    most: 1,
    asks: (path, body) =>
      /^\/model\/[^/]+\/invoke$/.test(path) && typeof body.inputText === 'string'
        ? asked([body.inputText], body.dimensions)
        : null,
    says: ([embedding], _asked, reported) => ({
      embedding,
      ...(reported === null ? {} : { inputTextTokenCount: reported }),
    }),
  },
};

/** What a vendor may do to its own answer. */
const FAULTS: Readonly<Record<string, (vectors: number[][]) => unknown[]>> = {
  few: (vectors) => vectors.slice(1),
  many: (vectors) => [...vectors, vectors[0] ?? []],
  ragged: ([first = [], ...rest]) => [first.slice(1), ...rest],
  words: ([first = [], ...rest]) => [[...first.slice(1), 'x'], ...rest],
};

export async function startEmbedder(): Promise<Embedder> {
  const heard: EmbedderCall[] = [];

  function answer(response: ServerResponse, call: EmbedderCall): void {
    const say = (status: number, value: unknown): void => {
      call.said = typeof value === 'string' ? value : JSON.stringify(value);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(call.said);
    };
    const voice = VOICES[call.name.split('-')[0] ?? ''];
    const wanted = voice?.asks(call.path, call.body) ?? null;
    const fault = /\[\[([\w-]+)\]\]/.exec(String(wanted?.inputs[0]))?.[1] ?? '';
    if (!voice || wanted === null || wanted.inputs.length > voice.most) {
      say(400, { error: { message: `not a call of ${call.name}` } });
    } else if (fault === 'down' || fault === `${call.name}-down`) {
      // `openai-one-down`: only there.
      say(500, { error: { message: 'the server failed' } });
    } else if (fault === 'html') say(200, '<html>a page</html>');
    else if (fault === 'odd') say(200, 'data: {"object":"list"}\n\n');
    else if (fault !== 'never') {
      const vectors = wanted.inputs.map((input) => vectorOf(input, wanted.dimensions));
      const twisted = (FAULTS[fault]?.(vectors) ?? vectors) as number[][];
      const whole = voice.says(twisted, wanted, fault === 'silent' ? null : tokensOf(wanted.inputs));
      if (fault !== 'cut') setTimeout(() => say(200, whole), fault === 'slow' ? 2500 : 0);
      else {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100000' });
        response.write(JSON.stringify(whole).slice(0, 40), () => response.destroy());
      }
    }
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [, name = '', path = ''] = /^\/([^/]+)(\/.*)$/.exec(request.url ?? '') ?? [];
      const text = Buffer.concat(chunks).toString('utf8');
      const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
      const call: EmbedderCall = { name, path, headers: request.headers, body, said: '', closed: false };
      response.on('close', () => {
        call.closed = true;
      });
      heard.push(call);
      answer(response, call);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (name) => `http://127.0.0.1:${port}/${name}`,
    heard,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
