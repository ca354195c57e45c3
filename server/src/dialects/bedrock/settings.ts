/** How the model is to answer: limits, sampling, reasoning, format. */
import type { AnswerCall } from '../../contract/call.ts';
import type { Notice } from '../../contract/dialect.ts';
import { closedSchema } from '../anthropic/schema.ts';
import { setThinking } from '../anthropic/thinking.ts';
import { jsonInWords } from '../asked.ts';
import { isObject, type Json } from '../json.ts';
import { note } from '../notices.ts';
import type { Traits } from './models.ts';

/** Claude's budget must be smaller than a limit; this is it when nobody names one. */
const DEFAULT_MAX_TOKENS = 4096;

export interface EffortInput {
  effort: string;
  traits: Traits;
  maxTokens: number | undefined;
  maxOutput: number | undefined;
  /** Why Claude cannot think in this call, if so. */
  obstacle: string | null;
}

/** What follows for the other settings. */
export interface EffortOutcome {
  /** Sampling cannot be set beside it. */
  excludesSampling: boolean;
  /** A limit that must be sent with it. */
  maxTokens?: number;
}

/** Sets what asks the model to reason, in `more` (`additionalModelRequestFields`). */
export function setEffort(more: Json, input: EffortInput, notices: Notice[]): EffortOutcome {
  const { effort, traits } = input;
  switch (traits.effort) {
    case 'claude':
      return claudeEffort(more, input, notices);
    case 'nova':
      return novaEffort(more, input, notices);
    case 'reasoning_effort':
      more.reasoning_effort = threeSteps(effort, notices);
      break;
    case 'reasoning':
      more.reasoning = { effort: effort === 'max' ? 'xhigh' : effort };
      break;
    default:
      if (effort !== 'none') note(notices, 'dropped', 'reasoning_effort: this model has no such setting');
  }
  return { excludesSampling: false };
}

function claudeEffort(more: Json, input: EffortInput, notices: Notice[]): EffortOutcome {
  const { effort, obstacle, traits } = input;
  if (!traits.claude) return { excludesSampling: false };
  const maxTokens = input.maxTokens ?? input.maxOutput ?? DEFAULT_MAX_TOKENS;
  const thinks = setThinking(more, { effort, traits: traits.claude, maxTokens, obstacle }, notices);
  const budget = thinks && isObject(more.thinking) && more.thinking.type === 'enabled';
  return budget ? { excludesSampling: true, maxTokens } : { excludesSampling: false };
}

/** Nova 2 reasons only when asked. With `high` it takes neither a limit nor sampling (Nova 2 guide, "Extended thinking"). */
function novaEffort(more: Json, input: EffortInput, notices: Notice[]): EffortOutcome {
  if (input.effort === 'none') return { excludesSampling: false };
  let maxReasoningEffort = threeSteps(input.effort, notices);
  if (maxReasoningEffort === 'high' && input.maxTokens !== undefined) {
    maxReasoningEffort = 'medium';
    note(notices, 'changed', 'reasoning_effort: this model takes no limit of tokens beside high; medium is asked for');
  }
  more.reasoningConfig = { type: 'enabled', maxReasoningEffort };
  return { excludesSampling: maxReasoningEffort === 'high' };
}

function threeSteps(effort: string, notices: Notice[]): string {
  const near = ['none', 'minimal', 'low'].includes(effort) ? 'low' : effort === 'medium' ? 'medium' : 'high';
  if (near !== effort)
    note(notices, 'changed', `reasoning_effort: this model knows low, medium and high; ${near} is asked for`);
  return near;
}

/** `inferenceConfig`. A call that names no limit gets the model's own, which is the highest. */
export function inferenceConfig(call: AnswerCall, traits: Traits, outcome: EffortOutcome, notices: Notice[]): Json {
  const config: Json = {};
  const maxTokens = call.maxTokens ?? outcome.maxTokens;
  if (maxTokens !== undefined) config.maxTokens = maxTokens;
  setSampling(config, call, traits, outcome.excludesSampling, notices);
  // An empty one is refused by all, one of blanks by Claude.
  const stops = (call.stop ?? []).filter((text) => text.trim() !== '');
  if (!traits.stops && stops.length > 0) note(notices, 'dropped', 'stop: this model takes no stop sequences');
  else if (stops.length > 0) config.stopSequences = stops;
  if (stops.length < (call.stop?.length ?? 0)) {
    note(notices, 'dropped', 'stop: this provider takes no stop of white space alone');
  }
  if (call.seed !== undefined) note(notices, 'dropped', 'seed: this provider has no such setting');
  return config;
}

function setSampling(config: Json, call: AnswerCall, traits: Traits, excluded: boolean, notices: Notice[]): void {
  const { temperature, topP } = call;
  if (!traits.sampling || excluded) {
    const why = excluded ? 'not possible while this model reasons' : 'this model does not take it';
    if (temperature !== undefined && temperature !== 1) note(notices, 'dropped', `temperature: ${why}`);
    if (topP !== undefined && topP !== 1) note(notices, 'dropped', `top_p: ${why}`);
    return;
  }
  if (temperature !== undefined) {
    config.temperature = Math.min(Math.max(temperature, 0), 1);
    if (config.temperature !== temperature) note(notices, 'changed', 'temperature: lowered to 1, the highest here');
  }
  if (topP === undefined) return;
  if (temperature === undefined || (traits.claude?.bothSampling ?? true)) config.topP = topP;
  else if (topP !== 1) note(notices, 'dropped', 'top_p: this model takes either temperature or top_p');
}

/** A beginning to go on from and an enforced format exclude each other, so the model is then asked in words. */
export function setFormat(body: Json, system: Json[], call: AnswerCall, enforced: boolean, notices: Notice[]): void {
  const format = call.responseFormat;
  if (format === undefined || format.type === 'text') return;
  if (format.type === 'json_schema' && enforced) {
    const closed = closedSchema(format.schema);
    const jsonSchema: Json = { schema: JSON.stringify(closed.schema), name: format.name };
    if (format.description !== undefined) jsonSchema.description = format.description;
    body.outputConfig = { textFormat: { type: 'json_schema', structure: { jsonSchema } } };
    if (closed.changed) {
      note(notices, 'changed', 'response_format: constraints that cannot be enforced became descriptions');
    }
    return;
  }
  system.push({ text: jsonInWords(format) });
  note(notices, 'changed', 'response_format: this model is asked for JSON in words, which it may ignore');
}
