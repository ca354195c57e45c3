/** The AI SDK and LangChain through the doors, each to a vendor of the other dialect: text, streams, tools, structured output, errors. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatAnthropic } from '@langchain/anthropic';
import { HumanMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { APICallError, generateText, jsonSchema, streamText, tool } from 'ai';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { type Server, startServer } from '../support/server.ts';
import { OPENAI_KEY, openaiEnv } from '../support/vendors.ts';
import { type AnthropicVendor, startAnthropicVendor } from '../vendors/anthropic.ts';

/** Through OpenAI's door to Claude's dialect, and the other way round. */
const CLAUDE = 'anthropic/claude-sonnet-4-5';
const GPT = 'openai/gpt-4o-mini';

let claude: AnthropicVendor;
let gpt: Simulator;
let server: Server;
before(async () => {
  [claude, gpt] = await Promise.all([startAnthropicVendor(), startSimulator({ key: OPENAI_KEY })]);
  server = await startServer({
    env: { ...openaiEnv(gpt), ANTHROPIC_API_KEY: claude.key, ANTHROPIC_BASE_URL: claude.url },
  });
});
after(async () => {
  await server.stop();
  await Promise.all([claude.close(), gpt.close()]);
});

const models = () => [
  createOpenAICompatible({ name: 'goblin', baseURL: server.url('/v1'), apiKey: 'unused', includeUsage: true })(CLAUDE),
  createAnthropic({ baseURL: server.url('/v1'), apiKey: 'unused' })(GPT),
];
const chats = () => [
  new ChatOpenAI({ model: CLAUDE, apiKey: 'unused', maxRetries: 0, configuration: { baseURL: server.url('/v1') } }),
  new ChatAnthropic({ model: GPT, apiKey: 'unused', maxRetries: 0, anthropicApiUrl: server.address }),
];

const weather = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
} as const;

test('the AI SDK: whole and streamed say the same, with usage', { timeout: 60_000 }, async () => {
  for (const model of models()) {
    const prompt = 'Speak to the SDK. [[sim tokens=20]]';
    const whole = await generateText({ model, prompt, maxRetries: 0 });
    assert.match(whole.text, /Speak to the SDK/);
    assert.equal(whole.finishReason, 'stop');
    assert.equal(whole.usage.outputTokens, 20);
    const stream = streamText({ model, prompt, maxRetries: 0 });
    let text = '';
    for await (const piece of stream.textStream) text += piece;
    assert.equal(text, whole.text);
    assert.equal(await stream.finishReason, 'stop');
  }
});

test('the AI SDK: a call of a tool, and an error of its class', { timeout: 60_000 }, async () => {
  for (const model of models()) {
    const asked = await generateText({
      model,
      prompt: 'What is the weather in Oslo?',
      tools: { get_weather: tool({ description: 'weather', inputSchema: jsonSchema<{ city: string }>(weather) }) },
      toolChoice: 'required',
      maxRetries: 0,
    });
    assert.equal(asked.toolCalls[0]?.toolName, 'get_weather');
    assert.equal(typeof (asked.toolCalls[0]?.input as { city?: unknown } | undefined)?.city, 'string');
    assert.equal(asked.finishReason, 'tool-calls');
    await assert.rejects(
      generateText({ model, prompt: 'Refuse. [[sim fault=status-400]]', maxRetries: 0 }),
      (error) => APICallError.isInstance(error) && error.statusCode === 400,
    );
  }
});

test('LangChain: whole, streamed, a tool, and an error', { timeout: 60_000 }, async () => {
  for (const chat of chats()) {
    const prompt = 'Speak to the chain. [[sim tokens=20]]';
    const whole = await chat.invoke([new HumanMessage(prompt)]);
    assert.match(whole.text, /Speak to the chain/);
    let text = '';
    for await (const chunk of await chat.stream([new HumanMessage(prompt)])) text += chunk.text;
    assert.equal(text, whole.text);
    const bound = chat.bindTools([{ type: 'function', function: { name: 'get_weather', parameters: weather } }]);
    const asked = await bound.invoke([new HumanMessage('What is the weather in Oslo? Call the tool.')]);
    assert.ok((asked.tool_calls ?? []).every((one) => one.name === 'get_weather'));
    await assert.rejects(chat.invoke([new HumanMessage('Refuse. [[sim fault=status-400]]')]), /400|refused/);
  }
});
