import { h } from './dom.ts';
import { percentagePoints } from './chart-data.ts';
import { interpolate, type Localization } from './localization.ts';
import { type Cell, table } from './table.ts';
import type { ExpectedAnswers, Report } from './types.ts';

/** Expected right answers, by language and by version of each stage. */
export function expectedTables(report: Report, localization: Localization): Cell[] {
  const { charts, expected: messages } = localization.messages;
  const languages = report.expected_by_language.map((row): Cell[] => [
    localization.label('languages', row.name),
    ...countCells(row, localization),
  ]);
  const versions = report.expected_by_version.map((row): Cell[] => [
    h('span', {}, `${row.stage} `, h('code', {}, row.name)),
    ...countCells(row, localization),
    localization.dateTime(row.first),
    localization.dateTime(row.last),
  ]);
  const heads = [charts.answered, charts.expected, localization.messages.tiles.feedback];
  return [
    h('h3', {}, messages.heading),
    h('p', { class: 'note' }, messages.note),
    h('h4', {}, messages.languages),
    languages.length > 0
      ? table(messages.languages, [charts.name, ...heads], languages, [1, 2, 3])
      : h('p', { class: 'none' }, charts.none),
    h('h4', {}, messages.versions),
    versions.length > 0
      ? table(messages.versions, [charts.stage, ...heads, messages.first, messages.last], versions, [1, 2, 3])
      : h('p', { class: 'none' }, charts.none),
  ];
}

/** The last run of each set of labelled questions. */
export function evaluationTable(report: Report, localization: Localization): Cell[] {
  const { charts, expected: messages, reliability } = localization.messages;
  const runs = report.evaluations.map((run): Cell[] => [
    run.name,
    localization.dateTime(run.at),
    localization.number(run.questions),
    countOf(run.answered, run.questions, localization),
    countOf(run.expected_right, run.answered, localization),
    countOf(run.right, run.answered, localization),
    run.error === null || run.error_by_chance === null
      ? '–'
      : interpolate(reliability.errorOf, {
          error: percentagePoints(run.error, localization),
          chance: percentagePoints(run.error_by_chance, localization),
        }),
    h('code', {}, run.generator || '–'),
  ]);
  const heads = [
    charts.name,
    charts.time,
    charts.count,
    charts.answered,
    charts.expected,
    messages.right,
    messages.error,
    messages.generator,
  ];
  return [
    h('h3', {}, messages.evaluations),
    h('p', { class: 'note' }, messages.evaluationsNote),
    runs.length > 0
      ? table(messages.evaluations, heads, runs, [2, 3, 4, 5, 6])
      : h('p', { class: 'none' }, reliability.labelled.none),
  ];
}

function countCells(row: ExpectedAnswers, localization: Localization): Cell[] {
  return [
    countOf(row.answered, row.wanted, localization),
    countOf(row.expected_right, row.wanted, localization),
    countOf(row.up, row.up + row.down, localization),
  ];
}

/** “Count of all (share)”, or a dash if there are none. */
function countOf(count: number, all: number, localization: Localization): string {
  if (all === 0) return '–';
  const share = localization.percent(count / all);
  return interpolate(localization.messages.expected.of, {
    count: localization.number(count, 1),
    all: localization.number(all),
    share,
  });
}
