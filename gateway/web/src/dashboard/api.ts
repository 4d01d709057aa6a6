import type { Conversation, ConversationPage, Report } from './types.ts';

/** Longest wait for an answer of the gateway, in milliseconds. */
const PATIENCE = 45_000;

/** Why something could not be had, as the page tells it. */
export class Failure extends Error {
  override name = 'Failure';

  constructor(
    readonly kind: 'signed_out' | 'wrong_token' | 'forbidden' | 'too_many' | 'not_found' | 'away' | 'offline' | 'other',
    /** What the gateway says of it. */
    readonly detail = '',
    /** Seconds after which to try again. */
    readonly retryAfter = 0,
  ) {
    super(detail || kind);
  }
}

export const getReport = (query: URLSearchParams, signal?: AbortSignal): Promise<Report> =>
  get(`/api/analytics/report?${query.toString()}`, signal);

export const getConversations = (query: URLSearchParams, signal?: AbortSignal): Promise<ConversationPage> =>
  get(`/api/analytics/conversations?${query.toString()}`, signal);

export const getConversation = (session: string, signal?: AbortSignal): Promise<Conversation> =>
  get(`/api/analytics/conversations/${encodeURIComponent(session)}`, signal);

/** Signs in; the cookie is the browser's affair. */
export async function signIn(token: string): Promise<void> {
  const response = await send('/dashboard/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  if (response.status === 401) throw new Failure('wrong_token');
  if (!response.ok) throw await failure(response);
}

/** Signs out. */
export async function signOut(): Promise<void> {
  await send('/dashboard/logout', { method: 'POST' });
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await send(path, signal === undefined ? {} : { signal });
  if (!response.ok) throw await failure(response);
  return (await response.json()) as T;
}

async function send(path: string, init: RequestInit): Promise<Response> {
  const limit = AbortSignal.timeout(PATIENCE);
  const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit;
  try {
    return await fetch(path, { ...init, signal, credentials: 'same-origin' });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Failure('offline');
  }
}

async function failure(response: Response): Promise<Failure> {
  const kinds: Record<number, Failure['kind']> = {
    401: 'signed_out',
    403: 'forbidden',
    404: 'not_found',
    429: 'too_many',
    502: 'away',
    503: 'away',
    504: 'away',
  };
  const wait = Number(response.headers.get('retry-after') ?? '0');
  return new Failure(kinds[response.status] ?? 'other', await detail(response), Number.isFinite(wait) ? wait : 0);
}

/** What a problem says in words. */
async function detail(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as { detail?: unknown; errors?: { detail?: unknown }[] };
    const first = problem.errors?.[0]?.detail;
    const words = [problem.detail, first].filter((text) => typeof text === 'string');
    return words.join(' ');
  } catch {
    return '';
  }
}
