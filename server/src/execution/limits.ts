/** What one attempt waits for and keeps, at most. */

/** After the terminal signal only usage is still read, this long at most. */
export const AFTER_TERMINAL_MS = 2000;
export const MAX_ERROR_BODY = 64 * 1024;
export const MAX_WHOLE_BODY = 64 * 1024 * 1024;
