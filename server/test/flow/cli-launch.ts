/** A `goblin` that is spoken to while it runs: by what it is given to read, and by signals. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { cleanEnv, eventually, GOBLIN, type Place } from '../support/server.ts';

export interface Launched {
  stdout(): string;
  stderr(): string;
  /** Waits until standard output matches; answers the first group. */
  says(pattern: RegExp): Promise<string>;
  signal(name: NodeJS.Signals): void;
  exited: Promise<number | null>;
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** `input` undefined: nothing to read, as in /dev/null. */
export function launch(
  args: readonly string[],
  place: Place,
  options: { env?: Record<string, string>; input?: string } = {},
): Launched {
  mkdirSync(place.folder, { recursive: true });
  const child = spawn(process.execPath, [GOBLIN, ...args], {
    cwd: place.folder,
    env: cleanEnv(place, options.env),
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  children.add(child);
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  child.stdin?.end(options.input);
  const exited = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      children.delete(child);
      resolve(code);
    });
  });
  return {
    stdout: () => out,
    stderr: () => err,
    says: (pattern) =>
      eventually(
        () => {
          const match = pattern.exec(out);
          return match ? (match[1] ?? match[0]) : null;
        },
        `${args.join(' ')}: ${pattern}`,
      ),
    signal: (name) => {
      child.kill(name);
    },
    exited,
  };
}
