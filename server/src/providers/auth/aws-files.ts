/** The files that AWS's tools share: `~/.aws/config` and `~/.aws/credentials` ("AWS SDKs and Tools reference guide"). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileSources, refused } from './aws-sources.ts';

export type Profile = ReadonlyMap<string, string>;

/** More is no file of settings. Bytes. */
const MAX_FILE = 1024 * 1024;

/** Settings of every profile; those of the credentials file win. */
export async function readProfiles(sources: FileSources): Promise<ReadonlyMap<string, Profile>> {
  const { env, home } = sources;
  const file = (name: string) => (home === null ? null : join(home, '.aws', name));
  const config = env.AWS_CONFIG_FILE || file('config');
  const credentials = env.AWS_SHARED_CREDENTIALS_FILE || file('credentials');
  const profiles = new Map<string, Map<string, string>>();
  const add = (name: string, settings: Profile) => {
    const known = profiles.get(name);
    profiles.set(name, new Map([...(known ?? []), ...settings]));
  };
  for (const [section, settings] of parseIni(config === null ? '' : await sources.readFile(config))) {
    // In this file only `default` may stand without the word.
    const name = section === 'default' ? section : /^profile\s+(["']?)(.+)\1$/.exec(section)?.[2];
    if (name !== undefined) add(name, settings);
  }
  for (const [name, settings] of parseIni(credentials === null ? '' : await sources.readFile(credentials))) {
    add(name, settings);
  }
  return profiles;
}

/** Sections and their settings. Indented lines belong to a nested setting, of which we use none. */
export function parseIni(text: string | null): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let current: Map<string, string> | null = null;
  for (const line of (text ?? '').replace(/^\ufeff/, '').split(/\r?\n/)) {
    const plain = line.replace(/(^|\s)[;#].*$/, '');
    const section = /^\[\s*(.*?)\s*\]\s*$/.exec(plain)?.[1];
    if (section !== undefined) {
      current = sections.get(section) ?? new Map();
      sections.set(section, current);
      continue;
    }
    const at = plain.indexOf('=');
    if (current === null || at < 1 || /^\s/.test(plain)) continue;
    const value = plain.slice(at + 1).trim();
    if (value !== '') current.set(plain.slice(0, at).trim(), value);
  }
  return sections;
}

/** Null when there is no such file. */
export async function readText(path: string): Promise<string | null> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length > MAX_FILE) throw refused(`${path} is too large for a file of AWS settings`);
    return text;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw code === '' ? error : refused(`${path} cannot be read (${code})`);
  }
}
