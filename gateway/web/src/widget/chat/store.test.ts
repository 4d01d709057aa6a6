import { describe, expect, it } from 'vitest';

import { ConversationStore, memoryStorage } from './store.ts';
import { newTurn } from './turn.ts';

const PAGE = { url: 'https://www.example.com/', title: '' };
const SESSION = { token: 'token', expires: Date.now() + 3_600_000 };

/** A browser's storage in which values of this many characters fit. */
function storageWithRoom(room: number): Storage {
  const storage = memoryStorage();
  const methods = {
    setItem(this: Record<string, string>, key: string, value: string) {
      const rest = Object.entries(this).filter(([other]) => other !== key);
      if (rest.reduce((sum, [, other]) => sum + other.length, value.length) > room)
        throw new DOMException('There is no room.', 'QuotaExceededError');
      this[key] = value;
    },
  };
  return Object.create(Object.assign(Object.create(storage), methods) as object) as Storage;
}

function turn(store: ConversationStore, words: string, now: number) {
  return newTurn(store.conversation(), words, PAGE, now);
}

describe('a storage', () => {
  it('without any room leaves the conversation to the page', () => {
    const store = new ConversationStore('site', storageWithRoom(10));
    const id = store.conversation();
    expect(store.conversation()).toBe(id);
    store.setSession(SESSION);
    expect(store.session()).toEqual(SESSION);
    const asked = turn(store, 'Giá?', 1);
    store.save(asked);
    expect(store.turns()).toEqual([asked]);
    store.reset();
    expect(store.conversation()).not.toBe(id);
    expect(store.turns()).toEqual([]);
  });

  it('without room for a turn keeps the conversation and its session', () => {
    const store = new ConversationStore('site', storageWithRoom(1_000));
    const id = store.conversation();
    store.setSession(SESSION);
    const long = turn(store, 'ơ'.repeat(2_000), 1);
    store.save(long);
    expect(store.conversation()).toBe(id);
    expect(store.session()).toEqual(SESSION);
    expect(store.turns()).toEqual([long]);
  });

  it('that is full loses the oldest turns', () => {
    const area = storageWithRoom(2_500);
    const store = new ConversationStore('site', area);
    const turns = [1, 2, 3].map((now) => turn(store, 'ơ'.repeat(500), now));
    turns.forEach((asked) => {
      store.save(asked);
    });
    expect(store.turns()).toEqual(turns.slice(1));
    expect(new ConversationStore('site', area).turns(), 'on the next page').toEqual(turns.slice(1));
  });
});
