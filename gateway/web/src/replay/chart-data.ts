import type { ChartData } from '../dashboard/chart.ts';
import type { ViewState } from './view-state.ts';
import { formatEighths } from './format.ts';
import { ASPECTS, type GroupChanges, STAGES, type Summary } from './types.ts';
import { counted, label, localization } from './labels.ts';

/** Shows the jobs behind a bar of a chart. */
type Show = (choice: Partial<ViewState>) => void;

const STAGE_DIFFERENCES: Record<string, string> = {
  classifier: 'another intent, product or wording to search for',
  retriever: 'other passages, or another order',
  reranker: 'other scores of the same passages',
  generator: 'other words, citations or confidence from the same passages',
};

const count = (value: number) => (Number.isInteger(value) ? localization.number(value) : '');
const percent = (value: number) => localization.percent(value);

/** The number of jobs by the stage in which they first differ. */
export function firstDifferences({ first }: Summary, show: Show): ChartData {
  const stages = STAGES.map((stage): [string, number] => [stage, first[stage] ?? 0]);
  const [most, jobs] = [...stages].sort((one, other) => other[1] - one[1])[0] ?? ['', 0];
  return {
    kind: 'horizontal',
    labels: stages.map(([stage]) => label('first', stage)),
    series: [{ label: 'Jobs', colour: 'fine', values: stages.map(([, jobs]) => jobs) }],
    formatValue: count,
    description: `Mostly in the ${most}, ${counted(jobs, 'job')}: ${STAGE_DIFFERENCES[most] ?? 'something else'}.`,
    labelHeading: 'Stage',
    onSelect: (at) => {
      show({ first: STAGES[at] ?? '' });
    },
  };
}

/** The number of jobs by aspect that differs; a job can differ in several. */
export function differingAspects({ aspects, agreement }: Summary, show: Show): ChartData {
  const agree = Object.entries(agreement).flatMap(([name, share]) =>
    share === null ? [] : [`${label('aspect', name).toLowerCase()} ${percent(share)}`],
  );
  return {
    kind: 'horizontal',
    labels: ASPECTS.map((aspect) => label('aspect', aspect)),
    series: [{ label: 'Jobs', colour: 'other', values: ASPECTS.map((aspect) => aspects[aspect] ?? 0) }],
    formatValue: count,
    description:
      agree.length > 0 ? `Before and after agree: ${agree.join(', ')}.` : 'A job can differ in several ways.',
    labelHeading: 'What differs',
    onSelect: (at) => {
      show({ aspect: ASPECTS[at] ?? '' });
    },
  };
}

/** How many of the first eight passages are found again. Jobs that find all of them are left out, because they would dwarf the others. */
export function passageOverlaps({ overlaps }: Summary): ChartData {
  const all = overlaps.find(([share]) => share === 1)?.[1] ?? 0;
  const rest = overlaps.filter(([share, jobs]) => share !== 1 || jobs === 0);
  return {
    kind: 'bars',
    labels: rest.map(([share]) => formatEighths(share)),
    series: [{ label: 'Jobs', colour: 'poor', values: rest.map(([, jobs]) => jobs) }],
    formatValue: count,
    description: `${counted(all, 'job')} found all of the first eight passages again; these are the others.`,
    labelHeading: 'Passages found again',
  };
}

/** The intents or products that change most. */
export function mostChangedGroups(kind: 'intent' | 'product', groups: GroupChanges[], show: Show): ChartData {
  const topGroups = groups.slice(0, 10);
  const share = (of: (group: GroupChanges) => number) =>
    topGroups.map((group) => (group.jobs > 0 ? of(group) / group.jobs : null));
  const most = topGroups[0];
  const name = (group: GroupChanges) => label(kind, group.name);
  return {
    kind: 'horizontal',
    labels: topGroups.map(name),
    series: [
      { label: 'Visible to visitors', colour: 'bad', values: share((group) => group.visible) },
      { label: 'Inside only', colour: 'mild', values: share((group) => group.inside) },
    ],
    formatValue: percent,
    description: most ? describeMostChanged(name(most), most) : '',
    labelHeading: label('aspect', kind),
    onSelect: (at) => {
      show({ [kind]: topGroups[at]?.name ?? '' });
    },
  };
}

function describeMostChanged(name: string, { visible, jobs, overlap }: GroupChanges): string {
  const found = overlap === null ? '' : `; ${percent(overlap)} of its passages were found again`;
  return `Most changed: ${name}, ${localization.number(visible)} of ${counted(jobs, 'job')} visibly${found}.`;
}

/** Shares before and after. */
export function shareComparison({ answered, confidence, gold }: Summary): ChartData {
  const rows: [string, { before: number; after: number }][] = [];
  const hasAnswers = answered.difference.of > 0;
  if (hasAnswers) rows.push(['Answered', answered], ['Confidence', confidence]);
  if (gold) rows.push(['Gold page reached', gold]);
  return {
    ...beforeAfterBars(rows),
    formatValue: percent,
    max: 1,
    description: hasAnswers
      ? `Answered: ${percent(answered.before)} before, ${percent(answered.after)} after.`
      : 'No answers to compare.',
    labelHeading: 'Share',
  };
}

/** The working time of each stage. */
export function stageTimes({ worked_ms }: Summary): ChartData {
  const rows = Object.entries(worked_ms).flatMap(([stage, { before, after }]) =>
    (['p50', 'p95'] as const).map((of): [string, { before: number; after: number }] => [
      `${label('first', stage)} ${of}`,
      { before: before[of], after: after[of] },
    ]),
  );
  return {
    ...beforeAfterBars(rows),
    formatValue: (value) => localization.duration(value),
    description:
      'Half of the jobs took up to p50 in a stage, 19 of 20 up to p95. Recorded words of a model take no time.',
    labelHeading: 'Stage',
  };
}

function beforeAfterBars(
  rows: [string, { before: number; after: number }][],
): Pick<ChartData, 'kind' | 'labels' | 'series'> {
  return {
    kind: 'horizontal',
    labels: rows.map(([label]) => label),
    series: [
      { label: 'Before', colour: 'mild', values: rows.map(([, { before }]) => before) },
      { label: 'After', colour: 'fine', values: rows.map(([, { after }]) => after) },
    ],
  };
}
