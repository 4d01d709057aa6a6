import type { Turn } from '../chat/turn.ts';
import type { Texts } from '../texts/texts.ts';
import { el, setAttribute } from './dom.ts';

/** Buttons for the choices of an answer that asks back; each asks its completed question. */
export class ChoicesView {
  readonly element = el('ul', { class: 'choices', role: 'list', hidden: true });

  constructor(
    texts: Texts,
    private readonly ask: (question: string) => void,
  ) {
    this.element.setAttribute('aria-label', texts.choices);
  }

  /** Shows the choices and which one was chosen; only one can be chosen. */
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
