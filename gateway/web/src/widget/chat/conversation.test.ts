import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { Api } from '../client/api.ts';
import { Conversation } from './conversation.ts';
import { ConversationStore, memoryStorage } from './store.ts';
import { failedTurn, type Turn } from './turn.ts';

const PAGE = { url: 'https://www.example.com/', title: '' };

let server: Server;
let area: Storage;
let conversation: Conversation;
let left: AbortController;
/** The turn as it is shown. */
let shown: Turn | undefined;
/** The requests that the gateway has not answered in full. */
let chats: ServerResponse[];
let feedback: ServerResponse | undefined;

beforeEach(async () => {
  vi.stubGlobal('window', new EventTarget());
  vi.stubGlobal('navigator', { onLine: true });
  [area, left, shown, chats, feedback] = [memoryStorage(), new AbortController(), undefined, [], undefined];
  server = createServer((request, response) => {
    if (request.url?.endsWith('/feedback')) {
      feedback = response;
      return;
    }
    chats.push(response);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    send(response, 1, 'accepted', { job_id: 'j' });
    send(response, 2, 'delta', { text: 'Gói Pro' });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const session = { token: 'token', expires: Date.now() + 3_600_000 };
  const api = new Api(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`, 'site', {
    read: () => session,
    write: () => undefined,
    withLock: async (_signal, work) => work(),
  });
  const listener = {
    onTurnChange: (turn: Turn) => {
      shown = turn;
    },
    onTurnEnd: () => undefined,
    onReplace: () => undefined,
  };
  conversation = new Conversation(api, new ConversationStore('site', area), 'site', listener, left.signal);
});
afterEach(async () => {
  left.abort();
  vi.unstubAllGlobals();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function send(response: ServerResponse | undefined, id: number, event: string, data: object): void {
  response?.write(`id: ${String(id)}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** Longer than a busy machine needs. */
const PATIENCE = { timeout: 4_000 };

async function turnWith(part: Partial<Turn>): Promise<Turn> {
  return vi.waitFor(() => {
    expect(shown).toMatchObject(part);
    return shown ?? expect.unreachable();
  }, PATIENCE);
}

/** Another tab stores a turn. */
function storeElsewhere(turn: Turn): void {
  new ConversationStore('site', area).save(turn);
  window.dispatchEvent(Object.assign(new Event('storage'), { storageArea: area, key: `hoidap:site:turn:${turn.id}` }));
}

it('keeps its part of an answer that another tab stops, and follows it no further once that tab ends it', async () => {
  conversation.ask('Giá?', PAGE);
  const turn = await turnWith({ text: 'Gói Pro' });
  storeElsewhere({ ...turn, text: '', lastEvent: 1, waiting: 'stopping' });
  expect(shown).toMatchObject({ text: 'Gói Pro', lastEvent: 2, waiting: 'stopping' });
  storeElsewhere(failedTurn(turn, { kind: 'stopped' }));
  const [chat] = chats;
  const closed = once(chat ?? expect.unreachable(), 'close');
  send(chat, 3, 'delta', { text: ' giá 39.000 đ.' });
  await closed;
  expect(shown).toMatchObject({ text: 'Gói Pro', waiting: null, failure: { kind: 'stopped' } });
});

it('does not show feedback under an answer that it was not about', async () => {
  conversation.ask('Giá?', PAGE);
  await turnWith({ text: 'Gói Pro' });
  send(chats[0], 3, 'done', { job_id: 'j', response: 'Gói Pro', outcome: 'stopped' });
  const { id } = await turnWith({ waiting: null });
  const rated = conversation.rate(id, { rating: 'up' });
  const response = await vi.waitFor(() => feedback ?? expect.unreachable(), PATIENCE);
  conversation.retry(id);
  response.writeHead(202).end();
  await rated;
  expect(shown).toMatchObject({ feedback: null });
});
