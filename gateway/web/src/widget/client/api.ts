import type { PageContext } from '../page/context.ts';
import { BrokenStream, type Numbered, readEvents } from './stream.ts';
import { type Problem, readAnswer, readProblem } from './wire.ts';

/** A visitor's session: what proves to the gateway whose conversation this is. */
export interface Session {
  token: string;
  /** When the token ends, in milliseconds since 1970. */
  expires: number;
}

/** Where the session of the conversation is kept. */
export interface SessionKeeper {
  read(): Session | null;
  write(session: Session): void;
  /** Runs the work while no other tab runs its own. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

/** A visitor's judgement of an answer. */
export interface Feedback {
  rating: 'up' | 'down';
  reason?: string;
  comment?: string;
}

/** The gateway refused, and said why. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

/** How long before its end a token is renewed. */
const RENEW_BEFORE_MS = 60_000;
/** How long the gateway may take to begin an answer; its first event comes at once. */
const MAX_WAIT_MS = 40_000;

/** The gateway's HTTP API, as far as visitors need it. */
export class Api {
  constructor(
    private readonly base: string,
    private readonly site: string,
    private readonly keeper: SessionKeeper,
  ) {}

  /** Asks; with the same key and question again, it is the same job. */
  async *ask(message: string, context: PageContext, key: string, signal: AbortSignal): AsyncGenerator<Numbered> {
    const headers = { Accept: 'text/event-stream', 'Idempotency-Key': key };
    yield* this.events('api/chat', { method: 'POST', headers, body: { message, context, stream: true }, signal });
  }

  /** Reads a job's events on, from the one after `last`. */
  async *resume(jobId: string, last: number, signal: AbortSignal): AsyncGenerator<Numbered> {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (last > 0) headers['Last-Event-ID'] = String(last);
    yield* this.events(`api/chat/${encodeURIComponent(jobId)}/stream`, { headers, signal });
  }

  /** Asks that the job's answer be left as it is now. */
  async stop(jobId: string): Promise<void> {
    await this.request(`api/chat/${encodeURIComponent(jobId)}/stop`, { method: 'POST' });
  }

  /** Tells what the visitor thinks of the answer. */
  async feedback(jobId: string, body: Feedback): Promise<void> {
    await this.request(`api/chat/${encodeURIComponent(jobId)}/feedback`, { method: 'POST', body });
  }

  private async *events(path: string, options: RequestOptions): AsyncGenerator<Numbered> {
    const response = await this.request(path, options);
    const type = response.headers.get('Content-Type') ?? '';
    if (type.startsWith('text/event-stream') && response.body !== null) {
      yield* readEvents(response.body);
      return;
    }
    const body: unknown = await response.json();
    const answer = readAnswer(body);
    if (response.status === 202) yield { id: null, event: { type: 'accepted', jobId: answer.jobId } };
    else yield { id: null, event: { type: 'done', answer } };
  }

  private async request(path: string, options: RequestOptions): Promise<Response> {
    const token = await this.token(false);
    const response = await this.send(path, options, token);
    if (response.ok) return response;
    const problem = await problemOf(response);
    if (problem.status !== 401) throw new Refused(problem);
    const again = await this.send(path, options, await this.token(true, token));
    if (!again.ok) throw new Refused(await problemOf(again));
    return again;
  }

  private async send(path: string, options: RequestOptions, token: string): Promise<Response> {
    const { body, headers, method = 'GET', signal } = options;
    const waiting = new AbortController();
    const timer = setTimeout(() => {
      waiting.abort(new BrokenStream('no answer began'));
    }, MAX_WAIT_MS);
    const sent: Record<string, string> = { ...headers, Authorization: `Bearer ${token}` };
    const init: RequestInit = {
      method,
      headers: sent,
      credentials: 'omit',
      signal: signal === undefined ? waiting.signal : AbortSignal.any([signal, waiting.signal]),
    };
    if (body !== undefined) {
      sent['Content-Type'] = 'application/json';
      init.body = JSON.stringify(body);
    }
    try {
      return await fetch(new URL(path, this.base), init);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A token that is good for a while; `refused` is one that the gateway would not take. */
  private async token(renew: boolean, refused?: string): Promise<string> {
    const usable = () => {
      const session = this.keeper.read();
      const fresh = session !== null && session.expires - RENEW_BEFORE_MS > Date.now();
      return fresh && !(renew && session.token === refused) ? session.token : null;
    };
    return (
      usable() ??
      (await this.keeper.alone(async () => {
        const token = usable();
        if (token !== null) return token;
        const session = await this.openSession(this.keeper.read()?.token);
        this.keeper.write(session);
        return session.token;
      }))
    );
  }

  private async openSession(old: string | undefined): Promise<Session> {
    const init: RequestInit = {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...(old === undefined ? {} : { Authorization: `Bearer ${old}` }) },
      credentials: 'omit',
      body: JSON.stringify({ site_key: this.site }),
    };
    const response = await fetch(new URL('api/sessions', this.base), init);
    if (!response.ok) {
      const problem = await problemOf(response);
      if (old !== undefined && problem.status === 401) return this.openSession(undefined);
      throw new Refused(problem);
    }
    const body = (await response.json()) as { token?: unknown; expires_in?: unknown };
    if (typeof body.token !== 'string') throw new BrokenStream('the session has no token');
    const seconds = typeof body.expires_in === 'number' ? body.expires_in : 0;
    return { token: body.token, expires: Date.now() + seconds * 1000 };
  }
}

interface RequestOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal;
}

async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  return readProblem(body, response.status, response.headers.get('Retry-After'));
}
