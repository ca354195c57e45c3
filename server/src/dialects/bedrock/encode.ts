/** A call to the body of `POST /model/{modelId}/converse` and `/converse-stream`. */
import type { AnswerCall } from '../../contract/call.ts';
import type { EncodeTarget, Notice, WireRequest } from '../../contract/dialect.ts';
import { noteUnplaced, unsupported } from '../asked.ts';
import { isObject, type Json, objectIn } from '../json.ts';
import { note } from '../notices.ts';
import { type Conversation, encodeConversation } from './messages.ts';
import { type Traits, traitsOf } from './models.ts';
import { inferenceConfig, setEffort, setFormat } from './settings.ts';
import { setTools } from './tools.ts';

export function encodeBedrock(call: AnswerCall, target: EncodeTarget, stream: boolean): WireRequest {
  const notices: Notice[] = [];
  const body = call.native?.dialect === 'bedrock' ? edited(call, target) : fromCall(call, target, notices);
  for (const field of target.quirks.refuses ?? []) {
    if (field === 'messages' || !(field in body)) continue;
    delete body[field];
    note(notices, 'dropped', `${field}: the provider does not take this field`);
  }
  return {
    path: `${modelPath(target.model)}/converse${stream ? '-stream' : ''}`,
    headers: {
      'content-type': 'application/json',
      accept: stream ? 'application/vnd.amazon.eventstream' : 'application/json',
    },
    body: JSON.stringify(body),
    notices,
  };
}

/** Ids have colons, ARNs also slashes; unescaped, Bedrock answers 200 and "unknown operation". */
export function modelPath(model: string): string {
  const escaped = encodeURIComponent(model).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `/model/${escaped}`;
}

/** A call in Converse's own words keeps its body; only the limit is ours. */
function edited(call: AnswerCall, target: EncodeTarget): Json {
  if (target.prefix !== undefined) throw unsupported('a body in its own words cannot be given a beginning');
  const body: Json = { ...call.native?.body };
  if (call.maxTokens !== undefined) {
    body.inferenceConfig = { ...objectIn(body, 'inferenceConfig'), maxTokens: call.maxTokens };
  }
  return body;
}

function fromCall(call: AnswerCall, target: EncodeTarget, notices: Notice[]): Json {
  const traits = traitsOf(target.model);
  if (target.prefix !== undefined && !traits.goesOn) throw unsupported('this model cannot go on from a given text');
  const talk = encodeConversation(call.messages, { traits, notices, prefix: target.prefix ?? '' });
  const body: Json = { messages: talk.messages };
  const more: Json = {};
  const { usedTools, goesOn, system } = talk;
  setTools(body, more, { call, traits, usedTools, goesOn, system }, notices);
  const { reasoningEffort: effort, maxTokens } = call;
  const obstacle = obstacleTo(body, more, talk, traits);
  const outcome =
    effort === undefined
      ? { excludesSampling: false }
      : setEffort(more, { effort, traits, maxTokens, maxOutput: target.maxOutput, obstacle }, notices);
  const config = inferenceConfig(call, traits, outcome, notices);
  if (Object.keys(config).length > 0) body.inferenceConfig = config;
  setFormat(body, system, call, traits.schema && !goesOn, notices);
  if (system.length > 0) body.system = system;
  if (Object.keys(more).length > 0) body.additionalModelRequestFields = more;
  noteUnplaced(call, new Set(), notices);
  return body;
}

/** Thinking and these exclude each other at Anthropic's models. */
function obstacleTo(body: Json, more: Json, talk: Conversation, traits: Traits): string | null {
  const choice = objectIn(objectIn(body, 'toolConfig') ?? {}, 'toolChoice') ?? {};
  const own = isObject(more.tool_choice) ? more.tool_choice.type : null;
  if ('any' in choice || 'tool' in choice || own === 'any' || own === 'tool') return 'a forced tool call excludes it';
  if (traits.claude?.thinking !== 'budget') return null;
  if (talk.midToolUse) return 'the tool call that is being answered was made without it';
  return talk.goesOn ? 'the answer goes on from a given text' : null;
}
