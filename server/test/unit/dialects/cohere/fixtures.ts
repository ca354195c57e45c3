/**
 * Streams of Cohere's v2 chat. The values of `DOCS_TOOLS` are those of docs.cohere.com ("Streaming for tool use"); the
 * others were recorded from the API by the tests of public clients (Vercel's AI SDK, Continue), line for line.
 */

/** Each line is the data of an event whose name is its type. */
export function sse(...lines: readonly (string | object)[]): string {
  return lines
    .map((line) => {
      const data = typeof line === 'string' ? line : JSON.stringify(line);
      return `event: ${JSON.parse(data).type}\ndata: ${data}\n\n`;
    })
    .join('');
}

export const start = (id = '94e3907b-d214-475e-a53f-ae81c76b6e43') =>
  `{"id":"${id}","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}`;
export const contentStart = (index: number, type: 'text' | 'thinking') =>
  `{"type":"content-start","index":${index},"delta":{"message":{"content":{"type":"${type}","${type}":""}}}}`;
export const delta = (index: number, type: 'text' | 'thinking', value: string) =>
  `{"type":"content-delta","index":${index},"delta":{"message":{"content":{"${type}":${JSON.stringify(value)}}}}}`;
export const contentEnd = (index: number) => `{"type":"content-end","index":${index}}`;
export const plan = (text: string) =>
  `{"type":"tool-plan-delta","delta":{"message":{"tool_plan":${JSON.stringify(text)}}}}`;
export const callStart = (index: number, id: string, name: string, args = '') =>
  `{"type":"tool-call-start","index":${index},"delta":{"message":{"tool_calls":{"id":"${id}","type":"function","function":{"name":"${name}","arguments":${JSON.stringify(args)}}}}}}`;
export const callDelta = (index: number, args: string) =>
  `{"type":"tool-call-delta","index":${index},"delta":{"message":{"tool_calls":{"function":{"arguments":${JSON.stringify(args)}}}}}}`;
export const callEnd = (index: number) => `{"type":"tool-call-end","index":${index}}`;
export const end = (finish_reason: string | undefined, usage: object = BILLED, more: object = {}) =>
  JSON.stringify({ type: 'message-end', delta: { finish_reason, usage, ...more } });

export const BILLED = {
  billed_units: { input_tokens: 1, output_tokens: 9 },
  tokens: { input_tokens: 496, output_tokens: 11 },
  cached_tokens: 448,
};

export const HELLO = sse(
  start(),
  contentStart(0, 'text'),
  delta(0, 'text', 'Hello!'),
  delta(0, 'text', ' How can I help you today? 🎉'),
  contentEnd(0),
  '{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":1,"output_tokens":9},"tokens":{"input_tokens":496,"output_tokens":11},"cached_tokens":448}}}',
);

export const CUT_BY_LENGTH = sse(
  '{"id":"88492c0b-8227-4256-9b88-1ac956f43de5","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}',
  '{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}',
  '{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"OK"}}}}',
  '{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"."}}}}',
  '{"type":"content-end","index":0}',
  '{"type":"message-end","delta":{"finish_reason":"MAX_TOKENS","usage":{"billed_units":{"input_tokens":5,"output_tokens":2},"tokens":{"input_tokens":500,"output_tokens":5},"cached_tokens":448}}}',
);

export const THINKING = sse(
  start('c9117d7f-a7e4-499f-b643-a2a1e139687b'),
  contentStart(0, 'thinking'),
  ...['The', ' user', ' is', ' asking', ' for', ' the', ' sum', ' of', ' 2', ' and', ' 2', '.'].map((word) =>
    delta(0, 'thinking', word),
  ),
  contentEnd(0),
  contentStart(1, 'text'),
  ...['The', ' answer', ' to', ' 2', ' +', ' 2', ' is', ' 4', '.'].map((word) => delta(1, 'text', word)),
  contentEnd(1),
  '{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":8,"output_tokens":50},"tokens":{"input_tokens":1394,"output_tokens":54},"cached_tokens":1360}}}',
);

export const DOCS_TOOLS = sse(
  start('fba98ad3-e5a1-413c-a8de-84fbf9baabf7'),
  ...['I', ' will', ' search', ' for', ' the', ' weather', ' in', ' Madrid', ' and', ' Brasilia', '.'].map(plan),
  callStart(0, 'get_weather_p1t92w7gfgq7', 'get_weather'),
  ...['{\n    "', 'location', '":', ' "', 'Madrid', '"', '\n', '}'].map((piece) => callDelta(0, piece)),
  callEnd(0),
  callStart(1, 'get_weather_ay6nmvjgp9vn', 'get_weather'),
  ...['{\n    "', 'location', '":', ' "', 'Bras', 'ilia', '"', '\n', '}'].map((piece) => callDelta(1, piece)),
  callEnd(1),
  end('TOOL_CALL', {
    billed_units: { input_tokens: 37, output_tokens: 28 },
    tokens: { input_tokens: 913, output_tokens: 83 },
  }),
);

export const NO_ARGUMENTS = sse(
  '{"id":"66dec7d7-45e6-427c-8fd9-7d6375d12046","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}',
  '{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I"}}}',
  '{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"currentTime_y46ar19t5gvw","type":"function","function":{"name":"currentTime","arguments":""}}}}}',
  '{"type":"tool-call-end","index":0}',
  '{"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":46,"output_tokens":14},"tokens":{"input_tokens":1445,"output_tokens":43},"cached_tokens":704}}}',
);

export const CITATIONS = sse(
  '{"id":"68475c80-574b-4c65-98a4-e81cebab5dce","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}',
  '{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}',
  '{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"The key benefits are "}}}}',
  '{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"automation of tasks."}}}}',
  '{"type":"content-end","index":0}',
  '{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":21,"end":40,"text":"automation of tasks","sources":[{"type":"document","id":"doc:0","document":{"id":"doc:0","text":"AI provides: 1. Automation of tasks 2. Better decision-making 3. Cost reduction","title":"benefits.txt"}}],"type":"TEXT_CONTENT"}}}}',
  '{"type":"citation-end","index":0}',
  '{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":39,"output_tokens":27},"tokens":{"input_tokens":1683,"output_tokens":62}}}}',
);

export const FAILED_END =
  '{"type":"message-end","delta":{"finish_reason":"ERROR","usage":{},"error":"No valid response generated. Try updating messages"}}';

export const WHOLE_TOOLS = `{
  "id": "f201af17-e24a-4396-8f6a-98e8bf9c3432",
  "message": {
    "role": "assistant",
    "tool_plan": "I will use the weather tool to find out the weather in San Francisco. I will also use the cityAttractions tool to find out what attractions are in San Francisco.",
    "tool_calls": [
      {
        "id": "weather_dqgshstja6p9",
        "type": "function",
        "function": {
          "name": "weather",
          "arguments": "{\\"location\\":\\"San Francisco\\"}"
        }
      },
      {
        "id": "cityAttractions_dcxfx4myvx68",
        "type": "function",
        "function": {
          "name": "cityAttractions",
          "arguments": "{\\"city\\":\\"San Francisco\\"}"
        }
      }
    ]
  },
  "finish_reason": "TOOL_CALL",
  "usage": {
    "billed_units": {
      "input_tokens": 119,
      "output_tokens": 52
    },
    "tokens": {
      "input_tokens": 1549,
      "output_tokens": 103
    },
    "cached_tokens": 992
  }
}
`;

export const WHOLE_THINKING = `{
  "id": "53bcb235-5179-4a91-a578-cb372b5430bc",
  "message": {
    "role": "assistant",
    "content": [
      {
        "type": "thinking",
        "thinking": "Okay, so I need to figure out what 2 + 2 is. Let me start by recalling what addition means."
      },
      {
        "type": "text",
        "text": "2 + 2 = 4"
      }
    ]
  },
  "finish_reason": "COMPLETE",
  "usage": {
    "billed_units": {
      "input_tokens": 8,
      "output_tokens": 578
    },
    "tokens": {
      "input_tokens": 1394,
      "output_tokens": 582
    },
    "cached_tokens": 1344
  }
}
`;

export const EMBEDDING = `{
  "id": "f5aa3e7b-f011-4c5c-a825-f94669f760e5",
  "texts": ["sunny day at the beach", "rainy day in the city"],
  "embeddings": {
    "float": [
      [0.03302002, 0.020904541, -0.019744873, -0.0625, 0.04437256],
      [-0.04660034, 0.00037765503, -0.061157227, -0.08239746, -0.010360718]
    ]
  },
  "meta": {
    "api_version": {
      "version": "2"
    },
    "billed_units": {
      "input_tokens": 10
    }
  },
  "response_type": "embeddings_by_type"
}
`;
