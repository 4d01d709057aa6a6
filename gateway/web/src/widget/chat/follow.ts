import { type Api, ApiError } from '../client/api.ts';
import type { NumberedEvent } from '../client/stream.ts';
import { failedTurn, failureFrom, type Turn, type Waiting } from './turn.ts';

/** Connects the followed answer to its turn. */
export interface AnswerFollower {
  /** The current state of the turn. */
  turn(): Turn;
  onEvent(event: NumberedEvent): void;
  setWaiting(waiting: Waiting): void;
  onEnd(turn: Turn): void;
}

/** Consecutive failures before the gateway counts as unavailable. */
const MAX_FAILURES = 7;
const INITIAL_BACKOFF_MS = 400;
const MAX_BACKOFF_MS = 8_000;

/** Asks the turn's question, or resumes its answer, until it ends; retries after broken connections and outages. */
export async function followAnswer(api: Api, follower: AnswerFollower, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted && follower.turn().waiting !== null) {
    try {
      await untilOnline(follower, signal);
      const connection = new AbortController();
      const connectionSignal = AbortSignal.any([signal, connection.signal]);
      window.addEventListener(
        'online',
        () => {
          connection.abort();
        },
        { signal: connectionSignal },
      );
      for await (const event of openStream(api, follower.turn(), connectionSignal)) {
        failures = 0;
        follower.onEvent(event);
        if (follower.turn().waiting === null) return;
      }
      throw new Error('the stream ended early');
    } catch (error) {
      // Another tab may have ended it.
      if (isAborted(signal) || follower.turn().waiting === null) return;
      if (error instanceof ApiError && !isTransient(error)) {
        follower.onEnd(failedTurn(follower.turn(), failureFrom(error.problem)));
        return;
      }
      failures += 1;
      if (failures > MAX_FAILURES) {
        follower.onEnd(failedTurn(follower.turn(), { kind: 'away' }));
        return;
      }
      if (navigator.onLine) follower.setWaiting('reconnecting');
      const retryAfterMs = error instanceof ApiError ? (error.problem.retryAfter ?? 0) * 1000 : 0;
      await sleepUnlessOnline(Math.max(backoffDelay(failures), Math.min(retryAfterMs, MAX_BACKOFF_MS)), signal);
    }
  }
}

function openStream(api: Api, turn: Turn, signal: AbortSignal): AsyncGenerator<NumberedEvent> {
  if (turn.jobId !== null) return api.resume(turn.jobId, turn.lastEvent, signal);
  return api.ask(turn.question, turn.page, turn.key, signal);
}

/** Whether a retry may succeed. Failed jobs and rate limits are not retried. */
function isTransient({ problem }: ApiError): boolean {
  if (problem.apology !== null) return false;
  return problem.status >= 502 || problem.status === 408;
}

async function untilOnline(follower: AnswerFollower, signal: AbortSignal): Promise<void> {
  if (navigator.onLine) return;
  follower.setWaiting(follower.turn().jobId === null ? 'waitingForNetwork' : 'reconnecting');
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

/** Exponential backoff with jitter, so that visitors do not all retry at once. */
function backoffDelay(failures: number): number {
  return Math.min(INITIAL_BACKOFF_MS * 2 ** (failures - 1), MAX_BACKOFF_MS) * (0.5 + Math.random() / 2);
}

/** Sleeps, but wakes early when the network is back. */
async function sleepUnlessOnline(milliseconds: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = new AbortController();
    const end = () => {
      clearTimeout(timer);
      done.abort();
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    window.addEventListener('online', end, { signal: done.signal });
    signal.addEventListener('abort', end, { signal: done.signal });
  });
}

/** A function, because TypeScript would otherwise narrow `signal.aborted` to `false`. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
