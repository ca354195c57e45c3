/** Requests of Gemini ("GenerateContentRequest") and Bedrock ("Converse"). */
import {
  type Body,
  base64Of,
  type Heard,
  heardTurns,
  Invalid,
  isBody,
  listOf,
  objectOf,
  only,
  stringOf,
  type Turn,
} from './heard.ts';

const GENERATION =
  'temperature topP topK maxOutputTokens stopSequences candidateCount seed responseMimeType responseSchema ' +
  'responseJsonSchema thinkingConfig presencePenalty frequencyPenalty';

function geminiTurn(content: Body, path: string): Turn {
  const turn = { text: '', images: 0 };
  const calls: string[] = [];
  let isResult = false;
  for (const part of listOf(content.parts, `${path}.parts`)) {
    if (typeof part.text === 'string') turn.text += part.thought === true ? '' : part.text;
    else if (isBody(part.inlineData)) {
      base64Of(part.inlineData.data, `${path}.inlineData`);
      if (!String(part.inlineData.mimeType).startsWith('image/')) throw new Invalid(`${path}: no image`);
      turn.images++;
    } else if (isBody(part.functionCall)) {
      objectOf(part.functionCall.args ?? {}, `${path}.args`);
      calls.push(stringOf(part.functionCall.name, `${path}.functionCall`));
    } else if (isBody(part.functionResponse)) {
      isResult = true;
      calls.push(stringOf(part.functionResponse.name, `${path}.functionResponse`));
      turn.text += JSON.stringify(objectOf(part.functionResponse.response, `${path}.response`));
    } else throw new Invalid(`${path}: unknown part ${Object.keys(part).join(', ')}`);
  }
  if (content.role === 'model') return { role: 'assistant', ...turn, calls };
  if (content.role !== 'user') throw new Invalid('Please use a valid role: user, model.');
  return { role: isResult ? 'tool' : 'user', ...turn, calls };
}

export function hearGemini(body: Body): Heard {
  only(body, 'contents systemInstruction tools toolConfig generationConfig safetySettings cachedContent', 'body');
  const config = isBody(body.generationConfig) ? body.generationConfig : {};
  only(config, GENERATION, 'generationConfig');
  const turns = listOf(body.contents, 'contents').map((content, i) => geminiTurn(content, `contents.${i}`));
  const calling = isBody(body.toolConfig)
    ? objectOf(body.toolConfig.functionCallingConfig, 'functionCallingConfig')
    : {};
  const names = Array.isArray(calling.allowedFunctionNames) ? calling.allowedFunctionNames : [];
  const json = config.responseMimeType === 'application/json';
  if (config.responseJsonSchema !== undefined && !json) throw new Invalid('a schema needs responseMimeType');
  const declared = body.tools === undefined ? [] : listOf(body.tools, 'tools');
  return {
    ...heardTurns(turns),
    system: isBody(body.systemInstruction)
      ? listOf(body.systemInstruction.parts, 'systemInstruction')
          .map(({ text }) => String(text))
          .join('')
      : '',
    tools: declared
      .flatMap((tool) => listOf(tool.functionDeclarations, 'functionDeclarations'))
      .map(({ name, parametersJsonSchema, parameters }) => ({
        name: stringOf(name, 'functionDeclarations.name'),
        parameters: parametersJsonSchema ?? parameters,
      })),
    choice:
      calling.mode === 'NONE'
        ? 'none'
        : calling.mode !== 'ANY'
          ? 'auto'
          : names.length > 0
            ? { name: String(names[0]) }
            : 'required',
    schema: json ? (config.responseJsonSchema ?? config.responseSchema ?? 'json') : null,
    maxTokens: typeof config.maxOutputTokens === 'number' ? config.maxOutputTokens : null,
  };
}

function bedrockTurn(message: Body, path: string): Turn {
  const turn = { text: '', images: 0 };
  const calls: string[] = [];
  let isResult = false;
  for (const block of listOf(message.content, `${path}.content`)) {
    if (typeof block.text === 'string') {
      if (block.text.trim() === '') throw new Invalid('The text field in the ContentBlock object is blank.');
      turn.text += block.text;
    } else if (isBody(block.image)) {
      base64Of(objectOf(block.image.source, 'source').bytes, `${path}.bytes`);
      if (!['png', 'jpeg', 'gif', 'webp'].includes(String(block.image.format))) throw new Invalid(`${path}: format`);
      turn.images++;
    } else if (isBody(block.toolUse)) {
      objectOf(block.toolUse.input, `${path}.input`);
      calls.push(stringOf(block.toolUse.toolUseId, `${path}.toolUseId`));
    } else if (isBody(block.toolResult)) {
      isResult = true;
      calls.push(stringOf(block.toolResult.toolUseId, `${path}.toolUseId`));
      for (const part of listOf(block.toolResult.content, `${path}.toolResult`)) {
        turn.text += String(part.text ?? '');
        if (isBody(part.image)) turn.images++;
      }
    } else if (!isBody(block.reasoningContent) && !isBody(block.cachePoint)) {
      throw new Invalid(`${path}: unknown block ${Object.keys(block).join(', ')}`);
    }
  }
  if (message.role === 'assistant') return { role: 'assistant', ...turn, calls };
  if (message.role !== 'user') throw new Invalid(`${path}.role is unknown`);
  return { role: isResult ? 'tool' : 'user', ...turn, calls };
}

export function hearBedrock(body: Body): Heard {
  only(body, 'messages system inferenceConfig toolConfig additionalModelRequestFields outputConfig', 'body');
  const config = isBody(body.inferenceConfig) ? body.inferenceConfig : {};
  only(config, 'maxTokens temperature topP stopSequences', 'inferenceConfig');
  const messages = listOf(body.messages, 'messages');
  messages.forEach((message, i) => {
    if (i > 0 && message.role === messages[i - 1]?.role) throw new Invalid('roles must alternate');
  });
  if (messages[0]?.role !== 'user') throw new Invalid('A conversation must start with a user message.');
  const tools = isBody(body.toolConfig) ? body.toolConfig : {};
  const choice = isBody(tools.toolChoice) ? tools.toolChoice : {};
  const format = isBody(body.outputConfig) ? objectOf(body.outputConfig.textFormat, 'textFormat') : null;
  return {
    ...heardTurns(messages.map((message, i) => bedrockTurn(message, `messages.${i}`))),
    system:
      body.system === undefined
        ? ''
        : listOf(body.system, 'system')
            .map(({ text }) => String(text ?? ''))
            .join(''),
    tools: (tools.tools === undefined ? [] : listOf(tools.tools, 'tools')).flatMap((tool) => {
      if (tool.cachePoint !== undefined) return [];
      const spec = objectOf(tool.toolSpec, 'toolSpec');
      const schema = objectOf(spec.inputSchema, 'inputSchema').json;
      return [{ name: stringOf(spec.name, 'toolSpec.name'), parameters: objectOf(schema, 'inputSchema.json') }];
    }),
    choice: isBody(choice.tool) ? { name: String(choice.tool.name) } : choice.any !== undefined ? 'required' : 'auto',
    schema: format === null ? null : bedrockSchema(format),
    maxTokens: typeof config.maxTokens === 'number' ? config.maxTokens : null,
  };
}

/** The schema travels as a text. */
function bedrockSchema(format: Body): unknown {
  const { jsonSchema } = objectOf(format.structure, 'structure');
  return JSON.parse(stringOf(objectOf(jsonSchema, 'jsonSchema').schema, 'schema'));
}
