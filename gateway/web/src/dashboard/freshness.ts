import { fill, type Speech } from './localization.ts';
import type { Freshness } from './types.ts';

/** Figures older than this many seconds are told of as old. */
const OLD = 60;

/** Says how old the figures are, and warns when they are old because something does not work. */
export function freshness(element: HTMLElement, fresh: Freshness, speech: Speech): void {
  const { fresh: words } = speech.words;
  const age = fresh.age_seconds ?? 0;
  const behind = (fresh.waiting ?? 0) > 0 && age > OLD;
  element.classList.toggle('old', behind);
  if (fresh.as_of === null) {
    element.textContent = words.none;
  } else if (behind) {
    element.textContent = fill(words.waiting, { age: speech.age(age), count: speech.number(fresh.waiting ?? 0) });
  } else if (fresh.waiting !== null && age <= OLD) {
    element.textContent = fill(words.now, { time: speech.time(fresh.as_of) });
  } else {
    element.textContent = fill(words.asOf, { time: speech.dateTime(fresh.as_of), age: speech.age(age) });
  }
}
