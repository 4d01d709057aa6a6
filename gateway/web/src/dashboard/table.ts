import { h } from './dom.ts';

/** What a cell holds. */
export type Cell = Node | string;

/** A table that scrolls if it is too wide. */
export function table(name: string, heads: string[], rows: Cell[][], numbers: number[]): HTMLElement {
  const kind = (at: number) => (numbers.includes(at) ? 'number' : 'text');
  const cell = (content: Cell, at: number) =>
    at === 0 ? h('th', { scope: 'row' }, content) : h('td', { class: kind(at) }, content);
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': name, 'data-key': `table-${name}` },
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, ...heads.map((head, at) => h('th', { scope: 'col', class: kind(at) }, head)))),
      h('tbody', {}, ...rows.map((row) => h('tr', {}, ...row.map(cell)))),
    ),
  );
}
