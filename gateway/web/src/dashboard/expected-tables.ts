import { h } from './dom.ts';
import { points } from './chart-data.ts';
import { fill, type Speech } from './localization.ts';
import { type Cell, table } from './table.ts';
import type { Expected, Report } from './types.ts';

/** The right answers to be expected, by language and by version of each stage. */
export function expectedTables(report: Report, speech: Speech): Cell[] {
  const { charts, expected: words } = speech.words;
  const languages = report.expected_by_language.map((row): Cell[] => [
    speech.named('languages', row.name),
    ...figures(row, speech),
  ]);
  const versions = report.expected_by_version.map((row): Cell[] => [
    h('span', {}, `${row.stage} `, h('code', {}, row.name)),
    ...figures(row, speech),
    speech.dateTime(row.first),
    speech.dateTime(row.last),
  ]);
  const heads = [charts.answered, charts.expected, speech.words.tiles.feedback];
  return [
    h('h3', {}, words.heading),
    h('p', { class: 'note' }, words.note),
    h('h4', {}, words.languages),
    languages.length > 0
      ? table(words.languages, [charts.name, ...heads], languages, [1, 2, 3])
      : h('p', { class: 'none' }, charts.none),
    h('h4', {}, words.versions),
    versions.length > 0
      ? table(words.versions, [charts.stage, ...heads, words.first, words.last], versions, [1, 2, 3])
      : h('p', { class: 'none' }, charts.none),
  ];
}

/** The last run of each set of labelled questions. */
export function evaluationTable(report: Report, speech: Speech): Cell[] {
  const { charts, expected: words, reliability } = speech.words;
  const runs = report.evaluations.map((run): Cell[] => [
    run.name,
    speech.dateTime(run.at),
    speech.number(run.questions),
    of(run.answered, run.questions, speech),
    of(run.expected_right, run.answered, speech),
    of(run.right, run.answered, speech),
    run.error === null || run.error_by_chance === null
      ? '–'
      : fill(reliability.errorOf, {
          error: points(run.error, speech),
          chance: points(run.error_by_chance, speech),
        }),
    h('code', {}, run.generator || '–'),
  ]);
  const heads = [
    charts.name,
    charts.time,
    charts.count,
    charts.answered,
    charts.expected,
    words.right,
    words.error,
    words.generator,
  ];
  return [
    h('h3', {}, words.evaluations),
    h('p', { class: 'note' }, words.evaluationsNote),
    runs.length > 0
      ? table(words.evaluations, heads, runs, [2, 3, 4, 5, 6])
      : h('p', { class: 'none' }, reliability.labelled.none),
  ];
}

function figures(row: Expected, speech: Speech): Cell[] {
  return [
    of(row.answered, row.wanted, speech),
    of(row.expected_right, row.wanted, speech),
    of(row.up, row.up + row.down, speech),
  ];
}

/** So many of so many, and the share of it; nothing of nothing is a dash. */
function of(count: number, all: number, speech: Speech): string {
  if (all === 0) return '–';
  const share = speech.percent(count / all);
  return fill(speech.words.expected.of, { count: speech.number(count, 1), all: speech.number(all), share });
}
