import { h, link, replaceChildren } from '../dashboard/dom.ts';
import { answerComparison } from './answers.ts';
import { stageComparison } from './stage-comparison.ts';
import { formatEighths } from './format.ts';
import { passageComparison } from './passages.ts';
import { badges } from './job-row.ts';
import type { Job } from './types.ts';
import { langOf, label, localization } from './labels.ts';

/** One job, recorded and replayed, side by side. */
export class JobDialog {
  private readonly position = h('p', { class: 'place', role: 'status' });
  private readonly previous = this.stepButton('Previous job', '‹', -1);
  private readonly next = this.stepButton('Next job', '›', 1);
  private readonly heading = h('h2', { id: 'job-heading', tabindex: -1 });
  private readonly body = h('div', { class: 'sides' });
  readonly element: HTMLDialogElement;

  /** `onStep` opens the previous or next job in the list; `onClose` is called when the dialog closes. */
  constructor(
    private readonly onStep: (by: 1 | -1) => void,
    onClose: () => void,
  ) {
    const closeDialog = () => {
      this.element.close();
    };
    const close = h('button', { type: 'button', class: 'shut', 'aria-label': 'Close', click: closeDialog }, '×');
    this.element = h(
      'dialog',
      { class: 'side-by-side', 'aria-labelledby': 'job-heading', close: onClose },
      h('div', { class: 'bar' }, this.position, h('span', { class: 'turns' }, this.previous, this.next, close)),
      this.body,
    );
  }

  get open(): boolean {
    return this.element.open;
  }

  /** Shows a job and its position in the list, or says that the report does not contain it. */
  show(id: string, job: Job | undefined, list: readonly Job[]): void {
    const at = job === undefined ? -1 : list.indexOf(job);
    this.position.textContent =
      at >= 0 ? `${localization.number(at + 1)} of ${localization.number(list.length)}` : 'Not in the list';
    this.previous.disabled = at < 1;
    this.next.disabled = at + 1 >= list.length;
    this.heading.lang = langOf(job?.language ?? 'en') ?? '';
    this.heading.textContent = job?.question ?? 'Not in this report';
    replaceChildren(this.body, ...(job ? this.content(job) : this.missing(id)));
    if (!this.open) this.element.showModal();
    this.element.scrollTop = 0;
    this.heading.focus({ preventScroll: true });
  }

  close(): void {
    if (this.open) this.element.close();
  }

  private content(job: Job): HTMLElement[] {
    const parts = [localization.dateTime(job.time), label('language', job.language)];
    return [
      h(
        'div',
        { class: 'asked-for' },
        this.heading,
        h(
          'p',
          { class: 'note' },
          parts.join(' · '),
          job.page !== '' && ' · asked on ',
          job.page !== '' && link(job.page),
        ),
        h('p', { class: 'badges' }, ...badges(job)),
        job.problem && h('p', { class: 'warn' }, job.problem.what),
        h('p', {}, differenceSummary(job)),
      ),
      answerComparison(job),
      passageComparison(job),
      stageComparison(job),
      h('p', { class: 'note ids' }, `Job ${job.job} · session ${job.session}`),
    ];
  }

  private missing(id: string): HTMLElement[] {
    const text = `The job ${id} came out the same, or differs less than those that this report shows.`;
    return [h('div', { class: 'asked-for' }, this.heading, h('p', {}, text))];
  }

  private stepButton(label: string, sign: string, by: 1 | -1): HTMLButtonElement {
    const click = () => {
      this.onStep(by);
    };
    return h('button', { type: 'button', 'aria-label': label, click }, sign);
  }
}

/** What differs, in a sentence. */
function differenceSummary(job: Job): string {
  const aspects = job.aspects.map((aspect) => label('aspect', aspect).toLowerCase()).join(', ');
  const parts = [`First differs in the ${label('first', job.first).toLowerCase()}; in all: ${aspects}.`];
  if (job.overlap !== null) parts.push(`Passages found again: ${formatEighths(job.overlap)}.`);
  if (job.meaning !== null) parts.push(`Alike by meaning: ${localization.percent(job.meaning)}.`);
  return parts.join(' ');
}
