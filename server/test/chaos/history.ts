/** What clients saw, written down as they saw it: the oracle that is not our own code. */
/** One client's task. `kind` says what it does; the label stands in its prompt and in the labels of its request. */
export interface Told {
  label: string;
  kind: Kind;
  key: string | null;
  prompt: string;
  /** Submissions that were sent: without a key each may have become a request of its own. */
  tries: number;
  /** Ids that a 202 or a door's answer with content carried. */
  ids: string[];
  seen: { at: number; id: string; state: string }[];
  reads: Read[];
  doors: DoorAnswer[];
  /** When a cancel was answered with `cancelled`. */
  cancelledAt: number | null;
  /** When the client closed the connection of its door. */
  leftAt: number | null;
  final: { id: string; state: string; text: string | null; code: string | null } | null;
  /** What a careful client finds wrong by itself. */
  odd: string[];
}

export const KINDS = ['detached', 'resumed', 'cancelled', 'whole', 'stream', 'left'] as const;
export type Kind = (typeof KINDS)[number];

/** One reader's frames, over all its connections. */
export interface Read {
  id: string;
  frames: string[];
  connections: number;
  complete: boolean;
}

export interface DoorAnswer {
  at: number;
  id: string | null;
  status: number;
  /** All of an answer came, with the terminal mark. */
  complete: boolean;
  text: string;
  code: string | null;
}

export interface History {
  tell(kind: Kind, label: string, prompt: string, key: string | null): Told;
  all(): Told[];
}

export function createHistory(): History {
  const told: Told[] = [];
  return {
    tell(kind, label, prompt, key) {
      const one: Told = {
        label,
        kind,
        key,
        prompt,
        tries: 0,
        ids: [],
        seen: [],
        reads: [],
        doors: [],
        cancelledAt: null,
        leftAt: null,
        final: null,
        odd: [],
      };
      told.push(one);
      return one;
    },
    all: () => told,
  };
}

/** A prompt that says whose it is, and gives the vendor its orders. */
export const promptOf = (label: string, orders: string, mark = ''): string =>
  `Chaos #${label}# ${mark} says something. [[sim ${orders}]]`;

/** The label in a vendor's call or a prompt. */
export const labelIn = (text: string): string | null => /#([\w.-]+)#/.exec(text)?.[1] ?? null;
