import { Failure } from './api.ts';
import { fill, type Speech } from './localization.ts';

/** What went wrong, in words. */
export function failureText(error: unknown, speech: Speech): string {
  const { failure } = speech.words;
  if (!(error instanceof Failure)) return failure.other;
  const text = fill(failure[error.kind], { seconds: error.retryAfter || 60 });
  return error.kind === 'other' && error.detail ? `${text} ${error.detail}` : text;
}
