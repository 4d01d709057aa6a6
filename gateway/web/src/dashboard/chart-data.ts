import type { Figures } from './chart.ts';
import { fill, type Speech } from './localization.ts';
import type { Bucket, ConfidenceBin, Count, Reliability, Report } from './types.ts';

/** With fewer answers than this the shares of a reliability say little. */
const FEW = 100;

/** What is said of a reliability. */
interface Sentences {
  says: string;
  few: string;
  none: string;
}

/** Questions over time, by how they ended. */
export function volume(report: Report, speech: Speech): Figures {
  const { charts } = speech.words;
  const others = (bucket: Bucket) => bucket.questions - bucket.answered - bucket.unanswered - bucket.failed;
  const series = (label: string, colour: string, of: (bucket: Bucket) => number) => ({
    label,
    colour,
    values: report.timeline.map(of),
  });
  const most = [...report.timeline].sort((a, b) => b.questions - a.questions)[0];
  return {
    ...overTime(report, speech),
    kind: 'stacked',
    series: [
      series(charts.answered, 'good', (bucket) => bucket.answered - bucket.cached),
      series(charts.cached, 'fine', (bucket) => bucket.cached),
      series(charts.others, 'mild', others),
      series(charts.unanswered, 'poor', (bucket) => bucket.unanswered),
      series(charts.failed, 'bad', (bucket) => bucket.failed),
    ],
    write: (value) => (Number.isInteger(value) ? speech.number(value) : ''),
    says: fill(charts.volumeSays, {
      total: speech.number(report.totals.questions),
      most: speech.number(most?.questions ?? 0),
      when: most ? speech.bucket(most.start, report.period.bucket) : '',
    }),
  };
}

/** How many questions were answered over time, and how many of all are answered right, as the confidence says. */
export function quality(report: Report, speech: Speech): Figures {
  const { charts } = speech.words;
  const { totals } = report;
  const rate = (count: (bucket: Bucket) => number) => (bucket: Bucket) => {
    const wanted = bucket.answered + bucket.unanswered + bucket.failed;
    return wanted > 0 ? count(bucket) / wanted : null;
  };
  return {
    ...overTime(report, speech),
    kind: 'lines',
    series: [
      { label: charts.rate, colour: 'mild', values: report.timeline.map(rate((bucket) => bucket.answered)) },
      { label: charts.expected, colour: 'good', values: report.timeline.map(rate((bucket) => bucket.expected_right)) },
    ],
    write: (value) => speech.percent(value),
    most: 1,
    says: fill(charts.qualitySays, {
      answered: speech.number(totals.answered),
      of: speech.number(totals.answered + totals.unanswered + totals.failed),
      right: speech.number(totals.expected_right),
    }),
  };
}

/** How many of the rated answers of each confidence helped. */
export const rated = (report: Report, speech: Speech): Figures =>
  reliability(report.rated, speech.words.reliability.helpful, speech.words.reliability.ratings, speech);

/** How many of the labelled answers of each confidence are right. */
export const labelled = (report: Report, speech: Speech): Figures =>
  reliability(report.labelled, speech.words.reliability.right, speech.words.reliability.labelled, speech);

function reliability(found: Reliability, share: string, of: Sentences, speech: Speech): Figures {
  const { words } = speech;
  const label = (bin: ConfidenceBin) =>
    fill(words.reliability.bin, {
      from: speech.percent(bin.from),
      to: speech.percent(bin.to),
      right: speech.number(bin.right),
      answers: speech.number(bin.answers),
    });
  return {
    kind: 'across',
    labels: found.bins.map(label),
    series: [
      { label: words.charts.confidence, colour: 'mild', values: found.bins.map((bin) => bin.confidence) },
      { label: share, colour: 'good', values: found.bins.map((bin) => bin.right / bin.answers) },
    ],
    write: (value) => speech.percent(value),
    most: 1,
    first: words.reliability.first,
    says: sentence(found, of, speech),
  };
}

/** What a reliability says, and how much that is worth. */
function sentence(found: Reliability, of: Sentences, speech: Speech): string {
  const { reliability: words } = speech.words;
  if (found.error === null || found.error_by_chance === null) return of.none;
  const says = fill(of.says, {
    answers: speech.number(found.answers),
    right: speech.number(found.right),
    expected: speech.number(found.expected_right, 1),
  });
  const error = fill(words.error, {
    error: points(found.error, speech),
    chance: points(found.error_by_chance, speech),
  });
  return [says, error, found.answers < FEW && of.few].filter(Boolean).join(' ');
}

/** A difference of two shares, in percentage points. */
export const points = (difference: number, speech: Speech): string =>
  fill(speech.words.reliability.points, { count: speech.number(difference * 100, 1) });

/** Response time over time. */
export function latency(report: Report, speech: Speech): Figures {
  const { charts } = speech.words;
  return {
    ...overTime(report, speech),
    kind: 'lines',
    series: [
      { label: charts.p50, colour: 'fine', values: report.timeline.map((bucket) => bucket.p50_ms) },
      { label: charts.p95, colour: 'poor', values: report.timeline.map((bucket) => bucket.p95_ms) },
    ],
    write: (value) => speech.span(value),
    says: fill(charts.latencySays, {
      p50: speech.span(report.totals.p50_ms),
      p95: speech.span(report.totals.p95_ms),
    }),
  };
}

/** Time waited and worked in each stage. */
export function stages(report: Report, speech: Speech): Figures {
  const { charts } = speech.words;
  const both = report.stages.map((stage) => stage.waited_p95_ms + stage.worked_p95_ms);
  const slowest = both.indexOf(Math.max(...both));
  return {
    kind: 'across',
    labels: report.stages.map((stage) => stage.stage),
    series: [
      { label: charts.waited, colour: 'mild', values: report.stages.map((stage) => stage.waited_p50_ms) },
      { label: charts.waited95, colour: 'other', values: report.stages.map((stage) => stage.waited_p95_ms) },
      { label: charts.worked, colour: 'fine', values: report.stages.map((stage) => stage.worked_p50_ms) },
      { label: charts.worked95, colour: 'poor', values: report.stages.map((stage) => stage.worked_p95_ms) },
    ],
    write: (value) => speech.span(value),
    first: charts.stage,
    says: fill(charts.stagesSays, {
      stage: report.stages[slowest]?.stage ?? '',
      p95: speech.span(both[slowest] ?? 0),
    }),
  };
}

export const outcomes = (report: Report, speech: Speech): Figures =>
  top(report.outcomes, (name) => speech.named('outcomes', name), speech);

export const intents = (report: Report, speech: Speech): Figures =>
  top(report.intents, (name) => speech.named('intents', name), speech);

export const languages = (report: Report, speech: Speech): Figures =>
  top(report.languages, (name) => speech.named('languages', name), speech);

export function products(report: Report, speech: Speech): Figures {
  const name = (id: string) => report.choices.products.find((product) => product.id === id)?.name ?? id;
  return top(report.products, name, speech);
}

/** Who answered, and who could not. */
export function providers(report: Report, speech: Speech): Figures {
  const { charts } = speech.words;
  const { providers } = report;
  const total = providers.reduce((sum, provider) => sum + provider.answers, 0);
  return {
    kind: 'across',
    labels: providers.map((provider) => provider.provider),
    series: [
      { label: charts.answers, colour: 'good', values: providers.map((provider) => provider.answers) },
      { label: charts.calls, colour: 'mild', values: providers.map((provider) => provider.calls) },
      { label: charts.failures, colour: 'bad', values: providers.map((provider) => provider.failures) },
    ],
    write: (value) => (Number.isInteger(value) ? speech.number(value) : ''),
    first: charts.name,
    says: fill(charts.topSays, {
      name: providers[0]?.provider ?? '',
      count: speech.number(providers[0]?.answers ?? 0),
      total: speech.number(total),
    }),
  };
}

function top(counts: Count[], name: (name: string) => string, speech: Speech): Figures {
  const { charts } = speech.words;
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  const first = counts[0];
  return {
    kind: 'across',
    labels: counts.map((count) => name(count.name)),
    series: [{ label: charts.count, colour: 'fine', values: counts.map(({ count }) => count) }],
    write: (value) => (Number.isInteger(value) ? speech.number(value) : ''),
    first: charts.name,
    says: first
      ? fill(charts.topSays, {
          name: name(first.name),
          count: speech.number(first.count),
          total: speech.number(total),
        })
      : '',
  };
}

function overTime(report: Report, speech: Speech): { labels: string[]; first: string } {
  return {
    labels: report.timeline.map((bucket) => speech.bucket(bucket.start, report.period.bucket)),
    first: speech.words.charts.time,
  };
}
