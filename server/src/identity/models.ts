/**
 * Models that a credential may ask. A name has one of these forms: `provider/model` (this one), `provider/*` (all of a
 * provider), `model` (of any provider); a `*` anywhere stands for any characters, a slash among them.
 */

const NAME = /^[A-Za-z0-9*][A-Za-z0-9*._:@/+-]{0,299}$/;

/** Whether it can be such a name: said when it is saved, not found out when a request is refused. */
export const isModelName = (text: unknown): text is string => typeof text === 'string' && NAME.test(text);

/** Lists come from credentials that are remembered for seconds, and are asked with every request: what they mean is kept with them. */
const MEANT = new WeakMap<readonly string[], (provider: string, model: string) => boolean>();

export function allows(models: readonly string[] | undefined, provider: string, model: string): boolean {
  if (models === undefined) return true;
  let meant = MEANT.get(models);
  if (!meant) {
    meant = meaningOf(models);
    MEANT.set(models, meant);
  }
  return meant(provider, model);
}

function meaningOf(models: readonly string[]): (provider: string, model: string) => boolean {
  const whole = new Set(models.filter((name) => !name.includes('*')));
  const patterns = models.filter((name) => name.includes('*'));
  return (provider, model) => {
    const full = `${provider}/${model}`;
    if (whole.has(full) || whole.has(model)) return true;
    return patterns.some((pattern) => fits(pattern, full) || (!pattern.includes('/') && fits(pattern, model)));
  };
}

/** Linear in the text for each star: no pattern of a user becomes a regular expression. */
function fits(pattern: string, text: string): boolean {
  const parts = pattern.split('*');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/** Whether all of a provider is allowed: for calls of which nobody here can tell what model they ask. */
export function allowsAllOf(models: readonly string[] | undefined, provider: string): boolean {
  return models === undefined || models.some((name) => name === '*' || name === '*/*' || name === `${provider}/*`);
}
