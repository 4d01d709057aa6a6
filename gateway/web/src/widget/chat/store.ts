import type { Session } from '../client/api.ts';
import { randomId, type Turn } from './turn.ts';

/** Turns kept of a conversation, and how long it is kept after the last one. */
const MAX_TURNS = 40;
const MAX_AGE_MS = 24 * 60 * 60 * 1000;

interface ConversationHead {
  id: string;
  touched: number;
  session: Session | null;
}

/** A visitor's conversation with one site, in the browser's storage: the same in all of its tabs.
 *
 * Every turn has an entry of its own, which only the tab that works on it writes. So two tabs never
 * overwrite each other's. */
export class ConversationStore {
  private readonly prefix: string;
  private readonly storage: Storage;

  constructor(site: string, area: Storage | null) {
    this.prefix = `hoidap:${site}:`;
    this.storage = area ?? memoryStorage();
  }

  /** The conversation's name; a new one where there is none, or only one of long ago. */
  conversation(): string {
    return this.head().id;
  }

  /** Forgets the conversation and begins another. */
  reset(): string {
    this.turnKeys().forEach((key) => {
      this.storage.removeItem(key);
    });
    const head: ConversationHead = { id: randomId(), touched: Date.now(), session: null };
    this.write('head', head);
    return head.id;
  }

  session(): Session | null {
    return this.head().session;
  }

  setSession(session: Session): void {
    this.write('head', { ...this.head(), session });
  }

  /** The conversation's turns, oldest first. */
  turns(): Turn[] {
    const conversation = this.conversation();
    return this.turnKeys()
      .sort()
      .map((key) => this.read(key) as Turn | null)
      .filter((turn) => turn?.conversation === conversation) as Turn[];
  }

  turn(id: string): Turn | null {
    return this.read(`${this.prefix}turn:${id}`) as Turn | null;
  }

  /** Keeps the turn, unless its conversation was left meanwhile. */
  save(turn: Turn): void {
    const head = this.head();
    if (turn.conversation !== head.id) return;
    this.write('head', { ...head, touched: Date.now() });
    this.write(`turn:${turn.id}`, turn);
    const old = this.turnKeys().sort().slice(0, -MAX_TURNS);
    old.forEach((key) => {
      this.storage.removeItem(key);
    });
  }

  /** Calls back with the turn's id when another tab wrote it, with `null` when another conversation began. */
  onExternalChange(listener: (turn: string | null) => void, signal: AbortSignal): void {
    const onStorage = (event: StorageEvent) => {
      if (event.storageArea !== this.storage) return;
      const turn = `${this.prefix}turn:`;
      if (event.key?.startsWith(turn)) listener(event.key.slice(turn.length));
      else if (event.key === null || event.key === `${this.prefix}head`) listener(null);
    };
    window.addEventListener('storage', onStorage, { signal });
  }

  private head(): ConversationHead {
    const head = this.read(`${this.prefix}head`) as ConversationHead | null;
    if (head !== null && Date.now() - head.touched < MAX_AGE_MS) return head;
    this.reset();
    return this.head();
  }

  private turnKeys(): string[] {
    return Object.keys(this.storage).filter((key) => key.startsWith(`${this.prefix}turn:`));
  }

  private read(key: string): unknown {
    try {
      return JSON.parse(this.storage.getItem(key) ?? 'null');
    } catch {
      return null;
    }
  }

  /** A full storage loses the oldest turns; the page that is open still shows them. */
  private write(name: string, value: unknown): void {
    const key = this.prefix + name;
    const text = JSON.stringify(value);
    for (;;) {
      try {
        this.storage.setItem(key, text);
        return;
      } catch {
        const oldest = this.turnKeys()
          .sort()
          .find((turn) => turn !== key);
        if (oldest === undefined) return;
        this.storage.removeItem(oldest);
      }
    }
  }
}

/** The browser's storage of this kind, or `null` where it is switched off. */
export function browserStorage(kind: 'localStorage' | 'sessionStorage'): Storage | null {
  try {
    const area = window[kind];
    area.setItem('hoidap', '');
    area.removeItem('hoidap');
    return area;
  } catch {
    return null;
  }
}

/** Keeps entries until the page is left. Entries are its own properties, as a browser's storage has them. */
export function memoryStorage(): Storage {
  const methods = {
    getItem(this: Record<string, string>, key: string) {
      return this[key] ?? null;
    },
    setItem(this: Record<string, string>, key: string, value: string) {
      this[key] = value;
    },
    removeItem(this: Record<string, string>, key: string) {
      Reflect.deleteProperty(this, key);
    },
  };
  return Object.create(methods) as Storage;
}
