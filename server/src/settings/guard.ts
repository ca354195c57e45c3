/** How policies and guardrails of the file are read. */
import { type Static, Type } from '@sinclair/typebox';

const strict = { additionalProperties: false };

export const PolicyEntry = Type.Object(
  {
    id: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$' }),
    cedar: Type.String({ minLength: 1, maxLength: 20_000 }),
  },
  strict,
);

const hook = {
  url: Type.String({ minLength: 1, maxLength: 2000 }),
  timeout_ms: Type.Optional(Type.Integer({ minimum: 10, maximum: 60_000 })),
  on_failure: Type.Optional(Type.Union([Type.Literal('closed'), Type.Literal('open')])),
};

export const GuardrailsEntry = Type.Object(
  {
    before: Type.Optional(Type.Object(hook, strict)),
    after: Type.Optional(Type.Object({ ...hook, buffer: Type.Optional(Type.Boolean()) }, strict)),
  },
  strict,
);

interface Given {
  policies?: Static<typeof PolicyEntry>[];
  policy_file?: string;
  guardrails?: Static<typeof GuardrailsEntry>;
}

export interface HookSettings {
  url: URL;
  timeoutMs: number;
  /** Without an answer: `closed` refuses, `open` lets it pass. */
  onFailure: 'closed' | 'open';
}

export interface GuardSettings {
  policies: readonly { id: string; cedar: string }[];
  policyFile: string | null;
  guardrails: {
    before: HookSettings | null;
    /** `buffer`: a streamed answer is held back until it was checked. */
    after: (HookSettings & { buffer: boolean }) | null;
  };
}

const TIMEOUT_MS = 2000;

export function readGuard(file: Given, refuse: (message: string) => never): GuardSettings {
  const { before, after } = file.guardrails ?? {};
  return {
    policies: file.policies ?? [],
    policyFile: file.policy_file ?? null,
    guardrails: {
      before: before ? hookOf('before', before, refuse) : null,
      after: after ? { ...hookOf('after', after, refuse), buffer: after.buffer ?? false } : null,
    },
  };
}

function hookOf(
  name: string,
  given: { url: string; timeout_ms?: number; on_failure?: 'closed' | 'open' },
  refuse: (message: string) => never,
): HookSettings {
  const url = URL.canParse(given.url) ? new URL(given.url) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    return refuse(
      `guardrails.${name}.url takes an address with http or https and without credentials, e.g. http://127.0.0.1:9000/check.`,
    );
  }
  return { url, timeoutMs: given.timeout_ms ?? TIMEOUT_MS, onFailure: given.on_failure ?? 'closed' };
}
