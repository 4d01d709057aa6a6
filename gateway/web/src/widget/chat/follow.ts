import { type Api, Refused } from '../client/api.ts';
import type { Numbered } from '../client/stream.ts';
import { failed, failureOf, type Turn, type Waiting } from './turn.ts';

/** What following an answer tells, and asks, of the conversation. */
export interface Follower {
  /** The turn as it is now. */
  turn(): Turn;
  heard(event: Numbered): void;
  waitFor(what: Waiting): void;
  end(turn: Turn): void;
}

/** Tries in a row that may fail before the gateway counts as away. */
const MAX_FAILURES = 7;
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 8_000;

/** Asks the turn's question, or reads its answer on, until it has ended; over broken connections and outages. */
export async function follow(api: Api, follower: Follower, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted && follower.turn().waiting !== null) {
    try {
      await untilOnline(follower, signal);
      const connection = new AbortController();
      const dropped = AbortSignal.any([signal, connection.signal]);
      window.addEventListener(
        'online',
        () => {
          connection.abort();
        },
        { signal: dropped },
      );
      for await (const event of open(api, follower.turn(), dropped)) {
        failures = 0;
        follower.heard(event);
        if (follower.turn().waiting === null) return;
      }
      throw new Error('the stream ended early');
    } catch (error) {
      if (isAborted(signal)) return;
      if (error instanceof Refused && !passes(error)) {
        follower.end(failed(follower.turn(), failureOf(error.problem)));
        return;
      }
      failures += 1;
      if (failures > MAX_FAILURES) {
        follower.end(failed(follower.turn(), { kind: 'away' }));
        return;
      }
      if (navigator.onLine) follower.waitFor('reconnecting');
      const asked = error instanceof Refused ? (error.problem.retryAfter ?? 0) * 1000 : 0;
      await pause(Math.max(pauseAfter(failures), Math.min(asked, LONGEST_PAUSE_MS)), signal);
    }
  }
}

function open(api: Api, turn: Turn, signal: AbortSignal): AsyncGenerator<Numbered> {
  if (turn.jobId !== null) return api.resume(turn.jobId, turn.lastEvent, signal);
  return api.ask(turn.question, turn.page, turn.key, signal);
}

/** Whether the same request may succeed in a moment. A job that ended, and a visitor who asked too much, must not try on. */
function passes({ problem }: Refused): boolean {
  if (problem.apology !== null) return false;
  return problem.status >= 502 || problem.status === 408;
}

async function untilOnline(follower: Follower, signal: AbortSignal): Promise<void> {
  if (navigator.onLine) return;
  follower.waitFor('waitingForNetwork');
  await new Promise<void>((resolve) => {
    window.addEventListener(
      'online',
      () => {
        resolve();
      },
      { once: true, signal },
    );
    signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true },
    );
  });
}

/** Twice as long each time, and never the same for all visitors of a gateway that comes back. */
function pauseAfter(failures: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
}

/** Waits, but no longer than until the network is back. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const over = new AbortController();
    const end = () => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    window.addEventListener('online', end, { signal: over.signal });
    signal.addEventListener('abort', end, { signal: over.signal });
  });
}

/** Read anew: the compiler takes a signal that was not aborted once for one that never is. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
