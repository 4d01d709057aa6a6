import { h, link } from '../dashboard/dom.ts';
import type { Passage, Job } from './types.ts';
import { localization } from './labels.ts';

export type RankChange =
  { kind: 'kept' } | { kind: 'gained' } | { kind: 'lost' } | { kind: 'moved'; by: number; to: number };

/** How a passage's rank changed: `by` is how many places it moved up, `to` its new rank, from 1. */
export function rankChange(chunk: string, before: Passage[], after: Passage[]): RankChange {
  const was = before.findIndex((passage) => passage.chunk === chunk);
  const is = after.findIndex((passage) => passage.chunk === chunk);
  if (was < 0) return { kind: 'gained' };
  if (is < 0) return { kind: 'lost' };
  return was === is ? { kind: 'kept' } : { kind: 'moved', by: was - is, to: is + 1 };
}

/** The passages found, each with its change of rank. */
export function passageComparison({ before, after }: Job): HTMLElement {
  const side = (title: string, found: Passage[], which: 'before' | 'after') => {
    const items = found.map((passage) =>
      passageItem(passage, rankChange(passage.chunk, before.passages, after.passages), which),
    );
    return h(
      'div',
      { class: `card half ${which}` },
      h('h4', {}, title),
      found.length > 0 ? h('ol', { class: 'found' }, ...items) : h('p', { class: 'none' }, 'Nothing was found.'),
    );
  };
  return h(
    'section',
    { class: 'passages' },
    h('h3', {}, 'Passages found'),
    h('div', { class: 'two' }, side('Before', before.passages, 'before'), side('After', after.passages, 'after')),
  );
}

function passageItem(passage: Passage, move: RankChange, which: 'before' | 'after'): HTMLElement {
  const { title, headings, url, source, collection, score } = passage;
  const where = /^https?:/.test(url) ? link(url) : source || url;
  return h(
    'li',
    { class: move.kind },
    h('b', { class: 'move' }, rankChangeText(move, which)),
    h('span', { class: 'name' }, [title, ...headings].join(' › ')),
    h('span', { class: 'note' }, where, ` · ${collection} · fits ${localization.percent(score)}`),
  );
}

function rankChangeText(move: RankChange, which: 'before' | 'after'): string {
  if (move.kind === 'gained') return '+ new';
  if (move.kind === 'lost') return '− lost';
  if (move.kind === 'kept') return '= kept';
  if (which === 'before') return `now ${localization.number(move.to)}.`;
  return move.by > 0 ? `↑${localization.number(move.by)} up` : `↓${localization.number(-move.by)} down`;
}
