import type { Figures } from './chart.ts';
import { fill, type Speech } from './language.ts';
import type { Bucket, Count, Report } from './types.ts';

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

/** Answer rate and confidence over time. */
export function quality(report: Report, speech: Speech): Figures {
  const { charts } = speech.words;
  const rate = ({ answered, unanswered, failed }: Bucket) => {
    const wanted = answered + unanswered + failed;
    return wanted > 0 ? answered / wanted : null;
  };
  return {
    ...overTime(report, speech),
    kind: 'lines',
    series: [
      { label: charts.rate, colour: 'good', values: report.timeline.map(rate) },
      { label: charts.confidence, colour: 'other', values: report.timeline.map((bucket) => bucket.confidence) },
    ],
    write: (value) => speech.percent(value),
    most: 1,
    says: fill(charts.qualitySays, {
      rate: speech.percent(report.totals.answer_rate),
      confidence: speech.percent(report.totals.confidence),
    }),
  };
}

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
