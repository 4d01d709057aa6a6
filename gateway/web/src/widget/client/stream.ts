import { createParser } from 'eventsource-parser';
import { type AnswerEvent, readEvent } from './wire.ts';

/** An event with its number in the stream, from which it can be resumed. */
export interface NumberedEvent {
  id: number | null;
  event: AnswerEvent;
}

/** Maximum length of an event, in characters. */
const MAX_EVENT_CHARS = 4_000_000;
/** A connection silent for longer counts as dead: the gateway sends a keep-alive every ten seconds. */
const MAX_SILENCE_MS = 25_000;

/** The stream was malformed, broke off or timed out before its last event. */
export class StreamError extends Error {}

/** Reads the events of a response until its body ends. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<NumberedEvent> {
  const queue: NumberedEvent[] = [];
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent(message) {
      const event = readEvent(message.event ?? '', parse(message.data));
      const id = Number(message.id);
      if (event !== null) queue.push({ id: Number.isSafeInteger(id) && id > 0 ? id : null, event });
    },
    onError(error) {
      if (error.type !== 'unknown-field' && error.type !== 'invalid-retry') throw new StreamError(error.message);
    },
  });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await readWithTimeout(reader);
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* queue.splice(0);
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

async function readWithTimeout(reader: ReadableStreamDefaultReader<Uint8Array>) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new StreamError('nothing arrives any more'));
    }, MAX_SILENCE_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } finally {
    clearTimeout(timer);
  }
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    throw new StreamError('an event is not JSON');
  }
}
