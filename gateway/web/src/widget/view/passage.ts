import type { Source } from '../client/wire.ts';
import { interpolate, type Texts } from '../texts/texts.ts';
import { el } from './dom.ts';
import { icon } from './icons.ts';

/** Shows a cited passage over the conversation. */
export class PassageView {
  private readonly card = el('section', {
    class: 'passage',
    role: 'dialog',
    'aria-labelledby': 'passage',
    tabindex: '-1',
  });
  readonly element = el('div', { class: 'over', hidden: true }, this.card);

  /** `background` is inert while the passage is open. */
  constructor(
    private readonly texts: Texts,
    private readonly background: HTMLElement[],
    private readonly onClose: () => void,
  ) {
    this.element.addEventListener('click', (event) => {
      if (event.target === this.element) this.close();
    });
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  open(n: number, source: Source): void {
    const { texts } = this;
    const close = { class: 'icon', type: 'button', 'aria-label': texts.closePassage, title: texts.closePassage };
    const title = source.title === '' ? interpolate(texts.source, n) : source.title;
    this.card.replaceChildren(
      el(
        'div',
        { class: 'passage-head' },
        el('span', { class: 'number', 'aria-hidden': 'true' }, String(n)),
        el(
          'div',
          { class: 'passage-title' },
          el('h2', { id: 'passage' }, el('span', { class: 'unseen' }, `${interpolate(texts.source, n)}: `), title),
          source.headings.length > 0 && el('p', { class: 'path' }, source.headings.join(' › ')),
        ),
        el(
          'button',
          {
            ...close,
            on: {
              click: () => {
                this.close();
              },
            },
          },
          icon('close'),
        ),
      ),
      el('blockquote', { tabindex: '0', 'aria-label': title, role: 'group' }, source.content),
      source.url === null ? '' : this.link(source.url),
    );
    this.setOpen(true);
    this.card.focus();
  }

  close(): void {
    if (!this.isOpen) return;
    this.setOpen(false);
    this.onClose();
  }

  private setOpen(open: boolean): void {
    this.element.hidden = !open;
    this.background.forEach((element) => {
      element.inert = open;
    });
  }

  private link(url: string): HTMLElement {
    const { texts } = this;
    return el(
      'a',
      { class: 'open-page', href: url, target: '_blank', rel: 'noopener noreferrer' },
      icon('external'),
      el('span', {}, `${texts.openPage} `, el('span', { class: 'unseen' }, `${texts.opensNewTab} `)),
      el('span', { class: 'host' }, new URL(url).host),
    );
  }
}
