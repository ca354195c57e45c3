/**
 * What the Gemini API and Vertex AI answered, as Google's own test data has it (FirebaseExtended/vertexai-sdk-test-data)
 * and as others recorded it; only signatures and long thoughts are shortened.
 */

/** One event, written as the API writes it. */
export const event = (response: unknown) => `data: ${JSON.stringify(response)}\n\n`;

export const candidate = (parts: unknown[], more: object = {}, usage?: object) =>
  event({
    candidates: [{ content: { parts, role: 'model' }, index: 0, ...more }],
    ...(usage ? { usageMetadata: usage } : {}),
    modelVersion: 'gemini-2.5-flash',
    responseId: '48SHaPHpHKbG-8YPtZCawAk',
  });

export const stop = (more: object = {}, usage?: object) =>
  candidate([{ text: '' }], { finishReason: 'STOP', ...more }, usage);

/** Vertex AI, the whole answer in one event, with ratings of prompt and answer. */
export const VERTEX_SHORT =
  'data: {"candidates": [{"content": {"role": "model","parts": [{"text": "Cheyenne"}]},"finishReason": "STOP","index": 0,"safetyRatings": [{"category": "HARM_CATEGORY_HATE_SPEECH","probability": "NEGLIGIBLE","probabilityScore": 0.02854415,"severity": "HARM_SEVERITY_NEGLIGIBLE","severityScore": 0.052424565}]}],"promptFeedback": {"safetyRatings": [{"category": "HARM_CATEGORY_SEXUALLY_EXPLICIT","probability": "NEGLIGIBLE"}]},"usageMetadata": {"promptTokenCount": 6,"candidatesTokenCount": 4,"totalTokenCount": 10},"modelVersion":"gemini-2.0-flash"}\n\n';

/** Gemini 3.7: the signature comes last, with an empty text. */
export const SIGNED_TEXT =
  'data: {"candidates": [{"content": {"parts": [{"text": "fixture ok"}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 7,"candidatesTokenCount": 2,"totalTokenCount": 103,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 7}],"thoughtsTokenCount": 94,"serviceTier": "standard"},"modelVersion": "gemini-3.7-flash","responseId": "WQuqavG5KbfUjMcPuP_n6QI"}\n\n' +
  'data: {"candidates": [{"content": {"parts": [{"text": "","thoughtSignature": "EqkECqYEARFNMg+gQi3aPkE2hRW/Bg4AK2pNYqUDRt9IxseM7XQNgA=="}],"role": "model"},"finishReason": "STOP","index": 0}],"usageMetadata": {"promptTokenCount": 7,"candidatesTokenCount": 2,"totalTokenCount": 103,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 7}],"thoughtsTokenCount": 94,"serviceTier": "standard"},"modelVersion": "gemini-3.7-flash","responseId": "WQuqavG5KbfUjMcPuP_n6QI"}\n\n';
export const TEXT_SIGNATURE = 'EqkECqYEARFNMg+gQi3aPkE2hRW/Bg4AK2pNYqUDRt9IxseM7XQNgA==';

/** Thoughts in two events, then a signed call without arguments. */
export const THOUGHTFUL_CALL =
  'data: {"candidates": [{"content": {"parts": [{"text": "**Calculating the Days**\\n\\nI\'ve determined the user\'s request.\\n\\n\\n","thought": true}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 38,"totalTokenCount": 106,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 38}],"thoughtsTokenCount": 68},"modelVersion": "gemini-2.5-flash","responseId": "48SHaPHpHKbG-8YPtZCawAk"}\n\n' +
  'data: {"candidates": [{"content": {"parts": [{"text": "**Determining the Approach**\\n\\nNow — 🎉.\\n\\n\\n","thought": true}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 38,"totalTokenCount": 206,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 38}],"thoughtsTokenCount": 168},"modelVersion": "gemini-2.5-flash","responseId": "48SHaPHpHKbG-8YPtZCawAk"}\n\n' +
  'data: {"candidates": [{"content": {"parts": [{"functionCall": {"name": "now","args": {}},"thoughtSignature": "CiIBVKhc7vB+vaaq6rA/KC79Ts7iXagIOA4EBOyBFDpl+pxP"}],"role": "model"},"finishReason": "STOP","index": 0}],"usageMetadata": {"promptTokenCount": 38,"candidatesTokenCount": 6,"totalTokenCount": 212,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 38}],"thoughtsTokenCount": 168},"modelVersion": "gemini-2.5-flash","responseId": "48SHaPHpHKbG-8YPtZCawAk"}\n\n';
export const CALL_SIGNATURE = 'CiIBVKhc7vB+vaaq6rA/KC79Ts7iXagIOA4EBOyBFDpl+pxP';

/** No signature at all until the last event, whose text is empty; the call came before. */
export const CALL_THEN_EMPTY =
  'data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"weather","args":{"location":"San Francisco"}},"thoughtSignature":"EpEgCo4gAb4+9vvWwdN+NkNiCCwrqvFI"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":29,"candidatesTokenCount":15,"totalTokenCount":848,"promptTokensDetails":[{"modality":"TEXT","tokenCount":29}],"thoughtsTokenCount":804},"modelVersion":"gemini-3-pro-preview","responseId":"QHiLaa6LBrb8vdIPoNztsAg"}\n\n' +
  'data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":29,"candidatesTokenCount":15,"totalTokenCount":848,"promptTokensDetails":[{"modality":"TEXT","tokenCount":29}],"thoughtsTokenCount":804},"modelVersion":"gemini-3-pro-preview","responseId":"QHiLaa6LBrb8vdIPoNztsAg"}\n\n';

/** No usage at all, a message beside the reason, and no blank line at the end. */
export const FINISH_MESSAGE =
  'data: {"candidates": [{"content": {"parts": [{"text": "Hello"}],"role": "model"}}],"modelVersion": "gemini-2.0-flash"}\n\n' +
  'data: {"candidates": [{"content": {"parts": [{"text": " world!"}],"role": "model"},"finishReason": "STOP","finishMessage": "Finished successfully"}],"modelVersion": "gemini-2.0-flash"}\n';

/** Cut off by the check for recitation: the last candidate has no content. */
export const RECITATION =
  'data: {"candidates": [{"content": {"parts": [{"text": "text1"}],"role": "model"}}],"usageMetadata": {"promptTokenCount": 9,"totalTokenCount": 9,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 9}]},"modelVersion": "gemini-3.1-flash-lite"}\n\n' +
  'data: {"candidates": [{"finishReason": "RECITATION","citationMetadata": {"citationSources": [{"startIndex": 793,"endIndex": 1341,"uri": "https://www.google.com/"}]}}],"usageMetadata": {"promptTokenCount": 9,"candidatesTokenCount": 261,"totalTokenCount": 270,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 9}],"candidatesTokensDetails": [{"modality": "TEXT","tokenCount": 261}]},"modelVersion": "gemini-3.1-flash-lite"}\n\n';

export const BLOCKED =
  'data: {"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":9,"totalTokenCount":9,"promptTokensDetails":[{"modality":"TEXT","tokenCount":9}],"serviceTier":"standard"},"modelVersion":"gemini-3.7-flash","responseId":"EXCPatOAKMrQjMcPteHVmQo"}\n\n';

/** An image model's answer. */
export const IMAGE =
  'data: {"candidates": [{"content": {"parts": [{"text": "Here\'s a"}],"role": "model"}}],"usageMetadata": {"promptTokenCount": 16,"candidatesTokenCount": 4,"totalTokenCount": 20,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 16}]},"modelVersion": "gemini-2.5-flash-image-preview","responseId": "kLewaKa5ONqI-8YP-c_NuAQ"}\n\n' +
  'data: {"candidates": [{"content": {"role": "model"}}],"usageMetadata": {"promptTokenCount": 16,"candidatesTokenCount": 17,"totalTokenCount": 33,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 16}]},"modelVersion": "gemini-2.5-flash-image-preview","responseId": "kLewaKa5ONqI-8YP-c_NuAQ"}\n\n' +
  'data: {"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png","data": "iVBORw0KGgo="}}],"role": "model"},"finishReason": "STOP"}],"usageMetadata": {"promptTokenCount": 16,"candidatesTokenCount": 1307,"totalTokenCount": 1323},"modelVersion": "gemini-2.5-flash-image-preview","responseId": "kLewaKa5ONqI-8YP-c_NuAQ"}\n\n';

/** Vertex AI with `streamFunctionCallArguments`, which we do not ask for. */
export const ARGUMENTS_IN_PIECES =
  'data: {"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"name":"getWeather","willContinue":true},"thoughtSignature":"CiMBjz1rX25KieIB4d4A"}]}}],"usageMetadata":{"trafficType":"ON_DEMAND"},"modelVersion":"gemini-3.1-pro-preview","createTime":"2026-04-02T17:03:50.399550Z","responseId":"dqHOab6xGLzWodAPkPuViA4"}\n\n' +
  'data: {"candidates":[{"content":{"role":"model","parts":[{"functionCall":{}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":26,"candidatesTokenCount":23,"totalTokenCount":181,"thoughtsTokenCount":132},"modelVersion":"gemini-3.1-pro-preview","responseId":"dqHOab6xGLzWodAPkPuViA4"}\n\n';

/** Unstreamed, with a cached prompt. */
export const CACHED = `{
  "candidates": [
    {
      "content": {
        "parts": [
          {
            "text": "Red Riding Hood is looking for **directions** in the forest."
          }
        ],
        "role": "model"
      },
      "finishReason": "STOP",
      "index": 0
    }
  ],
  "usageMetadata": {
    "promptTokenCount": 12013,
    "candidatesTokenCount": 15,
    "totalTokenCount": 12101,
    "cachedContentTokenCount": 11243,
    "thoughtsTokenCount": 73
  },
  "modelVersion": "gemini-2.5-flash"
}
`;

/** Unstreamed parallel calls, no ids, no usage. */
export const PARALLEL = JSON.stringify({
  candidates: [
    {
      content: {
        parts: [
          { functionCall: { name: 'sum', args: { y: 1, x: 2 } } },
          { functionCall: { name: 'multiply', args: { y: 3, x: 4 } } },
          { functionCall: { name: 'subtract', args: { y: 5, x: 6 } } },
        ],
        role: 'model',
      },
      finishReason: 'STOP',
      index: 0,
    },
  ],
});

export const API_KEY_INVALID = `{
  "error": {
    "code": 400,
    "message": "API key not valid. Please pass a valid API key.",
    "status": "INVALID_ARGUMENT",
    "details": [
      {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {
          "service": "generativelanguage.googleapis.com"
        }
      }
    ]
  }
}
`;

export const quotaError = (quotaId: string) =>
  JSON.stringify({
    error: {
      code: 429,
      message:
        'You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.',
      status: 'RESOURCE_EXHAUSTED',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaId }] },
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.4s' },
      ],
    },
  });

/** Every stream, for tests of any slicing. */
export const STREAMS = [
  VERTEX_SHORT,
  SIGNED_TEXT,
  THOUGHTFUL_CALL,
  CALL_THEN_EMPTY,
  FINISH_MESSAGE,
  RECITATION,
  BLOCKED,
  IMAGE,
  ARGUMENTS_IN_PIECES,
];
