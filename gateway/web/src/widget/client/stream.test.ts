import { describe, expect, it } from 'vitest';

import { StreamError, type NumberedEvent, readEvents } from './stream.ts';

/** A response's body that arrives in these pieces. */
function body(...pieces: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

async function all(stream: ReadableStream<Uint8Array>): Promise<NumberedEvent[]> {
  const read: NumberedEvent[] = [];
  for await (const event of readEvents(stream)) read.push(event);
  return read;
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe('the events of a stream', () => {
  it('are the same however the bytes are cut, within a letter too', async () => {
    const sent = bytes(
      ': alive\n\nid: 1\nevent: accepted\ndata: {"job_id":"j"}\n\nid: 2\nevent: delta\ndata: {"text":"Gói Cơ bản"}\n\n',
    );
    const whole = await all(body(sent));
    expect(whole).toEqual([
      { id: 1, event: { type: 'accepted', jobId: 'j' } },
      { id: 2, event: { type: 'delta', text: 'Gói Cơ bản' } },
    ]);
    expect(await all(body(...Array.from(sent, (byte) => Uint8Array.of(byte))))).toEqual(whole);
  });

  it('include a draft with its citations', async () => {
    const draft = '{"text":"Gói Pro [1]","citations":[{"n":1,"chunk_id":"c","answer_start":0}]}';
    expect(await all(body(bytes(`id: 3\nevent: draft\ndata: ${draft}\n\n`)))).toEqual([
      { id: 3, event: { type: 'draft', text: 'Gói Pro [1]', citations: [{ n: 1, chunkId: 'c' }] } },
    ]);
  });

  it('of unknown types are skipped', async () => {
    expect(
      await all(body(bytes('id: 1\nevent: mood\ndata: {}\n\nid: 2\nevent: delta\ndata: {"text":"a"}\n\n'))),
    ).toEqual([{ id: 2, event: { type: 'delta', text: 'a' } }]);
  });

  it('that end in the middle are not delivered', async () => {
    expect(await all(body(bytes('id: 1\nevent: delta\ndata: {"text":"a"')))).toEqual([]);
  });

  it('that are not JSON break the stream', async () => {
    await expect(all(body(bytes('event: delta\ndata: {"text"\n\n')))).rejects.toThrow(StreamError);
  });

  it('have fields of the expected kind, whatever is sent', async () => {
    const sent = '{"job_id":7,"response":null,"sources":[{"metadata":{"url":"javascript:alert(1)"}}],"citations":"x"}';
    expect(await all(body(bytes(`id: -3\nevent: done\ndata: ${sent}\n\n`)))).toEqual([
      {
        id: null,
        event: {
          type: 'done',
          answer: {
            jobId: '',
            text: '',
            outcome: '',
            language: '',
            sources: [{ title: '', url: null, headings: [], content: '', chunkId: '' }],
            citations: [],
            choices: [],
          },
        },
      },
    ]);
  });
});
