import { el } from './dom.ts';

/** Announces texts to screen readers, each once. */
export class Announcer {
  private readonly answers = el('div', { 'aria-live': 'polite', class: 'unseen', 'data-live': 'answers' });
  private readonly states = el('div', { role: 'status', class: 'unseen', 'data-live': 'states' });
  readonly elements = [this.answers, this.states];

  /** Announces a complete answer, or why there is none. */
  announceAnswer(text: string, language: string): void {
    this.states.replaceChildren();
    this.answers.replaceChildren(el('p', language === '' ? {} : { lang: language }, text));
  }

  /** Announces a status. */
  announceStatus(text: string): void {
    this.states.replaceChildren(el('p', {}, text));
  }
}
