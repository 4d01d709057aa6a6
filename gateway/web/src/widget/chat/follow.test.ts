import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Api } from '../client/api.ts';
import { followAnswer } from './follow.ts';
import { applyEvent, failedTurn, newTurn, type Turn, type Waiting } from './turn.ts';

let server: Server;
let answering: ServerResponse | undefined;
let api: Api;

beforeEach(async () => {
  vi.stubGlobal('window', new EventTarget());
  vi.stubGlobal('navigator', { onLine: true });
  server = createServer((_request, response) => {
    answering = response;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('id: 1\nevent: accepted\ndata: {"job_id":"j"}\n\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const session = { token: 'token', expires: Date.now() + 3_600_000 };
  api = new Api(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`, 'site', {
    read: () => session,
    write: () => undefined,
    withLock: async (_signal, work) => work(),
  });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Holds a turn, and what became of it. */
class Follower {
  shown: Turn = newTurn('k', 'Giá?', { url: 'https://www.example.com/', title: '' }, 0);
  readonly changes: (Waiting | 'event' | 'end')[] = [];

  constructor(private readonly afterChange: (follower: Follower) => void) {}

  turn(): Turn {
    return this.shown;
  }

  onEvent({ event, id }: { event: Parameters<typeof applyEvent>[1]; id: number | null }): void {
    this.shown = applyEvent(this.shown, event, id);
    this.changed('event');
  }

  setWaiting(waiting: Waiting): void {
    this.shown = { ...this.shown, waiting };
    this.changed(waiting);
  }

  onEnd(turn: Turn): void {
    this.shown = turn;
    this.changed('end');
  }

  private changed(change: Follower['changes'][number]): void {
    this.changes.push(change);
    this.afterChange(this);
  }
}

describe('an answer that another tab has ended', () => {
  it('stays ended when its connection breaks off here', async () => {
    const follower = new Follower((it) => {
      const accepted = it.shown;
      queueMicrotask(() => {
        it.shown = failedTurn(accepted, { kind: 'stopped' });
        answering?.destroy();
      });
    });
    await followAnswer(api, follower, new AbortController().signal);
    expect(follower.changes).toEqual(['event']);
    expect(follower.shown.waiting).toBeNull();
  });
});

describe('without a network', () => {
  it.each([
    ['a question that was not sent is announced to be sent', null, 'waitingForNetwork'],
    ['one that was sent is not', 'j', 'reconnecting'],
  ])('%s', async (_name, jobId, waiting) => {
    vi.stubGlobal('navigator', { onLine: false });
    const left = new AbortController();
    const follower = new Follower(() => {
      queueMicrotask(() => {
        left.abort();
      });
    });
    follower.shown = { ...follower.shown, jobId };
    await followAnswer(api, follower, left.signal);
    expect(follower.changes).toEqual([waiting]);
  });
});
