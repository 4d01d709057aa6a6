import { h } from './dom.ts';

/** A figure with its name and a note. */
export function tile(name: string, value: Node | string, note: string | false): HTMLElement {
  return h(
    'div',
    { class: 'card tile' },
    h('dt', {}, name),
    h('dd', { class: 'value' }, value),
    h('dd', { class: 'note' }, note),
  );
}
