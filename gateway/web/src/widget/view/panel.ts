import type { Options } from '../page/options.ts';
import type { Texts } from '../texts/texts.ts';
import { el } from './dom.ts';
import { icon } from './icons.ts';

/** The actions of the panel's buttons. */
export interface PanelActions {
  close(): void;
  newConversation(): void;
  ask(question: string): void;
}

/** The frame around a conversation: its heading, the welcome, and the list of turns. */
export class Panel {
  readonly turns = el('ol', { class: 'turns', role: 'list' });
  readonly scroller: HTMLElement;
  readonly header: HTMLElement;
  private readonly welcome: HTMLElement;
  private readonly offline: HTMLElement;
  private readonly newButton: HTMLButtonElement;

  constructor(options: Options, texts: Texts, actions: PanelActions) {
    const button = (label: string, click: () => void) =>
      el('button', { class: 'icon', type: 'button', 'aria-label': label, title: label, on: { click } });
    this.newButton = button(texts.newConversation, () => {
      actions.newConversation();
    });
    this.newButton.append(icon('plus'));
    const close = button(texts.close, () => {
      actions.close();
    });
    close.append(icon('close'));
    const title = el('h2', { id: 'title' }, options.title ?? texts.title);
    this.header = el('header', {}, title, this.newButton, close);
    const suggestions = options.suggestions.map((question) => {
      const ask = el('button', { class: 'suggestion', type: 'button' }, question);
      ask.addEventListener('click', () => {
        actions.ask(question);
      });
      return el('li', {}, ask);
    });
    this.welcome = el(
      'div',
      { class: 'welcome' },
      el('p', { class: 'greeting' }, options.greeting ?? texts.greeting),
      suggestions.length > 0 && el('ul', { role: 'list', 'aria-label': texts.suggestions }, ...suggestions),
    );
    this.offline = el('p', { class: 'offline', hidden: true }, icon('alert'), texts.offline);
    this.scroller = el(
      'div',
      { class: 'scroller', tabindex: '0', role: 'group', 'aria-label': texts.conversation },
      this.welcome,
      this.turns,
    );
  }

  get banner(): HTMLElement {
    return this.offline;
  }

  /** Updates the panel's own state. */
  setState(state: { empty: boolean; offline: boolean }): void {
    this.welcome.classList.toggle('small', !state.empty);
    this.newButton.hidden = state.empty;
    this.offline.hidden = !state.offline;
  }

  /** Scrolls to the end of the conversation, but keeps the last question in view. */
  scrollToEnd(): void {
    const last = this.turns.lastElementChild;
    const { scroller } = this;
    const end = scroller.scrollHeight - scroller.clientHeight;
    const top = last instanceof HTMLElement ? last.offsetTop - scroller.offsetTop - 12 : end;
    scroller.scrollTop = Math.min(end, top);
  }
}
