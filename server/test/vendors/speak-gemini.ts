/** Gemini's `generateContent` and `streamGenerateContent` ("GenerateContentResponse", "google.rpc.Status"). */
import {
  type Answer,
  type Counts,
  dataEvent,
  finishOf,
  type RefusalKind,
  type Speaker,
  SSE_TYPE,
  step,
  sum,
  textOf,
  usageField,
} from './speaker.ts';

const FINISHES = {
  stop: 'STOP',
  length: 'MAX_TOKENS',
  tool_calls: 'STOP',
  content_filter: 'SAFETY',
  error: 'OTHER',
};

const ERRORS: Readonly<Record<RefusalKind, readonly [code: number, status: string, message: string]>> = {
  key: [400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.'],
  rate: [429, 'RESOURCE_EXHAUSTED', 'Resource has been exhausted (e.g. check quota).'],
  quota: [429, 'RESOURCE_EXHAUSTED', 'Your prepayment credits are depleted.'],
  context: [
    400,
    'INVALID_ARGUMENT',
    'The input token count (1048580) exceeds the maximum number of tokens allowed (1048576).',
  ],
  // Google does not refuse a prompt with a status: see `promptFeedback`.
  filter: [400, 'INVALID_ARGUMENT', 'The prompt was blocked.'],
  model: [404, 'NOT_FOUND', 'models/m is not found for API version v1beta, or is not supported for generateContent.'],
  forbidden: [403, 'PERMISSION_DENIED', 'Permission denied on resource project p.'],
  invalid: [400, 'INVALID_ARGUMENT', 'Invalid value at generation_config.temperature.'],
  broken: [500, 'INTERNAL', 'An internal error has occurred. Please retry.'],
};

const counts = (usage: Counts) => ({
  promptTokenCount: usage.input,
  candidatesTokenCount: usage.output,
  totalTokenCount: sum(usage),
});

function partsOf({ thoughts = [], words = [], calls = [] }: Answer, whole: boolean): Record<string, unknown>[] {
  const joined = (pieces: readonly string[]) => (whole && pieces.length > 0 ? [textOf(pieces)] : pieces);
  return [
    ...joined(thoughts).map((text) => ({ text, thought: true })),
    ...joined(words).map((text) => ({ text })),
    ...calls.map(({ name, pieces }) => ({
      functionCall: { name, args: JSON.parse(textOf(pieces) || '{}') as unknown },
    })),
  ];
}

export const gemini: Speaker = {
  asks(path, body) {
    const [, model, method] = /^\/models\/([^/:]+):(generateContent|streamGenerateContent\?alt=sse)$/.exec(path) ?? [];
    if (model === undefined || !Array.isArray(body.contents)) return null;
    return { model: decodeURIComponent(model), stream: method !== 'generateContent' };
  },
  type: SSE_TYPE,
  events(answer) {
    const response = (part: unknown, finish: string | null) =>
      dataEvent({
        candidates: [
          { content: { role: 'model', parts: [part] }, index: 0, ...(finish === null ? {} : { finishReason: finish }) },
        ],
        ...(finish === null && !answer.usageEverywhere ? {} : usageField(answer, 'usageMetadata', counts)),
        modelVersion: answer.model ?? 'm',
        responseId: 'r1',
      });
    return [
      ...partsOf(answer, false).map((part) => step('token', response(part, null))),
      step('finish', response({ text: '' }, FINISHES[finishOf(answer)])),
    ];
  },
  whole: (answer) => ({
    candidates: [
      {
        content: { role: 'model', parts: partsOf(answer, true) },
        finishReason: FINISHES[finishOf(answer)],
        index: 0,
      },
    ],
    ...usageField(answer, 'usageMetadata', counts),
    modelVersion: answer.model ?? 'm',
    responseId: 'r1',
  }),
  statuses: { key: 400, rate: 429, quota: 429, context: 400, model: 404, forbidden: 403, invalid: 400, broken: 500 },
  error(kind, message) {
    const [code, status, text] = ERRORS[kind];
    return { error: { code, message: message ?? text, status } };
  },
};
