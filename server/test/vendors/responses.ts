/**
 * A vendor that speaks the Responses wire over loopback HTTP, for tests of the door that speaks it too: ids, encrypted
 * reasoning and bodies of its own. Calls the first function when it is asked to `call` it, else says what it was told.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

type Json = Record<string, unknown>;

export interface ResponsesVendor {
  url: string;
  /** Bodies that came. */
  heard: Json[];
  close(): Promise<void>;
}

const ENCRYPTED = 'gAAAAAB-encrypted-by-the-vendor';

async function read(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as Json;
}

const textIn = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : ((content as { text?: string }[] | undefined) ?? []).map((p) => p.text).join('');

function outputOf(body: Json): Json[] {
  const input = Array.isArray(body.input) ? (body.input as Json[]) : [{ role: 'user', content: body.input }];
  const last = input.at(-1) ?? {};
  const said =
    last.type === 'function_call_output' ? `It is ${textIn(last.output)}.` : `Heard: ${textIn(last.content)}`;
  const [tool] = (body.tools ?? []) as Json[];
  const thought = { type: 'reasoning', id: 'rs_vendor1', summary: [], encrypted_content: ENCRYPTED };
  if (tool?.type === 'function' && said.includes(`call ${String(tool.name)}`)) {
    const call = { id: 'fc_vendor1', type: 'function_call', status: 'completed', call_id: 'call_vendor1' };
    return [thought, { ...call, name: tool.name, arguments: '{"city":"Berlin"}' }];
  }
  const content = [{ type: 'output_text', text: said, annotations: [], logprobs: [] }];
  return [thought, { id: 'msg_vendor1', type: 'message', status: 'completed', role: 'assistant', content }];
}

function events(response: Json, output: readonly Json[]): Json[] {
  const all: Json[] = [{ type: 'response.created', response: { ...response, status: 'in_progress', output: [] } }];
  for (const [output_index, item] of output.entries()) {
    const at = { item_id: item.id, output_index, content_index: 0 };
    const empty = item.type === 'message' ? { content: [] } : item.type === 'function_call' ? { arguments: '' } : {};
    all.push({ type: 'response.output_item.added', output_index, item: { ...item, ...empty } });
    if (item.type === 'message') {
      for (const delta of textIn(item.content).match(/.{1,6}/gsu) ?? []) {
        all.push({ type: 'response.output_text.delta', ...at, delta, logprobs: [] });
      }
    } else if (item.type === 'function_call') {
      all.push({ type: 'response.function_call_arguments.delta', ...at, delta: item.arguments });
    }
    all.push({ type: 'response.output_item.done', output_index, item });
  }
  all.push({ type: 'response.completed', response });
  return all.map((event, sequence_number) => ({ ...event, sequence_number }));
}

export async function startResponsesVendor(): Promise<ResponsesVendor> {
  const heard: Json[] = [];
  const server = createServer(async (request, answer) => {
    if (request.method !== 'POST' || request.url !== '/v1/responses') {
      answer.writeHead(404, { 'content-type': 'application/json' });
      answer.end('{"error":{"message":"not found"}}');
      return;
    }
    const body = await read(request);
    heard.push(body);
    const output = outputOf(body);
    const usage = { input_tokens: 11, output_tokens: 7, total_tokens: 18 };
    const response = { id: 'resp_vendor1', object: 'response', status: 'completed', model: body.model, output, usage };
    if (body.stream === true) {
      answer.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const event of events(response, output)) {
        answer.write(`event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`);
      }
      answer.end();
    } else {
      answer.writeHead(200, { 'content-type': 'application/json' });
      answer.end(JSON.stringify(response));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    heard,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
