import { interpolate, type Localization } from './localization.ts';
import type { Freshness } from './types.ts';

/** Figures older than this many seconds count as stale. */
const STALE_AFTER_SECONDS = 60;

/** Shows how old the figures are, and warns when they are stale although events are waiting. */
export function renderFreshness(element: HTMLElement, freshness: Freshness, localization: Localization): void {
  const { fresh: messages } = localization.messages;
  const age = freshness.age_seconds ?? 0;
  const stale = (freshness.waiting ?? 0) > 0 && age > STALE_AFTER_SECONDS;
  element.classList.toggle('old', stale);
  if (freshness.as_of === null) {
    element.textContent = messages.none;
  } else if (stale) {
    element.textContent = interpolate(messages.waiting, {
      age: localization.longDuration(age),
      count: localization.number(freshness.waiting ?? 0),
    });
  } else if (freshness.waiting !== null && age <= STALE_AFTER_SECONDS) {
    element.textContent = interpolate(messages.now, { time: localization.time(freshness.as_of) });
  } else {
    element.textContent = interpolate(messages.asOf, {
      time: localization.dateTime(freshness.as_of),
      age: localization.longDuration(age),
    });
  }
}
