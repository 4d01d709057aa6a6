import { h, replace } from '../dashboard/dom.ts';
import { Charts } from './charts.ts';
import { type Choice, EVERYTHING, readChoice, writeChoice } from './view-state.ts';
import { evidence } from './evidence.ts';
import { Jobs } from './job-index.ts';
import { Form } from './filter-form.ts';
import { gone } from './removed-documents.ts';
import { JobView } from './job-dialog.ts';
import { JobList } from './job-list.ts';
import { opening, tiles } from './overview.ts';
import { run } from './run-details.ts';
import type { Report } from './types.ts';
import { counted, speech } from './labels.ts';

/** How long the address waits for the choice to rest, in milliseconds. Browsers refuse many changes in a short time. */
const REST = 250;

/** The whole report. What is chosen flows from here to the views alone. */
export class Page {
  private choice: Choice = readChoice(location.hash);
  private timer: number | undefined;
  private readonly jobs: Jobs;
  private readonly charts: Charts;
  private readonly form: Form;
  private readonly list: JobList;
  private readonly view: JobView;
  private readonly found = h('h2', { id: 'jobs', tabindex: -1 }, 'Jobs that differ');

  constructor(
    private readonly root: HTMLElement,
    private readonly report: Report,
  ) {
    const choose = (choice: Partial<Choice>) => {
      this.choose(choice);
    };
    this.jobs = new Jobs(report);
    this.charts = new Charts(report.summary, (choice) => {
      this.choose({ ...EVERYTHING, ...choice });
      this.toList();
    });
    this.form = new Form(this.jobs, choose);
    this.list = new JobList(report, this.jobs, choose);
    this.view = new JobView(
      (by) => {
        this.step(by);
      },
      () => {
        this.closed();
      },
    );
  }

  start(): void {
    const { report } = this;
    const toList = () => {
      this.toList();
    };
    const show = (choice: Partial<Choice>) => {
      this.choose({ ...EVERYTHING, ...choice });
      this.toList();
    };
    const replayed = report.summary.replayed > 0;
    const main = h(
      'main',
      {},
      opening(report, toList),
      h('h2', {}, 'Overview'),
      h('dl', { class: 'tiles' }, ...tiles(report, show)),
      replayed && h('h2', {}, 'Charts'),
      replayed && this.charts.element,
      ...gone(report.summary, show),
      h('h2', {}, 'Better or worse'),
      evidence(report, show),
      this.found,
      ...this.listed(),
      h('h2', {}, 'How this report was made'),
      run(report),
    );
    const skip = h('button', { type: 'button', class: 'skip', click: toList }, 'Skip to the jobs');
    replace(this.root, skip, main, this.view.element);
    document.title = `Replay of ${report.recording}`;
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.charts.draw();
    });
    addEventListener('hashchange', () => {
      this.choice = readChoice(location.hash);
      this.render();
    });
    addEventListener('keydown', (event) => {
      this.pressed(event);
    });
    if (replayed) this.charts.draw();
    this.render();
    this.jobs.prepare();
  }

  private listed(): HTMLElement[] {
    const { jobs, shown, differing } = this.report;
    if (jobs.length === 0) {
      return [h('p', { class: 'card empty' }, 'No job differs. There is nothing to look into.')];
    }
    const cut =
      differing > shown &&
      `These are the ${speech.number(shown)} that differ most of ${counted(differing, 'job')} that differ.`;
    const keys = 'Keys: / searches, j and k go down and up, Enter opens, Escape closes.';
    return [
      h('p', { class: 'note' }, cut && `${cut} `, h('span', { class: 'keys' }, keys)),
      this.form.element,
      this.list.element,
    ];
  }

  /** Takes over a part of a choice. A list that is another one begins at its start. */
  private choose(choice: Partial<Choice>): void {
    this.choice = { ...this.choice, part: 1, ...choice };
    this.render();
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      history.replaceState(null, '', writeChoice(this.choice));
    }, REST);
  }

  private render(): void {
    const { choice } = this;
    this.form.update(choice);
    this.list.update(choice);
    if (choice.job === '') this.view.close();
    else this.view.show(choice.job, this.jobs.find(choice.job), this.list.all);
  }

  /** Goes to the neighbour of the open job. */
  private step(by: 1 | -1): void {
    const at = this.list.all.findIndex(({ job }) => job === this.choice.job);
    const next = this.list.all[at + by];
    if (next) this.choose({ job: next.job, part: this.choice.part });
  }

  /** Goes back to the list, to the row of the job that was open. */
  private closed(): void {
    const { job } = this.choice;
    if (job === '') return;
    this.choose({ job: '', part: this.list.partOf(job) ?? this.choice.part });
    this.list.focus(job);
  }

  private toList(): void {
    this.found.scrollIntoView();
    this.found.focus({ preventScroll: true });
  }

  private pressed(event: KeyboardEvent): void {
    const writing = event.target instanceof HTMLElement && event.target.matches('input, select');
    if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
    const { open } = this.view;
    const listed = document.activeElement?.closest('.jobs') !== null;
    if (event.key === 'j' || (event.key === 'ArrowRight' && open) || (event.key === 'ArrowDown' && listed && !open)) {
      this.go(1, event);
    } else if (
      event.key === 'k' ||
      (event.key === 'ArrowLeft' && open) ||
      (event.key === 'ArrowUp' && listed && !open)
    ) {
      this.go(-1, event);
    } else if (event.key === '/' && !open) {
      event.preventDefault();
      this.form.focus();
    }
  }

  private go(by: 1 | -1, event: Event): void {
    event.preventDefault();
    if (this.view.open) this.step(by);
    else this.list.step(by);
  }
}
