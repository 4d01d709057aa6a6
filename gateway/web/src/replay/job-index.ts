import type { Choice, Filter } from './view-state.ts';
import { fold, wordsOf } from './text-search.ts';
import { goneOf } from './removed-documents.ts';
import type { Job, Report } from './types.ts';

/** How many jobs are made ready for the search at once, so that the page answers meanwhile. */
const AT_ONCE = 200;

/** What a job has for each filter. */
export const VALUES: Record<Filter, (job: Job) => string[]> = {
  kind: kindsOf,
  first: (job) => [job.first],
  aspect: (job) => job.aspects,
  judged: (job) => (job.judged === null ? [] : [job.judged]),
  gone: goneOf,
  intent: (job) => both(job.before.intent?.name, job.after.intent?.name),
  product: (job) => both(job.before.product, job.after.product),
  language: (job) => [job.language],
};

function kindsOf(job: Job): string[] {
  const kinds = job.visible ? ['visible'] : [];
  if (job.problem) kinds.push(job.problem.code === 'needs_model' ? 'needs_model' : 'failed');
  return kinds.length > 0 ? kinds : ['inside'];
}

function both(before: string | null | undefined, after: string | null | undefined): string[] {
  return [...new Set([before, after])].filter((value) => typeof value === 'string');
}

/** The jobs of a report, as the reader wants them. */
export class Jobs {
  private readonly texts: (string | undefined)[];
  private readonly rank: Map<string, number>;

  constructor(private readonly report: Report) {
    this.texts = new Array<undefined>(report.jobs.length);
    this.rank = new Map(report.worst.map((job, at) => [job, at]));
  }

  /** Makes the texts ready for the search, a few at a time, before somebody asks. */
  prepare(from = 0): void {
    const to = Math.min(from + AT_ONCE, this.texts.length);
    for (let at = from; at < to; at += 1) this.textOf(at);
    if (to < this.texts.length)
      setTimeout(() => {
        this.prepare(to);
      });
  }

  find(job: string): Job | undefined {
    return this.report.jobs.find((candidate) => candidate.job === job);
  }

  /** The jobs that fit a choice, in its order. */
  choose(choice: Choice): Job[] {
    const words = wordsOf(choice.search);
    const filters = (Object.keys(VALUES) as Filter[]).filter((name) => choice[name] !== '');
    const found = this.report.jobs.filter(
      (job, at) =>
        filters.every((name) => VALUES[name](job).includes(choice[name])) &&
        (words.length === 0 || words.every((word) => this.textOf(at).includes(word))),
    );
    return found.sort((one, other) => this.compare(one, other, choice));
  }

  /** The values of a filter with the number of their jobs, most frequent first. */
  values(name: Filter): [string, number][] {
    const counts = new Map<string, number>();
    for (const job of this.report.jobs) {
      for (const value of VALUES[name](job)) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts].sort((one, other) => other[1] - one[1]);
  }

  private compare(one: Job, other: Job, choice: Choice): number {
    if (choice.order === 'time') return Date.parse(one.time) - Date.parse(other.time);
    // A job that looked for nothing has no overlap, and comes last.
    if (choice.order === 'overlap') return (one.overlap ?? 2) - (other.overlap ?? 2) || other.distance - one.distance;
    const last = this.rank.size;
    const rank = (job: Job) => this.rank.get(job.job) ?? last;
    return rank(one) - rank(other) || other.distance - one.distance;
  }

  private textOf(at: number): string {
    const job = this.report.jobs[at];
    if (job === undefined) return '';
    return (this.texts[at] ??= fold(
      [job.question, job.before.answer?.text, job.after.answer?.text, readable(job.page), job.page, job.job].join('\n'),
    ));
  }
}

/** An address as it is read, so that words in it are found. */
function readable(address: string): string {
  try {
    return decodeURI(address);
  } catch {
    return address;
  }
}
