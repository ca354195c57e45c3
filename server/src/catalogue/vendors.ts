/**
 * Vendors that one row of data switches on: a wire format, an address, a kind of key.
 *
 * Left out on purpose: services that were shut down (GitHub Models on 30 July 2026, Meta's Llama API on 6 July 2026),
 * resellers nobody here can vouch for, and wire formats that only one small vendor speaks.
 */
import type { Vendor } from '../contract/provider.ts';
import { CLOUDS } from './clouds.ts';
import { HOSTS } from './hosts.ts';
import { MAKERS } from './makers.ts';
import { LLAMA_CPP, SGLANG, VLLM } from './quirks.ts';

export const VENDORS: readonly Vendor[] = [...MAKERS, ...HOSTS, ...CLOUDS];

/** 127.0.0.1, not `localhost`: that may resolve to ::1 first, where these servers do not listen. */
function local(
  name: string,
  title: string,
  port: number,
  variablePrefix: string,
  keyVariables: readonly string[],
  quirks: Vendor['quirks'] = {},
  speaks: Vendor['speaks'] = {},
): Vendor {
  return {
    name,
    title,
    dialect: 'openai',
    baseUrl: `http://127.0.0.1:${port}/v1`,
    auth: keyVariables.length === 0 ? 'none' : 'bearer',
    keyVariables,
    variablePrefix,
    local: true,
    quirks,
    speaks,
  };
}

/** Servers on the user's own machine, found on their usual ports. Their keys, where they have one, are optional. */
export const LOCAL_VENDORS: readonly Vendor[] = [
  // Its own API has what its OpenAI layer lacks: a context that fits the call, instead of a prompt that is cut in silence.
  local('ollama', 'Ollama', 11434, 'OLLAMA', [], {}, { ollama: { contextUpTo: 32_768 }, responses: {} }),
  local('lm-studio', 'LM Studio', 1234, 'LM_STUDIO', ['LM_STUDIO_API_KEY'], {}, { responses: {} }),
  local('llama-cpp', 'llama.cpp', 8080, 'LLAMA_CPP', [], LLAMA_CPP),
  local('vllm', 'vLLM', 8000, 'VLLM', ['HOSTED_VLLM_API_KEY'], VLLM, { responses: {} }),
  local('sglang', 'SGLang', 30000, 'SGLANG', ['SGLANG_API_KEY'], SGLANG),
];
