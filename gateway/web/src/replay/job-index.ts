import type { ViewState, FilterName } from './view-state.ts';
import { fold, searchTerms } from './text-search.ts';
import { removedDocumentValues } from './removed-documents.ts';
import type { Job, Report } from './types.ts';

/** How many jobs are made ready for the search at once, so that the page answers meanwhile. */
const BATCH_SIZE = 200;

/** What a job has for each filter. */
export const FILTER_VALUES: Record<FilterName, (job: Job) => string[]> = {
  kind: changeKinds,
  first: (job) => [job.first],
  aspect: (job) => job.aspects,
  judged: (job) => (job.judged === null ? [] : [job.judged]),
  gone: removedDocumentValues,
  intent: (job) => distinctValues(job.before.intent?.name, job.after.intent?.name),
  product: (job) => distinctValues(job.before.product, job.after.product),
  language: (job) => [job.language],
};

function changeKinds(job: Job): string[] {
  const kinds = job.visible ? ['visible'] : [];
  if (job.problem) kinds.push(job.problem.code === 'needs_model' ? 'needs_model' : 'failed');
  return kinds.length > 0 ? kinds : ['inside'];
}

function distinctValues(before: string | null | undefined, after: string | null | undefined): string[] {
  return [...new Set([before, after])].filter((value) => typeof value === 'string');
}

/** The jobs of a report, as the reader wants them. */
export class JobIndex {
  private readonly searchTexts: (string | undefined)[];
  private readonly rank: Map<string, number>;

  constructor(private readonly report: Report) {
    this.searchTexts = new Array<undefined>(report.jobs.length);
    this.rank = new Map(report.worst.map((job, at) => [job, at]));
  }

  /** Makes the texts ready for the search, a few at a time, before somebody asks. */
  prepareSearch(from = 0): void {
    const to = Math.min(from + BATCH_SIZE, this.searchTexts.length);
    for (let at = from; at < to; at += 1) this.searchText(at);
    if (to < this.searchTexts.length)
      setTimeout(() => {
        this.prepareSearch(to);
      });
  }

  find(job: string): Job | undefined {
    return this.report.jobs.find((candidate) => candidate.job === job);
  }

  /** The jobs that fit a choice, in its order. */
  query(view: ViewState): Job[] {
    const terms = searchTerms(view.search);
    const filters = (Object.keys(FILTER_VALUES) as FilterName[]).filter((name) => view[name] !== '');
    const found = this.report.jobs.filter(
      (job, at) =>
        filters.every((name) => FILTER_VALUES[name](job).includes(view[name])) &&
        (terms.length === 0 || terms.every((term) => this.searchText(at).includes(term))),
    );
    return found.sort((one, other) => this.compare(one, other, view));
  }

  /** The values of a filter with the number of their jobs, most frequent first. */
  valueCounts(name: FilterName): [string, number][] {
    const counts = new Map<string, number>();
    for (const job of this.report.jobs) {
      for (const value of FILTER_VALUES[name](job)) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts].sort((one, other) => other[1] - one[1]);
  }

  private compare(one: Job, other: Job, view: ViewState): number {
    if (view.order === 'time') return Date.parse(one.time) - Date.parse(other.time);
    // A job that looked for nothing has no overlap, and comes last.
    if (view.order === 'overlap') return (one.overlap ?? 2) - (other.overlap ?? 2) || other.distance - one.distance;
    const last = this.rank.size;
    const rank = (job: Job) => this.rank.get(job.job) ?? last;
    return rank(one) - rank(other) || other.distance - one.distance;
  }

  private searchText(at: number): string {
    const job = this.report.jobs[at];
    if (job === undefined) return '';
    return (this.searchTexts[at] ??= fold(
      [job.question, job.before.answer?.text, job.after.answer?.text, decodedUrl(job.page), job.page, job.job].join(
        '\n',
      ),
    ));
  }
}

/** An address as it is read, so that words in it are found. */
function decodedUrl(address: string): string {
  try {
    return decodeURI(address);
  } catch {
    return address;
  }
}
