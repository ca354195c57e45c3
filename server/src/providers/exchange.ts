/** One call on the wire: what it is told, and what can be done to it. */
import type { Dispatcher } from 'undici';
import type { ProviderFailure } from '../contract/part.ts';
import { classify, type RawHeaders } from './headers.ts';

export interface UpstreamHandler {
  head(status: number, headers: RawHeaders): void;
  data(chunk: Buffer): void;
  end(): void;
  /** The connection failed. `sent` is false when nothing can have reached the vendor. */
  error(failure: ProviderFailure, sent: boolean): void;
}

export interface Upstream {
  /** The call is on its way: the vendor may have it. */
  readonly begun: boolean;
  pause(): void;
  resume(): void;
  /** Closes the socket. The handler hears nothing more. */
  abort(): void;
}

const CLOSED = new Error('closed by us');

/** One call and its answer. A class, because there is one for every attempt on the hot path. */
export class Exchange implements Upstream, Dispatcher.DispatchHandler {
  readonly #handler: UpstreamHandler;
  #controller: Dispatcher.DispatchController | null = null;
  #over = false;
  #paused = false;

  constructor(handler: UpstreamHandler) {
    this.#handler = handler;
  }

  get over(): boolean {
    return this.#over;
  }

  /** It never left. */
  refuse(failure: ProviderFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.error(failure, false);
  }

  get begun(): boolean {
    return this.#controller !== null;
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.abort(CLOSED);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Whoever gave up while the connection was made must not be sent for.
    if (this.#over) controller.abort(CLOSED);
    else if (this.#paused) controller.pause();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: RawHeaders): void {
    if (!this.#over && status >= 200) this.#handler.head(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#over) this.#handler.data(chunk);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.error(classify(error), this.#controller !== null);
  }
}
