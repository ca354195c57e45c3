/** The request headers that every door understands: `x-mcp-task`, `-user`, `-labels`, `-failover`, `-deadline-ms`, `-cache`. */
import type { IncomingHttpHeaders } from 'node:http';
import { GoblinError } from '../contract/errors.ts';
import type { FailoverMode } from '../contract/states.ts';

export interface DoorHeaders {
  taskType: string;
  user: string | null;
  labels: Record<string, string> | null;
  /** Null: not said. */
  failover: FailoverMode | null;
  deadlineMs: number | null;
  /** Not from the response cache. */
  cacheOff: boolean;
}

/** Reads the `x-mcp-…` request headers. `usual` is the task type of who names none. Throws with the header's name. */
export function readDoorHeaders(
  headers: IncomingHttpHeaders,
  stream: boolean,
  taskTypes: readonly string[],
  usual = 'chat',
): DoorHeaders {
  const one = (name: string): string | null => {
    const value = headers[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const taskType = one('x-mcp-task') ?? usual;
  if (taskType !== usual && !taskTypes.includes(taskType))
    wrong('x-mcp-task', `must be one of ${taskTypes.join(', ')}`);
  const failover = one('x-mcp-failover');
  if (failover !== null && failover !== 'continue' && failover !== 'restart' && failover !== 'fail') {
    wrong('x-mcp-failover', 'must be continue, restart or fail');
  }
  if (failover === 'restart' && stream)
    wrong('x-mcp-failover', 'cannot be restart on a stream: what was sent cannot be taken back');
  const deadline = one('x-mcp-deadline-ms');
  if (deadline !== null && !/^[1-9]\d{0,10}$/.test(deadline))
    wrong('x-mcp-deadline-ms', 'must be a whole number of milliseconds from 1');
  const labels = one('x-mcp-labels');
  return {
    taskType,
    user: one('x-mcp-user')?.slice(0, 512) ?? null,
    labels: labels === null ? null : readLabels(labels),
    failover,
    deadlineMs: deadline === null ? null : Number(deadline),
    cacheOff: cacheOff(headers),
  };
}

/** `x-mcp-cache: off`: the caller wants an answer of its own. Throws for any other word. */
export function cacheOff(headers: IncomingHttpHeaders): boolean {
  const word = headers['x-mcp-cache'];
  if (word === undefined || word === '') return false;
  if (word !== 'off') wrong('x-mcp-cache', 'can only be off');
  return true;
}

/** No list of betas comes near it. */
const LONGEST_PASSED = 4096;

/** The caller's headers that vendors of the door's dialect get too; null when there are none. */
export function readPassHeaders(headers: IncomingHttpHeaders, names: readonly string[]): Record<string, string> | null {
  let passed: Record<string, string> | null = null;
  for (const name of names) {
    const value = headers[name];
    if (typeof value !== 'string' || value === '') continue;
    if (value.length > LONGEST_PASSED || !/^[\x20-\x7e]+$/.test(value)) {
      wrong(name, `must be at most ${LONGEST_PASSED} printable ASCII characters`);
    }
    passed ??= {};
    passed[name] = value;
  }
  return passed;
}

function readLabels(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair) => /^\s*([^=\s][^=]{0,62}?)\s*=\s*(.{0,255}?)\s*$/.exec(pair));
  if (pairs.length > 32 || pairs.some((pair) => pair === null)) {
    wrong('x-mcp-labels', 'must be up to 32 pairs as in team=search,env=test');
  }
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] as string, pair?.[2] as string]));
}

function wrong(path: string, message: string): never {
  throw new GoblinError('invalid_request', `${path} ${message}.`, { errors: [{ path, message }] });
}
