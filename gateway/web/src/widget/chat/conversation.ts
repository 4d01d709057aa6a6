import { type Api, type Feedback } from '../client/api.ts';
import type { PageContext } from '../page/context.ts';
import { follow } from './follow.ts';
import { alone } from './lock.ts';
import type { Store } from './store.ts';
import { afterEvent, askedAgain, asksBack, failed, newTurn, type Turn, type Waiting } from './turn.ts';

/** What a conversation tells the one who shows it. */
export interface Watcher {
  /** A turn is new, or other than before. */
  changed(turn: Turn): void;
  /** An answer that was awaited here is complete, or will not come. */
  ended(turn: Turn): void;
  /** Another conversation began: these are its turns. */
  replaced(turns: Turn[]): void;
}

/** How often an answer in the making is stored. */
const STORE_EVERY_MS = 250;
/** How long a stop may take before the answer is left as it is; shorter while the gateway has not told the job's name. */
const STOP_WITHIN_MS = 4_000;
const STOP_UNKNOWN_WITHIN_MS = 1_500;

/** The visitor's conversation: asks, follows answers, and keeps both. */
export class Conversation {
  private readonly turns = new Map<string, Turn>();
  private readonly running = new Map<string, AbortController>();
  private readonly unsaved = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly api: Api,
    private readonly store: Store,
    private readonly site: string,
    private readonly watcher: Watcher,
    signal: AbortSignal,
  ) {
    store.onForeign((id) => {
      this.foreign(id);
    }, signal);
    window.addEventListener(
      'pagehide',
      () => {
        this.saveAll();
      },
      { signal },
    );
    signal.addEventListener('abort', () => {
      this.saveAll();
      this.leave();
    });
  }

  /** Shows what is stored, and follows what was not answered when the last page was left. */
  load(): void {
    this.leave();
    const turns = this.store.turns();
    turns.forEach((turn) => this.turns.set(turn.id, turn));
    this.watcher.replaced(turns);
    turns.forEach((turn) => {
      if (turn.waiting !== null) this.run(turn.id);
      if (turn.waiting === 'stopping') this.stopTurn(turn);
    });
  }

  /** Whether an answer is awaited. */
  get busy(): boolean {
    return [...this.turns.values()].some((turn) => turn.waiting !== null);
  }

  ask(question: string, page: PageContext): void {
    for (const open of [...this.turns.values()].filter(asksBack)) this.put({ ...open, chosen: question }, true);
    const turn = newTurn(this.store.conversation(), question, page, Date.now());
    this.put(turn, true);
    this.run(turn.id);
  }

  retry(id: string): void {
    const turn = this.turns.get(id);
    if (turn?.waiting !== null) return;
    this.put(askedAgain(turn), true);
    this.run(id);
  }

  /** Stops every answer in the making. */
  stop(): void {
    for (const turn of this.turns.values()) {
      if (turn.waiting !== null && turn.waiting !== 'stopping') this.stopTurn(turn);
    }
  }

  /** Forgets the conversation, here and in the visitor's other tabs. */
  startAnew(): void {
    for (const turn of this.turns.values()) {
      if (turn.waiting !== null && turn.jobId !== null) this.sendStop(turn.jobId);
    }
    this.leave();
    this.store.begin();
    this.watcher.replaced([]);
  }

  /** Tells the gateway what the visitor thinks of an answer. */
  async rate(id: string, feedback: Feedback): Promise<void> {
    const turn = this.turns.get(id);
    if (turn?.jobId == null) return;
    await this.api.feedback(turn.jobId, feedback);
    const now = this.turns.get(id);
    if (now !== undefined) this.put({ ...now, feedback }, true);
  }

  private stopTurn(turn: Turn): void {
    this.put({ ...turn, waiting: 'stopping' }, true);
    if (turn.jobId !== null) this.sendStop(turn.jobId);
    const within = turn.jobId === null ? STOP_UNKNOWN_WITHIN_MS : STOP_WITHIN_MS;
    setTimeout(() => {
      this.giveUp(turn.id, turn.key);
    }, within);
  }

  private run(id: string): void {
    if (this.running.has(id)) return;
    const controller = new AbortController();
    this.running.set(id, controller);
    void alone(`hoidap:${this.site}:${id}`, controller.signal, async () => {
      // Another tab may have followed the answer until now.
      const stored = this.store.turn(id);
      if (stored !== null && isLater(stored, this.turns.get(id))) this.show(stored);
      await follow(this.api, this.follower(id), controller.signal);
    }).finally(() => {
      if (this.running.get(id) === controller) this.running.delete(id);
    });
  }

  private follower(id: string) {
    const turn = () => this.turns.get(id) ?? missing();
    return {
      turn,
      heard: ({ event, id: number }: { event: Parameters<typeof afterEvent>[1]; id: number | null }) => {
        const before = turn();
        const after = afterEvent(before, event, number);
        if (event.type === 'accepted' && before.waiting === 'stopping') this.sendStop(event.jobId);
        this.put(after, event.type === 'accepted' || after.waiting === null);
        if (after.waiting === null) this.watcher.ended(after);
      },
      waitFor: (what: Waiting) => {
        if (turn().waiting !== 'stopping') this.put({ ...turn(), waiting: what }, false);
      },
      end: (ended: Turn) => {
        this.put(ended, true);
        this.watcher.ended(ended);
      },
    };
  }

  private sendStop(jobId: string): void {
    this.api.stop(jobId).catch(() => undefined);
  }

  /** Leaves the answer as it is when stopping it is not confirmed. */
  private giveUp(id: string, key: string): void {
    const turn = this.turns.get(id);
    if (turn?.waiting !== 'stopping' || turn.key !== key) return;
    this.running.get(id)?.abort();
    this.running.delete(id);
    const ended = failed(turn, { kind: 'stopped' });
    this.put(ended, true);
    this.watcher.ended(ended);
  }

  private put(turn: Turn, now: boolean): void {
    this.show(turn);
    if (now) this.save(turn.id);
    else if (!this.unsaved.has(turn.id))
      this.unsaved.set(
        turn.id,
        setTimeout(() => {
          this.save(turn.id);
        }, STORE_EVERY_MS),
      );
  }

  private show(turn: Turn): void {
    this.turns.set(turn.id, turn);
    this.watcher.changed(turn);
  }

  private save(id: string): void {
    clearTimeout(this.unsaved.get(id));
    this.unsaved.delete(id);
    const turn = this.turns.get(id);
    if (turn !== undefined) this.store.save(turn);
  }

  private saveAll(): void {
    [...this.unsaved.keys()].forEach((id) => {
      this.save(id);
    });
  }

  private leave(): void {
    this.running.forEach((controller) => {
      controller.abort();
    });
    this.unsaved.forEach(clearTimeout);
    [this.running, this.unsaved, this.turns].forEach((map) => {
      map.clear();
    });
  }

  /** What another tab of the visitor did. */
  private foreign(id: string | null): void {
    const [first] = this.turns.values();
    if (id === null) {
      if (first !== undefined && first.conversation !== this.store.conversation()) this.load();
      return;
    }
    const turn = this.store.turn(id);
    if (turn?.conversation !== this.store.conversation()) return;
    this.show(turn);
    if (turn.waiting !== null) this.run(id);
  }
}

function isLater(stored: Turn, shown: Turn | undefined): boolean {
  return shown?.key !== stored.key || stored.lastEvent > shown.lastEvent || stored.waiting === null;
}

function missing(): never {
  throw new DOMException('The conversation was left.', 'AbortError');
}
