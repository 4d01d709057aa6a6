import type { ViewState, FilterName } from './view-state.ts';
import { fold, searchTerms } from './text-search.ts';
import { removedDocumentValues } from './removed-documents.ts';
import type { Job, Report } from './types.ts';

/** How many jobs are indexed at a time, so that the page stays responsive. */
const BATCH_SIZE = 200;

/** The values of a job for each filter. */
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

/** Searches, filters and sorts the jobs of a report. */
export class JobIndex {
  private readonly searchTexts: (string | undefined)[];
  private readonly rank: Map<string, number>;

  constructor(private readonly report: Report) {
    this.searchTexts = new Array<undefined>(report.jobs.length);
    this.rank = new Map(report.worst.map((job, at) => [job, at]));
  }

  /** Prepares the search texts in batches before the first search. */
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

  /** The jobs that match a view, in its order. */
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

  /** The values of a filter with their job counts, most frequent first. */
  valueCounts(name: FilterName): [string, number][] {
    const counts = new Map<string, number>();
    for (const job of this.report.jobs) {
      for (const value of FILTER_VALUES[name](job)) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts].sort((one, other) => other[1] - one[1]);
  }

  private compare(one: Job, other: Job, view: ViewState): number {
    if (view.order === 'time') return Date.parse(one.time) - Date.parse(other.time);
    // A job without a search has no overlap and comes last.
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

/** The URL percent-decoded, so that its words can be found. */
function decodedUrl(address: string): string {
  try {
    return decodeURI(address);
  } catch {
    return address;
  }
}
