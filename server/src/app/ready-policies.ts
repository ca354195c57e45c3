/** Policies that ship with the server: `server/policies`. None is in force until somebody sets it. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ReadyPolicy {
  name: string;
  /** What it does, in one or two sentences. */
  description: string;
  cedar: string;
}

const FOLDER = new URL('../../policies/', import.meta.url);

/** By name. */
export function readyPolicies(): ReadyPolicy[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.cedar'))
    .sort()
    .map((file) => {
      const cedar = readFileSync(new URL(file, FOLDER), 'utf8');
      const said = [...cedar.matchAll(/@description\("([^"]*)"\)/g)].map(([, text = '']) => text);
      return { name: file.replace(/\.cedar$/, ''), description: said.join(' '), cedar };
    });
}
