/** Faults that replace the answer by another HTTP response. */
import type { Fault, FaultName } from './faults.ts';
import { plainScript, type Script, type Voice } from './script.ts';

type Make = (n: number, voice: Voice, path: string) => Script;

const PAGE =
  '<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1>\n' +
  '<script>document.title = "pwned"</script></body></html>\n';

function limited(voice: Voice, ...headers: [string, string][]): Script {
  const refusal = voice.refusal(429, 'rate');
  return plainScript(429, null, refusal.body, [...refusal.headers, ...headers]);
}

function refused(status: number, voice: Voice, kind: Parameters<Voice['refusal']>[1]): Script {
  const { headers, body } = voice.refusal(status, kind);
  return plainScript(status, null, body, headers);
}

export const STATUS_TWISTS: Partial<Record<FaultName, Make>> = {
  'html-200': () => plainScript(200, 'text/html; charset=utf-8', PAGE, []),
  'error-200': (_n, voice) =>
    plainScript(200, null, voice.refusal(500, 'plain').body, voice.refusal(500, 'plain').headers),
  'status-N': (n, voice) => refused(n, voice, 'plain'),
  quota: (_n, voice) => refused(429, voice, 'quota'),
  'retry-after-N': (n, voice) => limited(voice, ['retry-after', String(n)]),
  'retry-after-ms-N': (n, voice) => limited(voice, ['retry-after-ms', String(n)]),
  // Dates have whole seconds; rounding up keeps the wait at least as long as wished.
  'retry-after-date': (n, voice) =>
    limited(voice, ['retry-after', new Date(Math.ceil(Date.now() / 1_000 + n) * 1_000).toUTCString()]),
  'ratelimit-reset': (n, voice) =>
    limited(
      voice,
      ['x-ratelimit-limit-requests', '60'],
      ['x-ratelimit-remaining-requests', '0'],
      ['x-ratelimit-reset-requests', `${n}s`],
      ['x-ratelimit-limit-tokens', '150000'],
      ['x-ratelimit-remaining-tokens', '149984'],
      ['x-ratelimit-reset-tokens', '6ms'],
    ),
  'context-too-long': (_n, voice) => refused(400, voice, 'context'),
  'content-filter': (_n, voice) => refused(400, voice, 'filter'),
  // The journal shows whoever follows it.
  'redirect-302': (_n, _voice, path) => plainScript(302, 'text/plain', 'Moved.\n', [['location', `${path}/moved`]]),
};

export function statusScript(fault: Fault, voice: Voice, path: string): Script | null {
  return STATUS_TWISTS[fault.name]?.(fault.n, voice, path) ?? null;
}
