/** What `goblin ask` shows: the answer on standard output, everything about it on standard error. */
import { once } from 'node:events';
import type { FrameBody } from '../../contract/part.ts';

type Out = NodeJS.WriteStream;

export interface Screen {
  /** What is going on until the first text: `queued`, `openai/gpt-… is thinking`. Shown to people only. */
  waiting(state: string): void;
  /** Resolves when the output takes more. */
  frame(frame: FrameBody): Promise<void>;
  /** A line about the answer. */
  say(line: string): void;
  /** Ends the answer's last line and takes the live line away. */
  close(): void;
}

const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const TICK_MS = 100;
/** Everything a terminal would obey, except line ends and tabs: a model's words must not move the cursor. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** `quiet`: the answer's text is not written (its JSON comes at the end). */
export function createScreen(out: Out, err: Out, quiet: boolean, env: Record<string, string | undefined>): Screen {
  const colour = err.isTTY && !env.NO_COLOR && env.TERM !== 'dumb';
  const dim = (text: string) => (colour ? `\u001b[2m${text}\u001b[22m` : text);
  const plain = (text: string, to: Out) => (to.isTTY ? text.replace(CONTROL, '') : text);
  const began = performance.now();
  let state = '';
  let live = false;
  let ticks = 0;
  let timer: NodeJS.Timeout | null = null;
  /** Whether a line is open, and where. */
  let open: 'text' | 'reasoning' | null = null;
  let shown = false;
  const calls = new Map<number, { name: string; arguments: string }>();

  function draw(): void {
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const line = `${SPINNER[ticks++ % SPINNER.length]} ${state}  ${seconds} s`;
    err.write(`\r\u001b[2K${dim(line.slice(0, (err.columns || 80) - 1))}`);
    live = true;
  }

  function clear(): void {
    if (timer) clearInterval(timer);
    timer = null;
    if (live) err.write('\r\u001b[2K');
    live = false;
  }

  /** Leaves a line that text or reasoning has begun. */
  function newLine(): void {
    if (open === 'text') out.write('\n');
    if (open === 'reasoning') err.write('\n');
    open = null;
  }

  function say(line: string): void {
    clear();
    newLine();
    err.write(`${plain(line, err)}\n`);
  }

  function tellCalls(): void {
    for (const call of calls.values()) say(`tool call ${call.name}(${call.arguments})`);
    calls.clear();
  }

  async function text(piece: string): Promise<void> {
    shown = true;
    if (quiet) return;
    clear();
    if (open === 'reasoning') newLine();
    open = piece.endsWith('\n') ? null : 'text';
    if (!out.write(plain(piece, out))) await once(out, 'drain');
  }

  function reasoning(piece: string): void {
    if (!err.isTTY || quiet) return;
    clear();
    if (open === 'text') newLine();
    open = 'reasoning';
    err.write(dim(plain(piece, err)));
  }

  function restart(reason: string): void {
    tellCalls();
    if (!shown) return;
    shown = false;
    say(`-- the answer starts again (${reason}); forget what stands above --`);
    // What went into a pipe cannot be taken back, and whoever reads it does not see standard error.
    if (!quiet && !out.isTTY) out.write(`\n[The text above was broken off (${reason}). The answer starts again.]\n\n`);
  }

  function waiting(next: string): void {
    state = next;
    if (!err.isTTY || open !== null) return;
    draw();
    timer ??= setInterval(draw, TICK_MS).unref();
  }

  return {
    waiting,
    async frame(frame) {
      if (frame.type === 'text') await text(frame.text);
      else if (frame.type === 'reasoning') reasoning(frame.text);
      else if (frame.type === 'attempt') {
        const again = frame.attempt > 1 ? `, attempt ${frame.attempt}: ${frame.reason}` : '';
        waiting(`waiting for ${frame.provider}/${frame.model}${again}`);
      } else if (frame.type === 'restart') restart(frame.reason);
      else if (frame.type === 'tool_call') {
        const call = calls.get(frame.index) ?? { name: '', arguments: '' };
        if (frame.name) call.name = frame.name;
        call.arguments += frame.arguments;
        calls.set(frame.index, call);
        shown = true;
        waiting(`calling ${call.name}`);
      } else if (frame.type === 'notice' && err.isTTY) say(dim(`${frame.code}: ${frame.detail}`));
      else if (frame.type === 'end') tellCalls();
    },
    say,
    close() {
      clear();
      newLine();
    },
  };
}
