/** The states of a request, and the moves between them. Terminal states absorb. */

export const STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired', 'blocked'] as const;
export type State = (typeof STATES)[number];

export const TERMINAL_STATES = ['succeeded', 'failed', 'cancelled', 'expired', 'blocked'] as const;
export type TerminalState = (typeof TERMINAL_STATES)[number];

/** From each state, where a request may go. `running → queued` only when a lease ends, is handed back, or a wait outlasts it. */
export const MOVES: Record<State, readonly State[]> = {
  queued: ['running', 'cancelled', 'expired', 'failed'],
  running: ['queued', 'succeeded', 'failed', 'cancelled', 'expired', 'blocked'],
  succeeded: [],
  failed: [],
  cancelled: [],
  expired: [],
  blocked: [],
};

export function isTerminal(state: State): state is TerminalState {
  return MOVES[state].length === 0;
}

/** `attached`: the caller waits on the connection. `detached`: accepted with 202, runs on. */
export type Mode = 'attached' | 'detached';

/** What happens when a vendor breaks after a visible part. */
export type FailoverMode = 'continue' | 'restart' | 'fail';
