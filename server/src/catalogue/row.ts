/** How rows of the catalogue are written. */
import type { Vendor } from '../contract/provider.ts';

/** `OPENAI_API_KEY` → `OPENAI`: what stands before `_BASE_URL`, and after `MCP_`. */
function prefixOf(keyVariable: string): string {
  return keyVariable.replace(/_(API_KEY|SECRET_KEY|KEY|TOKEN|PAT)$/, '');
}

/** A vendor with OpenAI's chat endpoint and a plain key, unless `more` says otherwise. */
export function compatible(
  name: string,
  title: string,
  baseUrl: string,
  keyVariables: readonly [string, ...string[]],
  more: Partial<Vendor> = {},
): Vendor {
  return {
    name,
    title,
    dialect: 'openai',
    baseUrl,
    auth: 'bearer',
    keyVariables,
    variablePrefix: prefixOf(keyVariables[0]),
    ...more,
  };
}
