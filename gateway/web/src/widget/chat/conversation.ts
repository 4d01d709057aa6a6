import { type Api, type Feedback } from '../client/api.ts';
import type { PageContext } from '../page/context.ts';
import { followAnswer } from './follow.ts';
import { withLock } from './lock.ts';
import type { ConversationStore } from './store.ts';
import {
  applyEvent,
  retriedTurn,
  awaitsChoice,
  failedTurn,
  mergeStored,
  newTurn,
  type Turn,
  type Waiting,
} from './turn.ts';

/** Receives the changes of a conversation. */
export interface ConversationListener {
  /** A turn was added or changed. */
  onTurnChange(turn: Turn): void;
  /** An answer is complete or has failed. */
  onTurnEnd(turn: Turn): void;
  /** The conversation was replaced; these are its turns. */
  onReplace(turns: Turn[]): void;
}

/** How often an unfinished answer is stored. */
const SAVE_INTERVAL_MS = 250;
/** How long to wait for a stop to be confirmed; less if the job's id is not known yet. */
const STOP_TIMEOUT_MS = 4_000;
const STOP_TIMEOUT_WITHOUT_JOB_MS = 1_500;

/** The visitor's conversation: asks questions, follows answers, and stores both. */
export class Conversation {
  private readonly turns = new Map<string, Turn>();
  private readonly runs = new Map<string, AbortController>();
  private readonly pendingSaves = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly api: Api,
    private readonly store: ConversationStore,
    private readonly site: string,
    private readonly listener: ConversationListener,
    signal: AbortSignal,
  ) {
    store.onExternalChange((id) => {
      this.onExternalChange(id);
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
      this.detach();
    });
  }

  /** Loads the stored turns, and resumes unfinished answers. */
  load(): void {
    this.detach();
    const turns = this.store.turns();
    turns.forEach((turn) => this.turns.set(turn.id, turn));
    this.listener.onReplace(turns);
    turns.forEach((turn) => {
      if (turn.waiting !== null) this.run(turn.id);
      if (turn.waiting === 'stopping') this.stopTurn(turn);
    });
  }

  /** Whether an answer is pending. */
  get busy(): boolean {
    return [...this.turns.values()].some((turn) => turn.waiting !== null);
  }

  ask(question: string, page: PageContext): void {
    for (const open of [...this.turns.values()].filter(awaitsChoice)) this.update({ ...open, chosen: question }, true);
    const turn = newTurn(this.store.conversation(), question, page, Date.now());
    this.update(turn, true);
    this.run(turn.id);
  }

  retry(id: string): void {
    const turn = this.turns.get(id);
    if (turn?.waiting !== null) return;
    this.update(retriedTurn(turn), true);
    this.run(id);
  }

  /** Stops all unfinished answers. */
  stop(): void {
    for (const turn of this.turns.values()) {
      if (turn.waiting !== null && turn.waiting !== 'stopping') this.stopTurn(turn);
    }
  }

  /** Clears the conversation, here and in the visitor's other tabs. */
  startNew(): void {
    for (const turn of this.turns.values()) {
      if (turn.waiting !== null && turn.jobId !== null) this.sendStop(turn.jobId);
    }
    this.detach();
    this.store.reset();
    this.listener.onReplace([]);
  }

  /** Sends the visitor's feedback on an answer. */
  async rate(id: string, feedback: Feedback): Promise<void> {
    const turn = this.turns.get(id);
    if (turn?.jobId == null) return;
    await this.api.feedback(turn.jobId, feedback);
    const now = this.turns.get(id);
    if (now?.key === turn.key) this.update({ ...now, feedback }, true);
  }

  private stopTurn(turn: Turn): void {
    this.update({ ...turn, waiting: 'stopping' }, true);
    if (turn.jobId !== null) this.sendStop(turn.jobId);
    const timeout = turn.jobId === null ? STOP_TIMEOUT_WITHOUT_JOB_MS : STOP_TIMEOUT_MS;
    setTimeout(() => {
      this.onStopTimeout(turn.id, turn.key);
    }, timeout);
  }

  private run(id: string): void {
    if (this.runs.has(id)) return;
    const controller = new AbortController();
    this.runs.set(id, controller);
    void withLock(`hoidap:${this.site}:${id}`, controller.signal, async () => {
      // Another tab may have followed the answer so far.
      const stored = this.store.turn(id);
      if (stored !== null) this.show(mergeStored(this.turns.get(id), stored));
      await followAnswer(this.api, this.follower(id), controller.signal);
    }).finally(() => {
      if (this.runs.get(id) === controller) this.runs.delete(id);
    });
  }

  private follower(id: string) {
    const turn = () => this.turns.get(id) ?? throwDetached();
    return {
      turn,
      onEvent: ({ event, id: number }: { event: Parameters<typeof applyEvent>[1]; id: number | null }) => {
        const before = turn();
        // Another tab may have ended it.
        if (before.waiting === null) return;
        const after = applyEvent(before, event, number);
        if (event.type === 'accepted' && before.waiting === 'stopping') this.sendStop(event.jobId);
        this.update(after, event.type === 'accepted' || after.waiting === null);
        if (after.waiting === null) this.listener.onTurnEnd(after);
      },
      setWaiting: (waiting: Waiting) => {
        if (turn().waiting !== 'stopping') this.update({ ...turn(), waiting }, false);
      },
      onEnd: (ended: Turn) => {
        this.update(ended, true);
        this.listener.onTurnEnd(ended);
      },
    };
  }

  private sendStop(jobId: string): void {
    this.api.stop(jobId).catch(() => undefined);
  }

  /** Ends the answer locally when the stop is not confirmed in time. */
  private onStopTimeout(id: string, key: string): void {
    const turn = this.turns.get(id);
    if (turn?.waiting !== 'stopping' || turn.key !== key) return;
    this.runs.get(id)?.abort();
    this.runs.delete(id);
    const ended = failedTurn(turn, { kind: 'stopped' });
    this.update(ended, true);
    this.listener.onTurnEnd(ended);
  }

  private update(turn: Turn, now: boolean): void {
    this.show(turn);
    if (now) this.save(turn.id);
    else if (!this.pendingSaves.has(turn.id))
      this.pendingSaves.set(
        turn.id,
        setTimeout(() => {
          this.save(turn.id);
        }, SAVE_INTERVAL_MS),
      );
  }

  private show(turn: Turn): void {
    this.turns.set(turn.id, turn);
    this.listener.onTurnChange(turn);
  }

  private save(id: string): void {
    clearTimeout(this.pendingSaves.get(id));
    this.pendingSaves.delete(id);
    const turn = this.turns.get(id);
    if (turn !== undefined) this.store.save(turn);
  }

  private saveAll(): void {
    [...this.pendingSaves.keys()].forEach((id) => {
      this.save(id);
    });
  }

  private detach(): void {
    this.runs.forEach((controller) => {
      controller.abort();
    });
    this.pendingSaves.forEach(clearTimeout);
    [this.runs, this.pendingSaves, this.turns].forEach((map) => {
      map.clear();
    });
  }

  /** Handles a change made in another tab. */
  private onExternalChange(id: string | null): void {
    const [first] = this.turns.values();
    if (id === null) {
      if (first !== undefined && first.conversation !== this.store.conversation()) this.load();
      return;
    }
    const stored = this.store.turn(id);
    if (stored?.conversation !== this.store.conversation()) return;
    const turn = mergeStored(this.turns.get(id), stored);
    this.show(turn);
    if (turn.waiting !== null) this.run(id);
  }
}

function throwDetached(): never {
  throw new DOMException('The conversation was left.', 'AbortError');
}
