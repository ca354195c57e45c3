/**
 * A check of the operator's own over HTTP: asked before a call goes to a vendor, and again when the answer is there. It
 * sees what the vendor sees: secrets are placeholders already.
 */
import type { AnswerCall, Message } from '../contract/call.ts';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Submission } from '../contract/flow.ts';
import type { VisiblePart } from '../contract/part.ts';
import { rewritten } from './rewritten.ts';
import { scrub } from './secrets/scrub.ts';

export interface Hook {
  url: URL;
  timeoutMs: number;
  /** Without a usable answer: `closed` refuses, `open` lets it pass. */
  onFailure: 'closed' | 'open';
}

/** The one transport's; rejects when there is no answer in time. */
export type Fetch = (
  method: 'POST',
  url: URL,
  headers: Record<string, string>,
  body: string,
  timeoutMs: number,
  reach: 'private',
) => Promise<{ status: number; body: string }>;

export type Said =
  | { action: 'allow' }
  | { action: 'block'; reason: string | null }
  | { action: 'replace'; text: string; reason: string | null };

export interface AnswerAbout {
  request: string;
  tenant: string;
  key: string | null;
  provider: string | null;
  model: string | null;
}

export interface Guardrails {
  /** Null: nobody is asked. Rejects with `guardrail_blocked`, and `unavailable`. True: the submission's messages were changed in place. */
  before: ((caller: Caller, submission: Submission) => Promise<boolean>) | null;
  after: {
    /** Streamed answers are held back until they were checked. */
    buffer: boolean;
    /** Rejects with `unavailable` where it is closed. */
    check(about: AnswerAbout, parts: readonly VisiblePart[]): Promise<Said>;
    /** Something was said of an answer that has been shown already. */
    flag(about: AnswerAbout, said: Said | GoblinError): void;
  } | null;
}

export interface GuardrailDeps {
  before: Hook | null;
  after: (Hook & { buffer: boolean }) | null;
  fetch: Fetch;
  /** An event of the audit trail. Never throws. */
  note(tenant: string, type: string, payload: Record<string, unknown>): void;
  warn(message: string, fields: Record<string, unknown>): void;
}

const MOST_REASON = 500;
const ALLOW: Said = { action: 'allow' };

export function createGuardrails(deps: GuardrailDeps): Guardrails {
  const { before, after, fetch, note } = deps;

  /** What `read` makes of the answer; null when the hook gave none that can be used, and that is to be let pass. */
  async function ask<T>(
    stage: 'before' | 'after',
    hook: Hook,
    tenant: string,
    body: unknown,
    read: (answer: Record<string, unknown>) => T | null,
  ): Promise<T | null> {
    let why: string;
    try {
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      const answer = await fetch('POST', hook.url, headers, JSON.stringify(body), hook.timeoutMs, 'private');
      if (answer.status === 200) {
        const said: unknown = JSON.parse(answer.body);
        const made = typeof said === 'object' && said !== null ? read(said as Record<string, unknown>) : null;
        if (made !== null) return made;
        why = 'its answer is none of {"action": "allow" | "block" | "replace", …}';
      } else why = `it answered with status ${answer.status}`;
    } catch (error) {
      why =
        error instanceof SyntaxError ? 'its answer is not JSON' : error instanceof Error ? error.message : 'unknown';
    }
    deps.warn('a guardrail gave no usable answer', { stage, why, on_failure: hook.onFailure });
    note(tenant, 'guardrail.failed', { stage, why, on_failure: hook.onFailure });
    if (hook.onFailure === 'open') return null;
    throw new GoblinError('unavailable', `The guardrail that has to look at this first gave no usable answer.`, {
      retryAfterMs: 2000,
    });
  }

  async function askBefore(hook: Hook, caller: Caller, submission: Submission): Promise<boolean> {
    const { tenant, key, team, roles } = caller;
    const { call } = submission;
    const request = {
      tenant,
      key,
      team: team ?? null,
      roles: roles ?? [],
      kind: call.kind,
      model: call.model ?? null,
      task_type: submission.taskType,
      labels: submission.labels ?? {},
      tools: (call.tools ?? []).map(({ name }) => name),
    };
    const body = { stage: 'before', request, messages: call.messages.map(shown) };
    const said = await ask('before', hook, tenant, body, (answer) => {
      if (answer.action === 'allow') return ALLOW;
      if (answer.action === 'block') return { action: 'block' as const, reason: reasonOf(answer) };
      if (answer.action !== 'replace') return null;
      const messages = rewritten(call.messages, answer.messages);
      return messages && { action: 'replace' as const, messages, reason: reasonOf(answer) };
    });
    if (said === null || said.action === 'allow') return false;
    if (said.action === 'block') {
      note(tenant, 'guardrail.blocked', { stage: 'before', key, reason: said.reason });
      throw new GoblinError('guardrail_blocked', blockedBy(said.reason));
    }
    if (!('messages' in said)) return false;
    note(tenant, 'guardrail.replaced', { stage: 'before', key, reason: said.reason });
    submission.call = withMessages(call, said.messages);
    return true;
  }

  return {
    before: before && ((caller, submission) => askBefore(before, caller, submission)),
    after: after && {
      buffer: after.buffer,
      async check(about, parts) {
        const body = { stage: 'after', request: about, ...answerOf(parts) };
        const said = await ask<Said>('after', after, about.tenant, body, (answer) => {
          const reason = reasonOf(answer);
          if (answer.action === 'allow') return ALLOW;
          if (answer.action === 'block') return { action: 'block', reason };
          if (answer.action !== 'replace' || typeof answer.text !== 'string') return null;
          return { action: 'replace', text: answer.text, reason };
        });
        if (said !== null && said.action !== 'allow') {
          const type = said.action === 'block' ? 'guardrail.blocked' : 'guardrail.replaced';
          const { tenant, ...rest } = about;
          note(tenant, type, { stage: 'after', ...rest, reason: said.reason });
        }
        return said ?? ALLOW;
      },
      flag({ tenant, ...about }, said) {
        if (!(said instanceof GoblinError) && said.action === 'allow') return;
        const what =
          said instanceof GoblinError
            ? { action: 'unchecked', reason: said.detail }
            : { action: said.action, reason: said.reason };
        note(tenant, 'guardrail.flagged', { stage: 'after', ...about, ...what });
      },
    },
  };
}

export const blockedBy = (reason: string | null): string =>
  reason === null ? 'A guardrail stopped this.' : `A guardrail stopped this: ${reason}`;

function reasonOf({ reason }: Record<string, unknown>): string | null {
  return typeof reason === 'string' && reason !== '' ? scrub(reason.slice(0, MOST_REASON)) : null;
}

/** What a door took as it came would go to a vendor of its dialect: without these fields it is built from the messages. */
function withMessages(call: AnswerCall, messages: Message[]): AnswerCall {
  const { native, ...rest } = call;
  if (!native) return { ...rest, messages };
  const { messages: _messages, input: _input, instructions: _instructions, system: _system, ...body } = native.body;
  return { ...rest, messages, native: { ...native, body } };
}

/** Text and arguments as they are; of pictures and the like only that they are there. */
function shown(message: Message): Record<string, unknown> {
  return {
    role: message.role,
    ...(message.role === 'tool' ? { tool_call_id: message.toolCallId } : {}),
    content: message.content.map((item) => {
      switch (item.type) {
        case 'text':
        case 'reasoning':
          return { type: item.type, text: item.text };
        case 'tool_call':
          return { type: item.type, name: item.name, arguments: item.arguments };
        case 'foreign':
          return { type: item.type, name: item.name };
        default:
          return { type: item.type };
      }
    }),
  };
}

function answerOf(parts: readonly VisiblePart[]): { text: string; tool_calls: { name: string; arguments: string }[] } {
  const calls = new Map<number, { name: string; arguments: string }>();
  let text = '';
  for (const part of parts) {
    if (part.type === 'text') text += part.text;
    if (part.type !== 'tool_call') continue;
    const call = calls.get(part.index) ?? { name: '', arguments: '' };
    calls.set(part.index, { name: part.name ?? call.name, arguments: call.arguments + part.arguments });
  }
  return { text, tool_calls: [...calls.values()] };
}
