import type { Figures } from '../dashboard/chart.ts';
import type { Choice } from './view-state.ts';
import { eighths } from './format.ts';
import { ASPECTS, type Group, STAGES, type Summary } from './types.ts';
import { counted, named, speech } from './labels.ts';

/** Shows the jobs of a part of a chart. */
type Show = (choice: Partial<Choice>) => void;

const FOUND: Record<string, string> = {
  classifier: 'another intent, product or wording to search for',
  retriever: 'other passages, or another order',
  reranker: 'other scores of the same passages',
  generator: 'other words, citations or confidence from the same passages',
};

const count = (value: number) => (Number.isInteger(value) ? speech.number(value) : '');
const percent = (value: number) => speech.percent(value);

/** In which stage jobs first differ. */
export function first({ first }: Summary, show: Show): Figures {
  const stages = STAGES.map((stage): [string, number] => [stage, first[stage] ?? 0]);
  const [most, jobs] = [...stages].sort((one, other) => other[1] - one[1])[0] ?? ['', 0];
  return {
    kind: 'across',
    labels: stages.map(([stage]) => named('first', stage)),
    series: [{ label: 'Jobs', colour: 'fine', values: stages.map(([, jobs]) => jobs) }],
    write: count,
    says: `Mostly in the ${most}, ${counted(jobs, 'job')}: ${FOUND[most] ?? 'something else'}.`,
    first: 'Stage',
    pick: (at) => {
      show({ first: STAGES[at] ?? '' });
    },
  };
}

/** What differs; a job can differ in several ways. */
export function aspects({ aspects, agreement }: Summary, show: Show): Figures {
  const agree = Object.entries(agreement).flatMap(([name, share]) =>
    share === null ? [] : [`${named('aspect', name).toLowerCase()} ${percent(share)}`],
  );
  return {
    kind: 'across',
    labels: ASPECTS.map((aspect) => named('aspect', aspect)),
    series: [{ label: 'Jobs', colour: 'other', values: ASPECTS.map((aspect) => aspects[aspect] ?? 0) }],
    write: count,
    says: agree.length > 0 ? `Before and after agree: ${agree.join(', ')}.` : 'A job can differ in several ways.',
    first: 'What differs',
    pick: (at) => {
      show({ aspect: ASPECTS[at] ?? '' });
    },
  };
}

/** How many of the first eight passages are found again. The jobs that find all again would dwarf the others. */
export function overlaps({ overlaps }: Summary): Figures {
  const all = overlaps.find(([share]) => share === 1)?.[1] ?? 0;
  const rest = overlaps.filter(([share, jobs]) => share !== 1 || jobs === 0);
  return {
    kind: 'bars',
    labels: rest.map(([share]) => eighths(share)),
    series: [{ label: 'Jobs', colour: 'poor', values: rest.map(([, jobs]) => jobs) }],
    write: count,
    says: `${counted(all, 'job')} found all of the first eight passages again; these are the others.`,
    first: 'Passages found again',
  };
}

/** Which intents or products change most. */
export function groups(kind: 'intent' | 'product', groups: Group[], show: Show): Figures {
  const shown = groups.slice(0, 10);
  const share = (of: (group: Group) => number) =>
    shown.map((group) => (group.jobs > 0 ? of(group) / group.jobs : null));
  const most = shown[0];
  const name = (group: Group) => named(kind, group.name);
  return {
    kind: 'across',
    labels: shown.map(name),
    series: [
      { label: 'Visible to visitors', colour: 'bad', values: share((group) => group.visible) },
      { label: 'Inside only', colour: 'mild', values: share((group) => group.inside) },
    ],
    write: percent,
    says: most ? mostChanged(name(most), most) : '',
    first: named('aspect', kind),
    pick: (at) => {
      show({ [kind]: shown[at]?.name ?? '' });
    },
  };
}

function mostChanged(name: string, { visible, jobs, overlap }: Group): string {
  const found = overlap === null ? '' : `; ${percent(overlap)} of its passages were found again`;
  return `Most changed: ${name}, ${speech.number(visible)} of ${counted(jobs, 'job')} visibly${found}.`;
}

/** Shares before and after. */
export function shares({ answered, confidence, gold }: Summary): Figures {
  const rows: [string, { before: number; after: number }][] = [
    ['Answered', answered],
    ['Confidence', confidence],
  ];
  if (gold) rows.push(['Gold page reached', gold]);
  return {
    ...pairs(rows),
    write: percent,
    most: 1,
    says: `Answered: ${percent(answered.before)} before, ${percent(answered.after)} after.`,
    first: 'Share',
  };
}

/** The time each stage works. */
export function times({ worked_ms }: Summary): Figures {
  const rows = Object.entries(worked_ms).flatMap(([stage, { before, after }]) =>
    (['p50', 'p95'] as const).map((of): [string, { before: number; after: number }] => [
      `${named('first', stage)} ${of}`,
      { before: before[of], after: after[of] },
    ]),
  );
  return {
    ...pairs(rows),
    write: (value) => speech.span(value),
    says: 'Half of the jobs took up to p50 in a stage, 19 of 20 up to p95. Recorded words of a model take no time.',
    first: 'Stage',
  };
}

function pairs(rows: [string, { before: number; after: number }][]): Pick<Figures, 'kind' | 'labels' | 'series'> {
  return {
    kind: 'across',
    labels: rows.map(([label]) => label),
    series: [
      { label: 'Before', colour: 'mild', values: rows.map(([, { before }]) => before) },
      { label: 'After', colour: 'fine', values: rows.map(([, { after }]) => after) },
    ],
  };
}
