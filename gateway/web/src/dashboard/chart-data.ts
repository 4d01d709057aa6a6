import type { ChartData } from './chart.ts';
import { interpolate, type Localization } from './localization.ts';
import type { Bucket, ConfidenceBin, Count, Reliability, Report } from './types.ts';

/** With fewer answers than this, a reliability chart says little. */
const SMALL_SAMPLE = 100;

/** The texts of a reliability chart. */
interface ReliabilityTexts {
  says: string;
  few: string;
  none: string;
}

/** Questions over time by outcome. */
export function volume(report: Report, localization: Localization): ChartData {
  const { charts } = localization.messages;
  const others = (bucket: Bucket) => bucket.questions - bucket.answered - bucket.unanswered - bucket.failed;
  const series = (label: string, colour: string, of: (bucket: Bucket) => number) => ({
    label,
    colour,
    values: report.timeline.map(of),
  });
  const most = [...report.timeline].sort((a, b) => b.questions - a.questions)[0];
  return {
    ...timelineLabels(report, localization),
    kind: 'stacked',
    series: [
      series(charts.answered, 'good', (bucket) => bucket.answered - bucket.cached),
      series(charts.cached, 'fine', (bucket) => bucket.cached),
      series(charts.others, 'mild', others),
      series(charts.unanswered, 'poor', (bucket) => bucket.unanswered),
      series(charts.failed, 'bad', (bucket) => bucket.failed),
    ],
    formatValue: (value) => (Number.isInteger(value) ? localization.number(value) : ''),
    description: interpolate(charts.volumeSays, {
      total: localization.number(report.totals.questions),
      most: localization.number(most?.questions ?? 0),
      when: most ? localization.bucket(most.start, report.period.bucket) : '',
    }),
  };
}

/** The shares of questions answered and expected to be answered right, over time. */
export function quality(report: Report, localization: Localization): ChartData {
  const { charts } = localization.messages;
  const { totals } = report;
  const rate = (count: (bucket: Bucket) => number) => (bucket: Bucket) => {
    const wanted = bucket.answered + bucket.unanswered + bucket.failed;
    return wanted > 0 ? count(bucket) / wanted : null;
  };
  return {
    ...timelineLabels(report, localization),
    kind: 'lines',
    series: [
      { label: charts.rate, colour: 'mild', values: report.timeline.map(rate((bucket) => bucket.answered)) },
      { label: charts.expected, colour: 'good', values: report.timeline.map(rate((bucket) => bucket.expected_right)) },
    ],
    formatValue: (value) => localization.percent(value),
    max: 1,
    description: interpolate(charts.qualitySays, {
      answered: localization.number(totals.answered),
      of: localization.number(totals.answered + totals.unanswered + totals.failed),
      right: localization.number(totals.expected_right),
    }),
  };
}

/** How many of the rated answers of each confidence helped. */
export const rated = (report: Report, localization: Localization): ChartData =>
  reliability(
    report.rated,
    localization.messages.reliability.helpful,
    localization.messages.reliability.ratings,
    localization,
  );

/** How many of the labelled answers of each confidence are right. */
export const labelled = (report: Report, localization: Localization): ChartData =>
  reliability(
    report.labelled,
    localization.messages.reliability.right,
    localization.messages.reliability.labelled,
    localization,
  );

function reliability(
  reliability: Reliability,
  share: string,
  of: ReliabilityTexts,
  localization: Localization,
): ChartData {
  const { messages } = localization;
  const label = (bin: ConfidenceBin) =>
    interpolate(messages.reliability.bin, {
      from: localization.percent(bin.from),
      to: localization.percent(bin.to),
      right: localization.number(bin.right),
      answers: localization.number(bin.answers),
    });
  return {
    kind: 'horizontal',
    labels: reliability.bins.map(label),
    series: [
      { label: messages.charts.confidence, colour: 'mild', values: reliability.bins.map((bin) => bin.confidence) },
      { label: share, colour: 'good', values: reliability.bins.map((bin) => bin.right / bin.answers) },
    ],
    formatValue: (value) => localization.percent(value),
    max: 1,
    labelHeading: messages.reliability.first,
    description: describeReliability(reliability, of, localization),
  };
}

/** Describes a reliability chart and how far it can be trusted. */
function describeReliability(reliability: Reliability, of: ReliabilityTexts, localization: Localization): string {
  const { reliability: messages } = localization.messages;
  if (reliability.error === null || reliability.error_by_chance === null) return of.none;
  const says = interpolate(of.says, {
    answers: localization.number(reliability.answers),
    right: localization.number(reliability.right),
    expected: localization.number(reliability.expected_right, 1),
  });
  const error = interpolate(messages.error, {
    error: percentagePoints(reliability.error, localization),
    chance: percentagePoints(reliability.error_by_chance, localization),
  });
  return [says, error, reliability.answers < SMALL_SAMPLE && of.few].filter(Boolean).join(' ');
}

/** A difference of two shares, in percentage points. */
export const percentagePoints = (difference: number, localization: Localization): string =>
  interpolate(localization.messages.reliability.points, { count: localization.number(difference * 100, 1) });

/** Response time over time. */
export function latency(report: Report, localization: Localization): ChartData {
  const { charts } = localization.messages;
  return {
    ...timelineLabels(report, localization),
    kind: 'lines',
    series: [
      { label: charts.p50, colour: 'fine', values: report.timeline.map((bucket) => bucket.p50_ms) },
      { label: charts.p95, colour: 'poor', values: report.timeline.map((bucket) => bucket.p95_ms) },
    ],
    formatValue: (value) => localization.duration(value),
    description: interpolate(charts.latencySays, {
      p50: localization.duration(report.totals.p50_ms),
      p95: localization.duration(report.totals.p95_ms),
    }),
  };
}

/** Waiting and working time of each stage. */
export function stages(report: Report, localization: Localization): ChartData {
  const { charts } = localization.messages;
  const [waited] = [...report.stages].sort((a, b) => b.waited_p95_ms - a.waited_p95_ms);
  const [worked] = [...report.stages].sort((a, b) => b.worked_p95_ms - a.worked_p95_ms);
  return {
    kind: 'horizontal',
    labels: report.stages.map((stage) => stage.stage),
    series: [
      { label: charts.waited, colour: 'mild', values: report.stages.map((stage) => stage.waited_p50_ms) },
      { label: charts.waited95, colour: 'other', values: report.stages.map((stage) => stage.waited_p95_ms) },
      { label: charts.worked, colour: 'fine', values: report.stages.map((stage) => stage.worked_p50_ms) },
      { label: charts.worked95, colour: 'poor', values: report.stages.map((stage) => stage.worked_p95_ms) },
    ],
    formatValue: (value) => localization.duration(value),
    labelHeading: charts.stage,
    description:
      waited && worked
        ? interpolate(charts.stagesSays, {
            worked: worked.stage,
            work: localization.duration(worked.worked_p95_ms),
            waited: waited.stage,
            wait: localization.duration(waited.waited_p95_ms),
          })
        : '',
  };
}

export const outcomes = (report: Report, localization: Localization): ChartData =>
  rankedCounts(report.outcomes, (name) => localization.label('outcomes', name), localization);

export const intents = (report: Report, localization: Localization): ChartData =>
  rankedCounts(report.intents, (name) => localization.label('intents', name), localization);

export const languages = (report: Report, localization: Localization): ChartData =>
  rankedCounts(report.languages, (name) => localization.label('languages', name), localization);

export function products(report: Report, localization: Localization): ChartData {
  const name = (id: string) => report.choices.products.find((product) => product.id === id)?.name ?? id;
  return rankedCounts(report.products, name, localization);
}

/** Answers, calls and failures of each provider. */
export function providers(report: Report, localization: Localization): ChartData {
  const { charts } = localization.messages;
  const { providers } = report;
  const total = providers.reduce((sum, provider) => sum + provider.answers, 0);
  const first = providers[0];
  return {
    kind: 'horizontal',
    labels: providers.map((provider) => provider.provider),
    series: [
      { label: charts.answers, colour: 'good', values: providers.map((provider) => provider.answers) },
      { label: charts.calls, colour: 'mild', values: providers.map((provider) => provider.calls) },
      { label: charts.failures, colour: 'bad', values: providers.map((provider) => provider.failures) },
    ],
    formatValue: (value) => (Number.isInteger(value) ? localization.number(value) : ''),
    labelHeading: charts.name,
    description: first
      ? interpolate(charts.topSays, {
          name: first.provider,
          count: localization.number(first.answers),
          total: localization.number(total),
        })
      : '',
  };
}

function rankedCounts(counts: Count[], name: (name: string) => string, localization: Localization): ChartData {
  const { charts } = localization.messages;
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  const first = counts[0];
  return {
    kind: 'horizontal',
    labels: counts.map((count) => name(count.name)),
    series: [{ label: charts.count, colour: 'fine', values: counts.map(({ count }) => count) }],
    formatValue: (value) => (Number.isInteger(value) ? localization.number(value) : ''),
    labelHeading: charts.name,
    description: first
      ? interpolate(charts.topSays, {
          name: name(first.name),
          count: localization.number(first.count),
          total: localization.number(total),
        })
      : '',
  };
}

function timelineLabels(report: Report, localization: Localization): { labels: string[]; labelHeading: string } {
  return {
    labels: report.timeline.map((bucket) => localization.bucket(bucket.start, report.period.bucket)),
    labelHeading: localization.messages.charts.time,
  };
}
