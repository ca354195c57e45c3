/** The facts of an answer in its headers. */
import type { CacheResult } from '../contract/record.ts';

/** Never 1.2e-7 in a header. */
export function plainNumber(value: number): string {
  return value.toFixed(12).replace(/\.?0+$/, '');
}

export function answerHeaders(
  pen: { id: string; idHeader: string | null },
  by: { provider: string; model: string; attempts: number; cache?: CacheResult },
): Record<string, string> {
  return {
    ...idHeaders(pen.id, pen.idHeader),
    ...(by.cache ? { 'x-mcp-cache': by.cache } : {}),
    ...(by.attempts > 0
      ? { 'x-mcp-provider': by.provider, 'x-mcp-model': headerText(by.model), 'x-mcp-attempts': String(by.attempts) }
      : {}),
  };
}

export function idHeaders(id: string, idHeader: string | null): Record<string, string> {
  return idHeader === null ? { 'x-mcp-request-id': id } : { 'x-mcp-request-id': id, [idHeader]: id };
}

const headerText = (text: string) => text.replace(/[^\x20-\x7e]/g, '?');
