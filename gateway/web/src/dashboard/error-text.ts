import { ApiError } from './api.ts';
import { interpolate, type Localization } from './localization.ts';

/** What went wrong, in words. */
export function errorText(error: unknown, localization: Localization): string {
  const { failure } = localization.messages;
  if (!(error instanceof ApiError)) return failure.other;
  const text = interpolate(failure[error.kind], { seconds: error.retryAfter || 60 });
  return error.kind === 'other' && error.detail ? `${text} ${error.detail}` : text;
}
