/** Hears a run: what is said goes into what the answer has come to, and on; with a shield it is looked at before. */
import type { Dialect } from '../contract/dialect.ts';
import { isVisible, type Part } from '../contract/part.ts';
import type { AnswerShield } from '../guard/answers.ts';
import type { Assembly } from './assembly.ts';
import { createScreen, type Screen } from './screen.ts';
import { createShells } from './shell.ts';
import type { RunSink } from './terms.ts';

export interface Ear extends Omit<Screen, 'waiting' | 'push'> {
  /** `alike`: the event is the last one once more, but for its words. */
  push(parts: readonly Part[], data: string, dialect: Dialect, alike?: boolean): void;
  /** All that came of this attempt, what is not told yet among it. */
  heard(): Pick<Assembly, 'shown' | 'pieces'>;
}

const nothing = (): void => {};

/** `block`: told of the rule by which the answer ends. */
export function createEar(
  shield: AnswerShield | undefined,
  assembly: Assembly,
  sink: RunSink,
  block: (rule: string) => void,
): Ear {
  function show(parts: readonly Part[], data: string, dialect: Dialect): void {
    for (const part of parts) if (isVisible(part)) assembly.add(part);
    sink.event(parts, data, dialect);
  }
  if (!shield) {
    return { push: show, look: nothing, rest: nothing, carry: nothing, clear: nothing, heard: () => assembly };
  }
  const screen = createScreen(shield, show, block);
  const mayPass = createShells(shield);
  return {
    ...screen,
    push: (parts, data, dialect, alike) =>
      screen.push(parts, data === '' || mayPass(parts, data, alike) ? data : '', dialect),
    heard() {
      const { bytes, pieces } = screen.waiting();
      return { shown: () => assembly.shown() + bytes, pieces: () => assembly.pieces() + pieces };
    },
  };
}
