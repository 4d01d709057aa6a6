import type { Conversation, ConversationPage, Report } from './types.ts';

/** Timeout of requests, in milliseconds. */
const REQUEST_TIMEOUT_MS = 45_000;

/** Why a request failed, by the kind of message that the page shows. */
export class ApiError extends Error {
  override name = 'Failure';

  constructor(
    readonly kind: 'signed_out' | 'wrong_token' | 'forbidden' | 'too_many' | 'not_found' | 'away' | 'offline' | 'other',
    /** The gateway's detail. */
    readonly detail = '',
    /** Seconds after which to retry. */
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

/** Signs in; the browser keeps the session cookie. */
export async function signIn(token: string): Promise<void> {
  const response = await send('/dashboard/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  if (response.status === 401) throw new ApiError('wrong_token');
  if (!response.ok) throw await toApiError(response);
}

/** Signs out. */
export async function signOut(): Promise<void> {
  const response = await send('/dashboard/logout', { method: 'POST' });
  if (!response.ok) throw await toApiError(response);
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await send(path, signal === undefined ? {} : { signal });
  if (!response.ok) throw await toApiError(response);
  return (await response.json()) as T;
}

async function send(path: string, init: RequestInit): Promise<Response> {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  try {
    return await fetch(path, { ...init, signal, credentials: 'same-origin' });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError('offline');
  }
}

async function toApiError(response: Response): Promise<ApiError> {
  const kinds: Record<number, ApiError['kind']> = {
    401: 'signed_out',
    403: 'forbidden',
    404: 'not_found',
    429: 'too_many',
    502: 'away',
    503: 'away',
    504: 'away',
  };
  const retryAfter = Number(response.headers.get('retry-after') ?? '0');
  return new ApiError(
    kinds[response.status] ?? 'other',
    await problemDetail(response),
    Number.isFinite(retryAfter) ? retryAfter : 0,
  );
}

/** The details of a problem response. */
async function problemDetail(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as { detail?: unknown; errors?: { detail?: unknown }[] };
    const first = problem.errors?.[0]?.detail;
    const texts = [problem.detail, first].filter((text) => typeof text === 'string');
    return texts.join(' ');
  } catch {
    return '';
  }
}
