/** Sends a script on a response, at the wished speed, until it is through or the client has left. */
import type { ServerResponse } from 'node:http';
import type { Script, Step } from './script.ts';
import type { Due, Wheel } from './wheel.ts';

export interface Pace {
  /** Milliseconds before the first token. */
  firstMs: number;
  /** Milliseconds from one token to the next, 0 for as fast as possible. */
  perTokenMs: number;
}

export interface Watcher {
  /** These bytes were handed to the socket. */
  sent(step: Step): void;
  /**
   * Called once, when the response closed. `through`: the script came to its end. `waited`: all was sent, and the
   * script held the socket open until the client closed it. `left`: the client went before the end.
   */
  over(how: 'through' | 'waited' | 'left'): void;
}

/** Larger writes than this wait for the socket to drain, so a slow reader costs no memory. */
const WRITE_LIMIT = 65_536;

export function play(response: ServerResponse, script: Script, pace: Pace, wheel: Wheel, watcher: Watcher): void {
  const { steps } = script;
  let base = performance.now() + pace.firstMs;
  let index = 0;
  let waitedFor = -1;
  let tokens = 0;
  let begun = false;
  let closedByUs = false;
  let gone = false;
  const due: Due = { at: base, run };

  // One listener for both ways to end: a finished response closes too.
  response.on('close', () => {
    gone = true;
    wheel.remove(due);
    if (closedByUs || (script.ending === 'end' && response.writableFinished)) watcher.over('through');
    else watcher.over(script.ending === 'hang' && begun && index === steps.length ? 'waited' : 'left');
  });
  // Writing to a socket that the client has closed is not our error.
  response.on('error', () => {});

  if (script.headers === null) {
    // `reset` or nothing at all; a hanging call ends when the client closes.
    if (script.ending === 'reset') {
      closedByUs = true;
      response.socket?.resetAndDestroy();
    }
    return;
  }
  if (script.early && (pace.firstMs > 0 || steps.length === 0)) {
    begin();
    response.flushHeaders();
  }
  if (pace.firstMs > 0) wheel.add(due);
  else run();

  function begin(): void {
    if (begun) return;
    begun = true;
    const flat: string[] = [];
    for (const [name, value] of script.headers ?? []) flat.push(name, value);
    if (script.length !== undefined) flat.push('content-length', String(script.length));
    response.writeHead(script.status, flat);
  }

  function dueAt(step: Step): number {
    if (step.waitMs !== undefined && waitedFor !== index) {
      waitedFor = index;
      base += step.waitMs;
    }
    return base + Math.max(0, tokens + step.tokens - 1) * pace.perTokenMs;
  }

  function run(): void {
    if (gone) return;
    begin();
    const now = performance.now() + 0.5;
    let batch = '';
    while (index < steps.length) {
      const step = steps[index] as Step;
      const at = dueAt(step);
      if (at > now) {
        if (batch !== '') response.write(batch);
        due.at = at;
        wheel.add(due);
        return;
      }
      index++;
      tokens += step.tokens;
      watcher.sent(step);
      let clear = true;
      if (script.apart || typeof step.bytes !== 'string') {
        if (batch !== '') response.write(batch);
        batch = '';
        clear = response.write(step.bytes);
      } else {
        batch += step.bytes;
        if (batch.length >= WRITE_LIMIT) {
          clear = response.write(batch);
          batch = '';
        }
      }
      if (!clear && index < steps.length) {
        response.once('drain', run);
        return;
      }
    }
    finish(batch);
  }

  function finish(batch: string): void {
    if (script.ending === 'end') {
      response.end(batch);
      return;
    }
    if (batch !== '') response.write(batch);
    else response.flushHeaders();
    if (script.ending === 'cut') {
      closedByUs = true;
      // Soon: after all that was written has left, so that the client gets exactly what the script says.
      response.socket?.destroySoon();
    } else if (script.repeat !== undefined) {
      again(script.repeat);
    }
  }

  function again(repeat: { bytes: string; everyMs: number }): void {
    const next: Due = {
      at: performance.now(),
      run() {
        if (gone) return;
        response.write(repeat.bytes);
        next.at = performance.now() + repeat.everyMs;
        wheel.add(next);
      },
    };
    next.run();
  }
}
