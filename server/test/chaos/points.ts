/**
 * Where a process can be hit between accept and settle: the moments before and after a call through a port. They exist
 * only in processes that a test starts with `entry.ts`; the program itself has none.
 *
 * The fault is in a file, so that the same processes serve many cases: `arm` writes it, the first process that comes to
 * the point takes it (by creating a second file) and nobody after it.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Parts } from '../../src/app/parts.ts';
import { GoblinError } from '../../src/contract/errors.ts';
import type { Bus, Ledger, Queue } from '../../src/contract/ports.ts';
import type { Upstream, UpstreamHandler } from '../../src/providers/exchange.ts';
import type { Transport } from '../../src/providers/transport.ts';

/** `kill`: SIGKILL of itself. `error`: the call throws. `stop`: SIGSTOP of itself, the harness sends SIGCONT. */
export const FAULTS = ['kill', 'error', 'stop'] as const;
export type Fault = (typeof FAULTS)[number];

/** Which requests carry the mark in a case of this point; null: the point is not about a request. */
export interface Point {
  name: string;
  marks: 'detached' | 'attached' | null;
}

const point = (name: string, marks: Point['marks'] = 'detached'): Point => ({ name, marks });

export const POINTS: readonly Point[] = [
  point('accept:before'),
  point('accept:after'),
  point('wake:before', null),
  point('claim:before', null),
  point('claim:after'),
  point('attempt:before'),
  point('attempt:after'),
  point('post:before'),
  point('post:head'),
  point('post:first'),
  point('post:middle'),
  point('post:last'),
  point('first-frames:before'),
  point('first-frames:after'),
  point('later-frames:before'),
  point('later-frames:after'),
  point('publish:before'),
  point('settle:before'),
  point('settle:after'),
  point('end:before'),
  point('end:after'),
  point('settle-attempt:before'),
  point('settle-attempt:after'),
  point('release:before'),
  point('release:after'),
  point('open:before', 'attached'),
  point('open:after', 'attached'),
  point('door-post:head', 'attached'),
  point('door-post:middle', 'attached'),
  point('door-settle:before', 'attached'),
  point('door-settle:after', 'attached'),
];

export interface Armed {
  point: string;
  fault: Fault;
  /** Text in the prompts of marked requests. */
  mark: string;
}

const firedFile = (file: string): string => `${file}.fired`;

/** Sets the next fault; whole at once, because processes read it at any time. */
export function arm(file: string, armed: Armed): void {
  rmSync(firedFile(file), { force: true });
  writeFileSync(`${file}.new`, JSON.stringify(armed));
  renameSync(`${file}.new`, file);
}

export function disarm(file: string): void {
  rmSync(file, { force: true });
}

/** The process that took the fault, or null while none did. */
export function firedBy(file: string): number | null {
  try {
    return Number(readFileSync(firedFile(file), 'utf8')) || null;
  } catch {
    return null;
  }
}

interface Trigger {
  /** Throws when the fault is a thrown error. */
  hit(name: string): void;
  /** For ports that by their contract never throw: true means that the message is lost. */
  loses(name: string): boolean;
  /** Whether this text belongs to a marked request. */
  marked(text: string): boolean;
}

function createTrigger(file: string): Trigger {
  const read = (): Armed | null => {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as Armed;
    } catch {
      return null;
    }
  };
  /** Only one process takes it. */
  const take = (): boolean => {
    try {
      writeFileSync(firedFile(file), String(process.pid), { flag: 'wx' });
      return true;
    } catch {
      return false;
    }
  };
  function loses(name: string): boolean {
    if (!existsSync(file)) return false;
    const armed = read();
    if (armed?.point !== name || !take()) return false;
    if (armed.fault === 'error') return true;
    // Both take hold before the next line runs; a stopped process goes on here.
    process.kill(process.pid, armed.fault === 'kill' ? 'SIGKILL' : 'SIGSTOP');
    return false;
  }
  return {
    loses,
    hit(name) {
      if (loses(name)) throw new GoblinError('unavailable', `A fault was injected at ${name}.`);
    },
    marked(text) {
      const armed = existsSync(file) ? read() : null;
      return armed !== null && text.includes(armed.mark);
    },
  };
}

/** For `start` and `serve`: the parts with a point before and after each call that matters. */
export function crashPoints(file: string): (parts: Parts) => Parts {
  return (parts) => {
    const trigger = createTrigger(file);
    const marks = new Set<string>();
    return {
      ...parts,
      ledger: pointsInLedger(parts.ledger, trigger, marks),
      queue: pointsInQueue(parts.queue, trigger),
      bus: pointsInBus(parts.bus, trigger, marks),
      transport: pointsInTransport(parts.transport, trigger),
    };
  };
}

function pointsInLedger(ledger: Ledger, trigger: Trigger, marks: Set<string>): Ledger {
  const attached = new Set<string>();
  async function around<T>(name: string, concerned: boolean, work: () => Promise<T>): Promise<T> {
    if (!concerned) return await work();
    trigger.hit(`${name}:before`);
    const answer = await work();
    trigger.hit(`${name}:after`);
    return answer;
  }
  const note = (id: string, body: unknown): boolean => {
    if (trigger.marked(JSON.stringify(body))) marks.add(id);
    return marks.has(id);
  };
  const framed = new Set<string>();
  return {
    ...ledger,
    accept: (...all) => around('accept', note(all[1].id, all[1].body), () => ledger.accept(...all)),
    open(...all) {
      attached.add(all[1].id);
      return around('open', note(all[1].id, all[1].body), () => ledger.open(...all));
    },
    async claim(...all) {
      trigger.hit('claim:before');
      const claims = await ledger.claim(...all);
      // All are looked at: each may be the one that a later point is about.
      const ours = claims.map((claim) => note(claim.id, claim.body));
      if (ours.includes(true)) trigger.hit('claim:after');
      return claims;
    },
    attempt: (...all) => around('attempt', marks.has(all[0].id), () => ledger.attempt(...all)),
    frames(write) {
      const first = !framed.has(write.id);
      framed.add(write.id);
      return around(first ? 'first-frames' : 'later-frames', marks.has(write.id), () => ledger.frames(write));
    },
    settle(settlement) {
      const name = attached.has(settlement.id) ? 'door-settle' : 'settle';
      return around(name, marks.has(settlement.id), () => ledger.settle(settlement));
    },
    settleAttempt: (...all) => around('settle-attempt', marks.has(all[1]), () => ledger.settleAttempt(...all)),
    release: (...all) => around('release', marks.has(all[1]), () => ledger.release(...all)),
    end: (...all) => around('end', marks.has(all[1]), () => ledger.end(...all)),
  };
}

function pointsInQueue(queue: Queue, trigger: Trigger): Queue {
  return {
    ...queue,
    wake() {
      if (!trigger.loses('wake:before')) queue.wake();
    },
  };
}

function pointsInBus(bus: Bus, trigger: Trigger, marks: Set<string>): Bus {
  return {
    ...bus,
    publish(topic, message) {
      if (!marks.has(topic) || message.type !== 'frames' || !trigger.loses('publish:before')) {
        bus.publish(topic, message);
      }
    },
  };
}

/** Reads from the socket after which a stream counts as half-way. */
const MIDDLE = 4;

function pointsInTransport(transport: Transport, trigger: Trigger): Transport {
  return {
    ...transport,
    post(provider, request, hop, handler) {
      if (!trigger.marked(request.body)) return transport.post(provider, request, hop, handler);
      trigger.hit('post:before');
      let reads = 0;
      let broken = false;
      let upstream: Upstream | null = null;
      /** False once the connection is to look broken: the caller has been told so. */
      const goesOn = (name: string): boolean => {
        if (broken) return false;
        if (!trigger.loses(`post:${name}`) && !trigger.loses(`door-post:${name}`)) return true;
        broken = true;
        upstream?.abort();
        handler.error({ code: 'upstream_unreachable', detail: `A fault was injected at post:${name}.` }, true);
        return false;
      };
      const watched: UpstreamHandler = {
        head(status, headers) {
          handler.head(status, headers);
          goesOn('head');
        },
        data(chunk) {
          if (broken) return;
          handler.data(chunk);
          reads++;
          if (reads === 1) goesOn('first');
          if (reads === MIDDLE) goesOn('middle');
        },
        end() {
          if (goesOn('last')) handler.end();
        },
        error(failure, sent) {
          if (!broken) handler.error(failure, sent);
        },
      };
      upstream = transport.post(provider, request, hop, watched);
      return upstream;
    },
  };
}
