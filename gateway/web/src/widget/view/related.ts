import type { Turn } from '../chat/turn.ts';
import type { Texts } from '../texts/texts.ts';
import { el } from './dom.ts';

/** Links to the pages that may help where no answer is certain. */
export class RelatedPagesView {
  readonly element = el('div', { class: 'related', hidden: true });

  constructor(
    private readonly texts: Texts,
    private readonly id: string,
  ) {}

  /** Shows the pages of a complete turn. */
  show({ related = [], waiting }: Turn): void {
    this.element.hidden = related.length === 0 || waiting !== null;
    const items = related.map(({ title, url }) => {
      const newTab = el('span', { class: 'unseen' }, ` ${this.texts.opensNewTab}`);
      return el('li', {}, el('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, title, newTab));
    });
    this.element.replaceChildren(
      el('p', { id: this.id, class: 'label' }, this.texts.related),
      el('ul', { 'aria-labelledby': this.id, role: 'list' }, ...items),
    );
  }
}
