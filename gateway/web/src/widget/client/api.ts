import type { PageContext } from '../page/context.ts';
import { StreamError, type NumberedEvent, readEvents } from './stream.ts';
import { type Problem, readAnswer, readProblem } from './wire.ts';

/** A visitor's session: proves to the gateway whose conversation this is. */
export interface Session {
  token: string;
  /** When the token expires, in milliseconds since 1970. */
  expires: number;
}

/** Stores the session of the conversation. */
export interface SessionStore {
  read(): Session | null;
  write(session: Session): void;
  /** Runs the work while no other tab renews the session; rejects if the signal is aborted before it begins. */
  withLock<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T>;
}

/** A visitor's feedback on an answer. */
export interface Feedback {
  rating: 'up' | 'down';
  reason?: string;
  comment?: string;
}

/** The gateway answered with a problem. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

/** How long before its expiry a token is renewed. */
const RENEWAL_MARGIN_MS = 60_000;
/** How long the gateway may take to begin an answer; it sends the first event immediately. */
const RESPONSE_TIMEOUT_MS = 40_000;
/** How long the gateway may take to open a session. */
const SESSION_TIMEOUT_MS = 15_000;

/** The visitors' part of the gateway's HTTP API. */
export class Api {
  constructor(
    private readonly base: string,
    private readonly site: string,
    private readonly sessions: SessionStore,
  ) {}

  /** Asks a question; the same key and question give the same job. */
  async *ask(message: string, context: PageContext, key: string, signal: AbortSignal): AsyncGenerator<NumberedEvent> {
    const headers = { Accept: 'text/event-stream', 'Idempotency-Key': key };
    yield* this.events('api/chat', { method: 'POST', headers, body: { message, context, stream: true }, signal });
  }

  /** Resumes a job's events after `last`. */
  async *resume(jobId: string, last: number, signal: AbortSignal): AsyncGenerator<NumberedEvent> {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (last > 0) headers['Last-Event-ID'] = String(last);
    yield* this.events(`api/chat/${encodeURIComponent(jobId)}/stream`, { headers, signal });
  }

  /** Stops a job's answer. */
  async stop(jobId: string): Promise<void> {
    await this.request(`api/chat/${encodeURIComponent(jobId)}/stop`, { method: 'POST' });
  }

  /** Sends feedback on an answer. */
  async feedback(jobId: string, body: Feedback): Promise<void> {
    await this.request(`api/chat/${encodeURIComponent(jobId)}/feedback`, { method: 'POST', body });
  }

  private async *events(path: string, options: RequestOptions): AsyncGenerator<NumberedEvent> {
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
    const token = await this.token(options.signal);
    try {
      return await this.send(path, options, token);
    } catch (error) {
      if (!(error instanceof ApiError) || error.problem.status !== 401) throw error;
      return this.send(path, options, await this.token(options.signal, token));
    }
  }

  private async send(path: string, options: RequestOptions, token: string): Promise<Response> {
    const { body, headers, method = 'GET', signal } = options;
    const timeout = new AbortController();
    const timer = setTimeout(() => {
      timeout.abort(new StreamError('no answer began'));
    }, RESPONSE_TIMEOUT_MS);
    const requestHeaders: Record<string, string> = { ...headers, Authorization: `Bearer ${token}` };
    const init: RequestInit = {
      method,
      headers: requestHeaders,
      credentials: 'omit',
      signal: anySignal(timeout.signal, signal),
    };
    if (body !== undefined) {
      requestHeaders['Content-Type'] = 'application/json';
      init.body = JSON.stringify(body);
    }
    try {
      const response = await fetch(new URL(path, this.base), init);
      if (!response.ok) throw new ApiError(await parseProblem(response));
      return response;
    } finally {
      clearTimeout(timer);
    }
  }

  /** A valid token, renewed if needed; `rejectedToken` is one that the gateway rejected. */
  private async token(signal?: AbortSignal, rejectedToken?: string): Promise<string> {
    const usableToken = () => {
      const session = this.sessions.read();
      const fresh = session !== null && session.expires - RENEWAL_MARGIN_MS > Date.now();
      return fresh && session.token !== rejectedToken ? session.token : null;
    };
    return (
      usableToken() ??
      (await this.sessions.withLock(signal, async () => {
        const token = usableToken();
        if (token !== null) return token;
        const session = await this.openSession(this.sessions.read()?.token, signal);
        this.sessions.write(session);
        return session.token;
      }))
    );
  }

  /** Opens a session. All tabs wait for it, so a gateway that does not answer must not hold it for ever. */
  private async openSession(previousToken: string | undefined, signal?: AbortSignal): Promise<Session> {
    const init: RequestInit = {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(previousToken === undefined ? {} : { Authorization: `Bearer ${previousToken}` }),
      },
      credentials: 'omit',
      signal: anySignal(AbortSignal.timeout(SESSION_TIMEOUT_MS), signal),
      body: JSON.stringify({ site_key: this.site }),
    };
    const response = await fetch(new URL('api/sessions', this.base), init);
    if (!response.ok) {
      const problem = await parseProblem(response);
      if (previousToken !== undefined && problem.status === 401) return this.openSession(undefined, signal);
      throw new ApiError(problem);
    }
    const body = (await response.json()) as { token?: unknown; expires_in?: unknown };
    if (typeof body.token !== 'string') throw new StreamError('the session has no token');
    const seconds = typeof body.expires_in === 'number' ? body.expires_in : 0;
    return { token: body.token, expires: Date.now() + seconds * 1000 };
  }
}

function anySignal(timeout: AbortSignal, signal: AbortSignal | undefined): AbortSignal {
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

interface RequestOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal;
}

async function parseProblem(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  return readProblem(body, response.status, response.headers.get('Retry-After'));
}
