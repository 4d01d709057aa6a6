import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Api, type Session, type SessionStore } from './api.ts';
import type { NumberedEvent } from './stream.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const PAGE = { url: 'https://www.example.com/', title: '' };
const ANSWER = { job_id: 'j', response: 'Gói Pro', outcome: 'answered' };

let server: Server;
let base: string;
/** What the gateway does with a request for a session, and with a question. */
let onSession: Handler;
let onChat: Handler;

beforeEach(async () => {
  onSession = (_request, response) => {
    json(response, 201, { token: 'first', expires_in: 3600 });
  };
  onChat = (_request, response) => {
    json(response, 200, ANSWER);
  };
  server = createServer((request, response) => {
    (request.url === '/api/sessions' ? onSession : onChat)(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
});
afterEach(async () => {
  vi.restoreAllMocks();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** A session with a lock, as the tabs of a browser share them. */
function sharedSession(): SessionStore {
  let session: Session | null = null;
  let last: Promise<unknown> = Promise.resolve();
  return {
    read: () => session,
    write: (written) => {
      session = written;
    },
    withLock: async (_signal, work) => {
      const mine = last.then(work, work);
      last = mine;
      return mine;
    },
  };
}

async function ask(api: Api, signal = new AbortController().signal): Promise<NumberedEvent[]> {
  const events: NumberedEvent[] = [];
  for await (const event of api.ask('Giá?', PAGE, 'key', signal)) events.push(event);
  return events;
}

describe('a gateway that takes a request for a session and never answers', () => {
  it('is given up when the visitor stops, and the next question opens the session', async () => {
    const api = new Api(base, 'site', sharedSession());
    const stop = new AbortController();
    const asked = onSession;
    onSession = () => {
      stop.abort();
    };
    await expect(ask(api, stop.signal)).rejects.toThrow();
    onSession = asked;
    expect(await ask(api)).toMatchObject([{ event: { type: 'done', answer: { text: 'Gói Pro' } } }]);
  });

  it('is given up after a time, so that other tabs can go on', async () => {
    const time = new AbortController();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(time.signal);
    const sessions = sharedSession();
    const [one, other] = [new Api(base, 'site', sessions), new Api(base, 'site', sessions)];
    const asked = onSession;
    onSession = () => {
      timeout.mockRestore();
      onSession = asked;
      time.abort();
    };
    const first = expect(ask(one)).rejects.toThrow();
    expect(await ask(other)).toHaveLength(1);
    await first;
  });
});

it('renews a session that the gateway rejects, once', async () => {
  const tokens: (string | undefined)[] = [];
  const sessions = sharedSession();
  const api = new Api(base, 'site', sessions);
  onChat = (request, response) => {
    tokens.push(request.headers.authorization);
    onSession = (_request, renewed) => {
      json(renewed, 201, { token: `${String(tokens.length)} times`, expires_in: 3600 });
    };
    json(response, 401, { status: 401, code: 'unauthorized' });
  };
  await expect(ask(api)).rejects.toMatchObject({ problem: { status: 401 } });
  expect(tokens).toEqual(['Bearer first', 'Bearer 1 times']);
});
