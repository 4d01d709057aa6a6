import { h, replaceChildren } from '../dashboard/dom.ts';
import { SummaryCharts } from './charts.ts';
import { type ViewState, DEFAULT_VIEW, parseViewState, formatViewState } from './view-state.ts';
import { evidenceCards } from './evidence.ts';
import { JobIndex } from './job-index.ts';
import { FilterForm } from './filter-form.ts';
import { removedDocuments } from './removed-documents.ts';
import { JobDialog } from './job-dialog.ts';
import { JobList } from './job-list.ts';
import { reportHeader, summaryTiles } from './overview.ts';
import { runDetails } from './run-details.ts';
import type { Report } from './types.ts';
import { counted, localization } from './labels.ts';

/** Debounce of URL updates, in milliseconds. Browsers limit how often the URL may change. */
const URL_UPDATE_DELAY_MS = 250;

/** The whole report. It owns the view state and passes it down to its parts. */
export class ReportPage {
  private view: ViewState = parseViewState(location.hash);
  private timer: number | undefined;
  private readonly jobIndex: JobIndex;
  private readonly charts: SummaryCharts;
  private readonly form: FilterForm;
  private readonly list: JobList;
  private readonly dialog: JobDialog;
  private readonly jobsHeading = h('h2', { id: 'jobs', tabindex: -1 }, 'Jobs that differ');

  constructor(
    private readonly root: HTMLElement,
    private readonly report: Report,
  ) {
    const updateView = (view: Partial<ViewState>) => {
      this.updateView(view);
    };
    this.jobIndex = new JobIndex(report);
    this.charts = new SummaryCharts(report.summary, (view) => {
      this.updateView({ ...DEFAULT_VIEW, ...view });
      this.scrollToList();
    });
    this.form = new FilterForm(this.jobIndex, updateView);
    this.list = new JobList(report, this.jobIndex, updateView);
    this.dialog = new JobDialog(
      (by) => {
        this.step(by);
      },
      () => {
        this.onDialogClose();
      },
    );
  }

  start(): void {
    const { report } = this;
    const scrollToList = () => {
      this.scrollToList();
    };
    const show = (view: Partial<ViewState>) => {
      this.updateView({ ...DEFAULT_VIEW, ...view });
      this.scrollToList();
    };
    const replayed = report.summary.replayed > 0;
    const main = h(
      'main',
      {},
      reportHeader(report, scrollToList),
      h('h2', {}, 'Overview'),
      h('dl', { class: 'tiles' }, ...summaryTiles(report, show)),
      replayed && h('h2', {}, 'Charts'),
      replayed && this.charts.element,
      ...removedDocuments(report.summary, show),
      h('h2', {}, 'Better or worse'),
      evidenceCards(report, show),
      this.jobsHeading,
      ...this.jobsSection(),
      h('h2', {}, 'How this report was made'),
      runDetails(report),
    );
    const skip = h('button', { type: 'button', class: 'skip', click: scrollToList }, 'Skip to the jobs');
    replaceChildren(this.root, skip, main, this.dialog.element);
    document.title = `Replay of ${report.recording}`;
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.charts.draw();
    });
    addEventListener('hashchange', () => {
      this.view = parseViewState(location.hash);
      this.render();
    });
    addEventListener('keydown', (event) => {
      this.onKeydown(event);
    });
    if (replayed) this.charts.draw();
    this.render();
    this.jobIndex.prepareSearch();
  }

  private jobsSection(): HTMLElement[] {
    const { jobs, shown, differing } = this.report;
    if (jobs.length === 0) {
      return [h('p', { class: 'card empty' }, 'No job differs. There is nothing to look into.')];
    }
    const truncated =
      differing > shown &&
      `These are the ${localization.number(shown)} that differ most of ${counted(differing, 'job')} that differ.`;
    const keys = 'Keys: / searches, j and k go down and up, Enter opens, Escape closes.';
    return [
      h('p', { class: 'note' }, truncated && `${truncated} `, h('span', { class: 'keys' }, keys)),
      this.form.element,
      this.list.element,
    ];
  }

  /** Updates part of the view state. A changed list starts at its first page. */
  private updateView(view: Partial<ViewState>): void {
    this.view = { ...this.view, part: 1, ...view };
    this.render();
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      history.replaceState(null, '', formatViewState(this.view));
    }, URL_UPDATE_DELAY_MS);
  }

  private render(): void {
    const { view } = this;
    this.form.update(view);
    this.list.update(view);
    if (view.job === '') this.dialog.close();
    else this.dialog.show(view.job, this.jobIndex.find(view.job), this.list.all);
  }

  /** Opens the job before or after the open one. */
  private step(by: 1 | -1): void {
    const at = this.list.all.findIndex(({ job }) => job === this.view.job);
    const next = this.list.all[at + by];
    if (next) this.updateView({ job: next.job, part: this.view.part });
  }

  /** Returns to the list and focuses the row of the job that was open. */
  private onDialogClose(): void {
    const { job } = this.view;
    if (job === '') return;
    this.updateView({ job: '', part: this.list.pageOf(job) ?? this.view.part });
    this.list.focus(job);
  }

  private scrollToList(): void {
    this.jobsHeading.scrollIntoView();
    this.jobsHeading.focus({ preventScroll: true });
  }

  private onKeydown(event: KeyboardEvent): void {
    const writing = event.target instanceof HTMLElement && event.target.matches('input, select');
    if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
    const { open } = this.dialog;
    const listed = document.activeElement?.closest('.jobs') !== null;
    if (event.key === 'j' || (event.key === 'ArrowRight' && open) || (event.key === 'ArrowDown' && listed && !open)) {
      this.move(1, event);
    } else if (
      event.key === 'k' ||
      (event.key === 'ArrowLeft' && open) ||
      (event.key === 'ArrowUp' && listed && !open)
    ) {
      this.move(-1, event);
    } else if (event.key === '/' && !open) {
      event.preventDefault();
      this.form.focus();
    }
  }

  private move(by: 1 | -1, event: Event): void {
    event.preventDefault();
    if (this.dialog.open) this.step(by);
    else this.list.moveFocus(by);
  }
}
