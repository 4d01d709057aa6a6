import { h, replaceChildren } from '../dashboard/dom.ts';
import { type ViewState, DEFAULT_VIEW, isSameList, formatViewState } from './view-state.ts';
import type { JobIndex } from './job-index.ts';
import { searchTerms } from './text-search.ts';
import { jobRow } from './job-row.ts';
import type { Job, Report } from './types.ts';
import { counted, localization } from './labels.ts';

/** Jobs per page. */
const PAGE_SIZE = 50;

/** The jobs that match the view, a page at a time. */
export class JobList {
  private readonly status = h('p', { class: 'count', role: 'status' });
  private readonly rows = h('ol', { class: 'jobs' });
  private readonly pager = h('nav', { class: 'pager', 'aria-label': 'Parts of the list' });
  private view: ViewState | undefined;
  private matches: Job[] = [];
  readonly element = h('div', { class: 'list' }, this.status, this.rows, this.pager);

  constructor(
    private readonly report: Report,
    private readonly jobs: JobIndex,
    private readonly onChange: (view: Partial<ViewState>) => void,
  ) {}

  /** The matching jobs, in order. */
  get all(): readonly Job[] {
    return this.matches;
  }

  /** The page that contains a job. */
  pageOf(job: string): number | undefined {
    const at = this.matches.findIndex((candidate) => candidate.job === job);
    return at < 0 ? undefined : Math.floor(at / PAGE_SIZE) + 1;
  }

  /** Shows a view; does nothing if the list is unchanged. */
  update(view: ViewState): void {
    if (this.view && isSameList(this.view, view)) return;
    this.view = view;
    this.matches = this.jobs.query(view);
    const pageCount = Math.max(1, Math.ceil(this.matches.length / PAGE_SIZE));
    const page = Math.min(view.part, pageCount);
    const from = (page - 1) * PAGE_SIZE;
    const terms = searchTerms(view.search);
    const shown = this.matches.slice(from, from + PAGE_SIZE);
    this.status.textContent = this.countText();
    this.rows.start = from + 1;
    replaceChildren(this.rows, ...shown.map((job) => jobRow(job, terms, formatViewState({ ...view, job: job.job }))));
    if (shown.length === 0) replaceChildren(this.rows, this.emptyRow());
    replaceChildren(this.pager, ...(pageCount > 1 ? this.pagerButtons(page, pageCount, from + shown.length) : []));
  }

  /** Moves the focus to the next or previous row. */
  moveFocus(by: 1 | -1): void {
    const links = [...this.rows.querySelectorAll<HTMLElement>('a.open')];
    const at = links.findIndex((link) => link === document.activeElement);
    links[at < 0 ? 0 : at + by]?.focus();
  }

  /** Focuses a job's row. */
  focus(job: string): void {
    [...this.rows.querySelectorAll<HTMLElement>('a.open')].find((link) => link.dataset.key === job)?.focus();
  }

  private countText(): string {
    const all = this.report.jobs.length;
    if (this.matches.length === all) return counted(all, 'job');
    return `${localization.number(this.matches.length)} of ${counted(all, 'job')} fit`;
  }

  private emptyRow(): HTMLElement {
    const click = () => {
      this.onChange({ ...DEFAULT_VIEW });
    };
    return h(
      'li',
      { class: 'card empty' },
      h('p', {}, 'No job fits the search and the filters.'),
      h('button', { type: 'button', click }, 'Show all jobs'),
    );
  }

  private pagerButtons(page: number, pageCount: number, to: number): HTMLElement[] {
    const button = (text: string, target: number, key: string) => {
      const click = () => {
        this.onChange({ part: target });
        this.element.scrollIntoView();
      };
      const disabled = target < 1 || target > pageCount;
      return h('button', { type: 'button', 'data-key': key, disabled, click }, text);
    };
    const range = `${localization.number((page - 1) * PAGE_SIZE + 1)}–${localization.number(to)} of ${localization.number(this.matches.length)}`;
    return [button('‹ Previous', page - 1, 'previous'), h('span', {}, range), button('Next ›', page + 1, 'next')];
  }
}
