/** One parser for each way in which a stream is cut into events. */
import type { FrameParser, Framing, WireEvent } from '../contract/dialect.ts';
import { createAwsEventStreamParser } from './aws-eventstream.ts';
import { createNdjsonParser } from './ndjson.ts';
import { createSseParser } from './sse.ts';

/** `tail`: the input ended inside the event, so its data may be cut. */
export type FrameEvent = WireEvent & { tail: boolean };

export function createFrameParser(framing: Framing, onEvent: (event: FrameEvent) => void): FrameParser {
  switch (framing) {
    case 'sse':
      return createSseParser({ onEvent });
    case 'aws-eventstream':
      return createAwsEventStreamParser({ onEvent });
    case 'ndjson':
      return createNdjsonParser({ onEvent });
    default:
      throw new Error(`no parser for ${framing}`);
  }
}
