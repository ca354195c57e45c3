/** Verbs with several actions: one table of flags serves them all; what an action does not take is refused by name. */
import { readConfig } from '../config.ts';
import { type Input, near, type Verb, VerbError } from './flags.ts';
import { bodyOf, type CallOptions, reachServer } from './link.ts';

/** As the server has it; checked here too, so that a typing error costs no start of the database. */
const TENANT = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export type Actions = Readonly<Record<string, (input: Input) => Promise<number>>>;

/** Runs the action that the first word names. Throws `VerbError` for one that is not known. */
export async function actionOf(verb: string, actions: Actions, input: Input): Promise<number> {
  const [name = ''] = input.words;
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action) return await action(input);
  const names = Object.keys(actions);
  const close = near(name, names);
  const meant = close.length > 0 ? `did you mean ${close.join(' or ')}?` : `there are ${names.join(', ')}.`;
  throw new VerbError(`goblin ${verb}: ${name === '' ? 'say what to do' : `"${name}" is not known`}; ${meant}`);
}

export function only(
  verb: Pick<Verb, 'name' | 'flags'>,
  input: Input,
  action: string,
  flags: readonly string[],
  words: number,
): void {
  for (const flag of Object.keys(verb.flags)) {
    if (input.on(flag) && !flags.includes(flag)) {
      throw new VerbError(`goblin ${verb.name} ${action} does not take --${flag}.`);
    }
  }
  const extra = input.words[words];
  if (extra !== undefined) throw new VerbError(`goblin ${verb.name} ${action}: "${extra}" is one word too many.`);
}

export function tenantOf(verb: string, action: string, input: Input): string {
  const tenant = input.text('tenant');
  if (!tenant) throw new VerbError(`goblin ${verb} ${action}: say whose, e.g. goblin ${verb} ${action} --tenant acme`);
  if (TENANT.test(tenant)) return tenant;
  throw new VerbError(
    `goblin ${verb} ${action}: "${tenant}" cannot name a tenant; it takes 1 to 63 of a-z, 0-9, hyphen and underscore, e.g. acme.`,
  );
}

/**
 * `--tenant`, which must be said where keys are asked for: nobody is in the tenant that would be meant. Undefined: there is
 * one tenant only. Throws `VerbError` as `tenantOf`.
 */
export function tenantNeeded(verb: string, action: string, input: Input): string | undefined {
  const { auth } = readConfig(process.cwd(), process.env);
  return auth === 'required' || input.on('tenant') ? tenantOf(verb, action, input) : undefined;
}

/** The word after the action, e.g. an id. */
export function wordOf(verb: string, action: string, input: Input, what: string, at = 1): string {
  const word = input.words[at];
  if (word === undefined) throw new VerbError(`goblin ${verb} ${action}: name ${what}.`);
  return word;
}

/** One call to the running server, else to one of our own. */
export async function ask<T>(path: string, options: CallOptions = {}): Promise<T> {
  const link = await reachServer(readConfig(process.cwd(), process.env));
  try {
    return await bodyOf<T>(await link.call(path, options));
  } finally {
    await link.close();
  }
}
