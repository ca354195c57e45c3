/** What a model's name tells, where no data does. */

/**
 * Words in a name that mean: not a model that answers messages with text. Whole words only: `flashx` is no `flash`,
 * and `safeguard` is listed beside `guard` because it is one word.
 */
const NOT_CHAT = new Set(
  (
    'embed embedding embeddings embeddinggemma minilm bge e5 gte jina nomic mxbai rerank reranker ranker retriever ' +
    'nemoretriever whisper tts stt asr transcribe transcription speech audio voice voxtral parakeet realtime live ' +
    'image images imagen imagine dall flux sdxl diffusion video veo sora lyria kling wan moderation guard safeguard ' +
    'safety reward ocr parse davinci babbage curie ada whisperx clip vae'
  ).split(' '),
);

const SEPARATORS = /[^a-z0-9]+/;

/** Whether a model so named answers with text to messages, as far as a name can tell. */
export function looksLikeChat(id: string): boolean {
  for (const word of id.toLowerCase().split(SEPARATORS)) {
    if (NOT_CHAT.has(word) || /^\w*guard$/.test(word)) return false;
  }
  return true;
}

const EMBEDDING = new Set(
  'embed embedding embeddings embeddinggemma minilm bge e5 gte nomic mxbai voyage nemoretriever'.split(' '),
);

/** Whether a model so named makes vectors of texts, as far as a name can tell. */
export function looksLikeEmbedding(id: string): boolean {
  const words = id.toLowerCase().split(SEPARATORS);
  return words.some((word) => EMBEDDING.has(word)) && !words.some((word) => word.startsWith('rerank'));
}

/** A name that promises to stay: no preview, experiment, batch price or free sample. */
export function looksStable(id: string): boolean {
  return !/(^|[^a-z])(preview|exp|experimental|beta|alpha|free|batch|test)([^a-z]|$)/.test(id.toLowerCase());
}

/** `…-latest` moves from model to model, so what was once true of it may not be now. */
export function isMovingAlias(id: string): boolean {
  return id.endsWith('-latest');
}

/** The name without what only dates it: `claude-3-5-haiku-20241022` → `claude-3-5-haiku`. Lower case. */
export function undated(id: string): string {
  return id.toLowerCase().replace(/-(latest|20\d{6}|20\d\d-\d\d-\d\d)$/, '');
}
