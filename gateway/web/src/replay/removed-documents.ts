import { h, link } from '../dashboard/dom.ts';
import { type Cell, table } from '../dashboard/table.ts';
import type { Choice } from './view-state.ts';
import type { Fates, GonePage, Job, Summary } from './types.ts';
import { counted, speech } from './labels.ts';

const MEANS =
  'Recorded jobs found these pages; their collections have them no more. So many of the jobs changed for the visitor:';

/** What a job had to do with the pages that are gone, as the filter names it. */
export function goneOf(job: Job): string[] {
  return job.gone.map((page) => named(page.cited ? 'cited' : 'found', page));
}

function named(how: 'cited' | 'found', { source, collection }: { source: string; collection: string }): string {
  return `${how} ${source} (${collection})`;
}

/** Pages that recorded jobs found and that are gone, and what became of the jobs; nothing where there are none. */
export function gone({ gone }: Summary, show: (choice: Partial<Choice>) => void): HTMLElement[] {
  if (gone === null) return [];
  const row = (page: GonePage): Cell[] => [
    link(page.url === '' ? page.source : page.url),
    jobs(page.cited, named('cited', page), show),
    jobs(page.found, named('found', page), show),
  ];
  const heads = ['Page', 'Cited it', 'Only found it'];
  return [
    h('h2', {}, 'Pages that are gone'),
    h(
      'div',
      { class: 'card gone' },
      h('p', {}, MEANS),
      table('Pages that are gone', heads, gone.pages.map(row), [1, 2]),
      h('p', { class: 'note' }, others(gone.others)),
    ),
  ];
}

function jobs(fates: Fates, name: string, show: (choice: Partial<Choice>) => void): Cell {
  const text = `${speech.number(fates.visible)} of ${speech.number(fates.jobs)}`;
  if (fates.jobs === fates.same) return text;
  const click = () => {
    show({ gone: name });
  };
  return h('button', { type: 'button', class: 'open', click }, text);
}

function others({ jobs, visible, inside, same }: Fates): string {
  const of = counted(jobs, 'other job');
  return `Of ${of}, ${speech.number(same)} are the same, ${speech.number(inside)} differ inside, ${speech.number(visible)} visibly.`;
}
