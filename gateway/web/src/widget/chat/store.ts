import type { Session } from '../client/api.ts';
import { randomId, type Turn } from './turn.ts';

/** How many turns of a conversation are kept, and for how long after the last one. */
const MAX_TURNS = 40;
const MAX_AGE_MS = 24 * 60 * 60 * 1000;

interface ConversationHead {
  id: string;
  touched: number;
  session: Session | null;
}

/** A visitor's conversation with one site, in the browser's storage and shared by all tabs.
 *
 * Each turn has its own entry, written only by the tab that works on it, so that tabs never
 * overwrite each other's. */
export class ConversationStore {
  private readonly prefix: string;
  private storage: Storage;

  constructor(site: string, area: Storage | null) {
    this.prefix = `hoidap:${site}:`;
    this.storage = area ?? memoryStorage();
  }

  /** The conversation's id; starts a new conversation if there is none or it has expired. */
  conversation(): string {
    return this.head().id;
  }

  /** Clears the conversation and starts another. */
  reset(): void {
    this.newHead();
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

  /** Stores the turn, unless its conversation has been replaced. */
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

  /** Calls back with a turn's id when another tab wrote it, with `null` when the conversation was replaced. */
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
    return head !== null && Date.now() - head.touched < MAX_AGE_MS ? head : this.newHead();
  }

  private newHead(): ConversationHead {
    this.turnKeys().forEach((key) => {
      this.storage.removeItem(key);
    });
    const head: ConversationHead = { id: randomId(), touched: Date.now(), session: null };
    this.write('head', head);
    return head;
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

  /** If the storage is full, the oldest turns are removed; an open page still shows them. If that makes no room, this
   * page keeps the conversation in memory. */
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
        if (oldest === undefined) this.moveToMemory();
        else this.storage.removeItem(oldest);
      }
    }
  }

  private moveToMemory(): void {
    const memory = memoryStorage();
    for (const key of Object.keys(this.storage)) {
      const value = key.startsWith(this.prefix) ? this.storage.getItem(key) : null;
      if (value !== null) memory.setItem(key, value);
    }
    this.storage = memory;
  }
}

/** The browser's storage of this kind, or `null` if it is disabled. */
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

/** In-memory storage. Like in `Storage`, entries are own properties. */
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
