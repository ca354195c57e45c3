/**
 * Everything the simulator can do wrong, as data: the command line lists it, the documents print it.
 *
 * A name that ends in `-N` takes a number (`cut-after-40`); so does any row with an `n`, which is the number used
 * when none is given. `-N` counts tokens unless the title says otherwise.
 */
export interface FaultRow {
  title: string;
  /** Where it acts: instead of an answer, on what is said, or on how it is sent. */
  stage: 'status' | 'answer' | 'script';
  /** The answer is complete all the same: a good client takes it as a success. */
  whole: boolean;
  n?: number;
}

const broken = (stage: FaultRow['stage'], title: string, n?: number): FaultRow => ({
  title,
  stage,
  whole: false,
  ...(n === undefined ? {} : { n }),
});
const odd = (stage: FaultRow['stage'], title: string, n?: number): FaultRow => ({
  ...broken(stage, title, n),
  whole: true,
});

export const FAULTS = {
  // The stream breaks off.
  'cut-after-N': broken('script', 'the socket is cut after N tokens', 10),
  'end-after-N': broken('script', 'the stream ends cleanly after N tokens, without a terminal signal', 10),
  'cut-in-json': broken('script', 'the body ends cleanly in the middle of a JSON object'),
  'done-only': broken('script', 'nothing but [DONE]'),
  'empty-200': broken('script', 'status 200 and no body'),
  'no-blank-line': odd('script', 'the last event carries the finish reason and lacks its blank line; no [DONE]'),
  'no-done': odd('script', 'finish reason, then the end without [DONE]'),
  // Something else than an answer, with status 200.
  'html-200': broken('status', 'an HTML page with status 200'),
  'error-200': broken('status', 'a JSON error object with status 200'),
  'whole-json': odd('answer', 'one JSON completion although a stream was asked for'),
  // The vendor gives up in mid-stream.
  'error-after-N': broken('script', 'data: {"error": …} after N tokens, then a clean end', 10),
  'event-error-after-N': broken('script', 'event: error after N tokens, then a clean end', 10),
  'finish-error': broken('answer', 'finish_reason "error" after half of the answer'),
  'bad-json-after-N': broken('script', 'a complete event that is not JSON after N tokens, then all goes on', 10),
  'mega-line': broken('script', 'one line of N megabytes', 16),
  // The same answer in unusual bytes.
  'slice-bytes': odd('script', 'each byte in a write of its own'),
  'slice-utf8': odd('script', 'writes that end inside a UTF-8 character'),
  crlf: odd('script', 'lines end in CR LF'),
  cr: odd('script', 'lines end in CR alone'),
  bom: odd('script', 'a byte order mark first'),
  'comments-between': odd('script', 'keep-alive comments between and inside events'),
  'multiline-data': odd('script', 'the JSON of an event spread over several data lines'),
  'unknown-events': odd('script', 'events and fields that nobody knows between the others'),
  'wrong-content-type': odd('script', 'a stream that calls itself application/json (a JSON body: text/event-stream)'),
  'no-content-type': odd('script', 'no content type'),
  'short-body': odd('script', 'content-length is 1,000 larger than the body; cut after the terminal signal'),
  'after-terminal': odd('script', 'more text after the terminal signal and after [DONE]'),
  linger: odd('script', 'the socket stays open after the last byte'),
  'slow-body': odd('script', 'the body trickles: 256 bytes, then N ms', 25),
  surrogates: odd('answer', 'an emoji split over two chunks, as \\ud83d and \\ude00'),
  'nul-in-text': odd('answer', 'a NUL character in the text'),
  // Usage.
  'usage-missing': odd('answer', 'no usage although it was asked for'),
  'usage-every-chunk': odd('answer', 'running totals in every chunk'),
  'usage-no-choices': odd('answer', 'usage in a chunk without the field choices'),
  'usage-null': odd('answer', 'usage is null where it should be'),
  'usage-negative': odd('answer', 'negative token counts'),
  'usage-absurd': odd('answer', 'token counts that cannot be true'),
  // Statuses.
  'status-N': broken('status', 'HTTP status N (400 to 599)', 500),
  quota: broken('status', '429 insufficient_quota: the account is used up'),
  'retry-after-N': broken('status', '429 with retry-after in N seconds', 1),
  'retry-after-ms-N': broken('status', '429 with retry-after-ms of N', 500),
  'retry-after-date': broken('status', '429 with retry-after as a date N seconds from now', 2),
  'ratelimit-reset': broken('status', '429 with x-ratelimit-reset-* of N seconds and no retry-after', 2),
  'context-too-long': broken('status', '400 context_length_exceeded'),
  'content-filter': broken('status', '400 content_filter: the prompt was refused'),
  'content-filter-finish': odd('answer', 'finish_reason content_filter after half of the answer'),
  'redirect-302': broken('status', 'a redirect to another address of this server'),
  // Silence.
  'no-headers': broken('script', 'never answers'),
  'no-first-token': broken('script', 'headers, then silence'),
  'stall-after-N': broken('script', 'silence after N tokens, the socket stays open', 10),
  comments: broken('script', 'only keep-alive comments, forever'),
  reset: broken('script', 'the socket is reset before any header'),
  // Tools.
  'tool-args-cut': odd('answer', 'a tool call whose arguments stop half-way'),
  'tool-args-invalid': odd('answer', 'a tool call whose arguments are not JSON'),
} as const satisfies Record<string, FaultRow>;

export type FaultName = keyof typeof FAULTS;

export interface Fault {
  /** The row's key in the table. */
  name: FaultName;
  n: number;
  row: FaultRow;
  /** As it was asked for, e.g. `cut-after-40`. */
  asked: string;
}

/** The name without its number: `cut-after-N` → `cut-after`. */
function stemOf(name: string): string {
  return name.endsWith('-N') ? name.slice(0, -2) : name;
}

const BY_STEM: ReadonlyMap<string, FaultName> = new Map(
  (Object.keys(FAULTS) as FaultName[]).map((name) => [stemOf(name), name]),
);

/** Null for a name that is not in the table, or a number that the row does not take. */
export function parseFault(asked: string): Fault | null {
  const plain = BY_STEM.get(asked);
  if (plain !== undefined) {
    const row: FaultRow = FAULTS[plain];
    return { name: plain, n: row.n ?? 0, row, asked };
  }
  const match = /^(.+)-(\d{1,9})$/.exec(asked);
  const name = match?.[1] === undefined ? undefined : BY_STEM.get(match[1]);
  if (name === undefined) return null;
  const row: FaultRow = FAULTS[name];
  const n = Number(match?.[2]);
  if (row.n === undefined || (name === 'status-N' && (n < 400 || n > 599))) return null;
  return { name, n, row, asked };
}

export function faultNames(): string[] {
  return Object.keys(FAULTS);
}
