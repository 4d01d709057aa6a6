import { h, replace } from '../dashboard/dom.ts';
import { type Choice, EVERYTHING, sameList, writeChoice } from './view-state.ts';
import type { Jobs } from './job-index.ts';
import { wordsOf } from './text-search.ts';
import { row } from './job-row.ts';
import type { Job, Report } from './types.ts';
import { counted, speech } from './labels.ts';

/** How many jobs stand in one part of the list. */
const PART = 50;

/** The jobs that fit the choice, a part at a time. */
export class JobList {
  private readonly status = h('p', { class: 'count', role: 'status' });
  private readonly rows = h('ol', { class: 'jobs' });
  private readonly pager = h('nav', { class: 'pager', 'aria-label': 'Parts of the list' });
  private shown: Choice | undefined;
  private fitting: Job[] = [];
  readonly element = h('div', { class: 'list' }, this.status, this.rows, this.pager);

  constructor(
    private readonly report: Report,
    private readonly jobs: Jobs,
    private readonly choose: (choice: Partial<Choice>) => void,
  ) {}

  /** The jobs that fit, in their order. */
  get all(): readonly Job[] {
    return this.fitting;
  }

  /** The part of the list that holds a job. */
  partOf(job: string): number | undefined {
    const at = this.fitting.findIndex((candidate) => candidate.job === job);
    return at < 0 ? undefined : Math.floor(at / PART) + 1;
  }

  /** Shows a choice; nothing is touched when it is the same list as before. */
  update(choice: Choice): void {
    if (this.shown && sameList(this.shown, choice)) return;
    this.shown = choice;
    this.fitting = this.jobs.choose(choice);
    const parts = Math.max(1, Math.ceil(this.fitting.length / PART));
    const part = Math.min(choice.part, parts);
    const from = (part - 1) * PART;
    const words = wordsOf(choice.search);
    const shown = this.fitting.slice(from, from + PART);
    this.status.textContent = this.count();
    this.rows.start = from + 1;
    replace(this.rows, ...shown.map((job) => row(job, words, writeChoice({ ...choice, job: job.job }))));
    if (shown.length === 0) replace(this.rows, this.nothing());
    replace(this.pager, ...(parts > 1 ? this.turns(part, parts, from + shown.length) : []));
  }

  /** Moves the focus along the rows. */
  step(by: 1 | -1): void {
    const links = [...this.rows.querySelectorAll<HTMLElement>('a.open')];
    const at = links.findIndex((link) => link === document.activeElement);
    links[at < 0 ? 0 : at + by]?.focus();
  }

  /** Puts the focus on a job's row. */
  focus(job: string): void {
    [...this.rows.querySelectorAll<HTMLElement>('a.open')].find((link) => link.dataset.key === job)?.focus();
  }

  private count(): string {
    const all = this.report.jobs.length;
    if (this.fitting.length === all) return counted(all, 'job');
    return `${speech.number(this.fitting.length)} of ${counted(all, 'job')} fit`;
  }

  private nothing(): HTMLElement {
    const click = () => {
      this.choose({ ...EVERYTHING });
    };
    return h(
      'li',
      { class: 'card empty' },
      h('p', {}, 'No job fits the search and the filters.'),
      h('button', { type: 'button', click }, 'Show all jobs'),
    );
  }

  private turns(part: number, parts: number, to: number): HTMLElement[] {
    const turn = (text: string, target: number, key: string) => {
      const click = () => {
        this.choose({ part: target });
        this.element.scrollIntoView();
      };
      const disabled = target < 1 || target > parts;
      return h('button', { type: 'button', 'data-key': key, disabled, click }, text);
    };
    const range = `${speech.number((part - 1) * PART + 1)}–${speech.number(to)} of ${speech.number(this.fitting.length)}`;
    return [turn('‹ Previous', part - 1, 'previous'), h('span', {}, range), turn('Next ›', part + 1, 'next')];
  }
}
