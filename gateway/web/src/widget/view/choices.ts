import type { Turn } from '../chat/turn.ts';
import type { Texts } from '../texts/texts.ts';
import { el, setAttribute } from './dom.ts';

/** Buttons for the things that an answer asks to choose from: each asks the question that it completes. */
export class ChoicesView {
  readonly element = el('ul', { class: 'choices', role: 'list', hidden: true });

  constructor(
    texts: Texts,
    private readonly ask: (question: string) => void,
  ) {
    this.element.setAttribute('aria-label', texts.choices);
  }

  /** Shows what can be chosen, and what was: nothing can be chosen twice. */
  show({ choices = [], chosen = null, waiting }: Turn): void {
    this.element.hidden = choices.length === 0 || waiting !== null;
    const items = choices.map(({ label, question }) => {
      const button = el('button', { class: 'choice', type: 'button', disabled: chosen !== null }, label);
      setAttribute(button, 'aria-pressed', chosen === null ? null : String(chosen === question));
      button.addEventListener('click', () => {
        this.ask(question);
      });
      return el('li', {}, button);
    });
    this.element.replaceChildren(...items);
  }
}
