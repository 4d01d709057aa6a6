import { el } from './dom.ts';

/** Says things to those who listen to the page: each one once. */
export class Announcer {
  private readonly answers = el('div', { 'aria-live': 'polite', class: 'unseen', 'data-live': 'answers' });
  private readonly states = el('div', { role: 'status', class: 'unseen', 'data-live': 'states' });
  readonly elements = [this.answers, this.states];

  /** An answer that is complete, or why there is none. */
  announceAnswer(text: string, language: string): void {
    this.states.replaceChildren();
    this.answers.replaceChildren(el('p', language === '' ? {} : { lang: language }, text));
  }

  /** That something was done, or is being done. */
  announceStatus(text: string): void {
    this.states.replaceChildren(el('p', {}, text));
  }
}
