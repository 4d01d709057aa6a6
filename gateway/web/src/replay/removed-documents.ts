import { h, link } from '../dashboard/dom.ts';
import { type Cell, table } from '../dashboard/table.ts';
import type { ViewState } from './view-state.ts';
import type { OutcomeCounts, RemovedDocument, Job, Summary } from './types.ts';
import { counted, localization } from './labels.ts';

const INTRO =
  'Recorded jobs found these pages; their collections have them no more. So many of the jobs changed for the visitor:';

/** The filter values of a job for removed documents that it found or cited. */
export function removedDocumentValues(job: Job): string[] {
  return job.gone.map((page) => filterValue(page.cited ? 'cited' : 'found', page));
}

function filterValue(how: 'cited' | 'found', { source, collection }: { source: string; collection: string }): string {
  return `${how} ${source} (${collection})`;
}

/** Removed documents that recorded jobs found, with the outcomes of those jobs; empty if there are none. */
export function removedDocuments({ gone }: Summary, show: (view: Partial<ViewState>) => void): HTMLElement[] {
  if (gone === null) return [];
  const row = (page: RemovedDocument): Cell[] => [
    link(page.url === '' ? page.source : page.url),
    jobsCell(page.cited, filterValue('cited', page), show),
    jobsCell(page.found, filterValue('found', page), show),
  ];
  const heads = ['Page', 'Cited it', 'Only found it'];
  return [
    h('h2', {}, 'Pages that are gone'),
    h(
      'div',
      { class: 'card gone' },
      h('p', {}, INTRO),
      table('Pages that are gone', heads, gone.pages.map(row), [1, 2]),
      h('p', { class: 'note' }, otherJobsNote(gone.others)),
    ),
  ];
}

function jobsCell(counts: OutcomeCounts, name: string, show: (view: Partial<ViewState>) => void): Cell {
  const text = `${localization.number(counts.visible)} of ${localization.number(counts.jobs)}`;
  if (counts.jobs === counts.same) return text;
  const click = () => {
    show({ gone: name });
  };
  return h('button', { type: 'button', class: 'open', click }, text);
}

function otherJobsNote({ jobs, visible, inside, same }: OutcomeCounts): string {
  const of = counted(jobs, 'other job');
  return `Of ${of}, ${localization.number(same)} are the same, ${localization.number(inside)} differ inside, ${localization.number(visible)} visibly.`;
}
