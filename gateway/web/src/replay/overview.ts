import { h } from '../dashboard/dom.ts';
import { tile } from '../dashboard/tile.ts';
import type { Choice } from './view-state.ts';
import * as format from './format.ts';
import type { Report } from './types.ts';
import { counted, speech } from './labels.ts';

/** The first thing to read: what would change, what was changed, and how far the report can be trusted. */
export function opening(report: Report, read: () => void): HTMLElement {
  const { summary, changed, fail_if, fault } = report;
  const baseline = format.baselineWords(report.baseline);
  return h(
    'header',
    { class: 'opening' },
    h('p', { class: 'eyebrow' }, 'Hoidap replay'),
    h('h1', {}, format.headline(summary)),
    h('p', { class: 'lead' }, format.remainder(summary)),
    changed.length > 0
      ? h('div', { class: 'changed' }, h('h2', {}, 'What was changed'), list(changed))
      : h('p', { class: 'note' }, 'No setting was changed for this replay.'),
    h(
      'ul',
      { class: 'checks' },
      fault !== null && check('Recording', false, 'bad', fault),
      fail_if && check('Rule', !fail_if.failed, fail_if.failed ? 'bad' : 'good', format.verdict(fail_if)),
      check('Baseline', baseline.good, baseline.good ? 'good' : 'warn', baseline.text),
    ),
    report.jobs.length > 0 &&
      h('button', { type: 'button', class: 'strong', click: read }, `Read the ${counted(report.jobs.length, 'job')}`),
  );
}

function list(changed: string[]): HTMLElement {
  return h('ul', { class: 'chips' }, ...changed.map((what) => h('li', {}, h('code', {}, what))));
}

function check(name: string, good: boolean, kind: string, text: string): HTMLElement {
  const sign = h('span', { class: 'sign', 'aria-hidden': 'true' }, good ? '✓' : '!');
  return h('li', { class: `check ${kind}` }, sign, h('span', {}, h('b', {}, `${name}: `), text));
}

/** The sums, each with a note; some lead to their jobs. */
export function tiles({ summary }: Report, show: (choice: Partial<Choice>) => void): HTMLElement[] {
  const { replayed, overlap_at_8, meaning, answered, confidence, cost_usd } = summary;
  const of = (count: number) =>
    replayed > 0 ? `${speech.percent(count / replayed)} of ${counted(replayed, 'job')}` : '';
  const move = (pair: { before: number; after: number }, write: (value: number) => string) =>
    replayed > 0 ? `${write(pair.before)} → ${write(pair.after)}` : '–';
  const percent = (value: number) => speech.percent(value);
  return [
    tile('Visible to visitors', jobs('visible', summary.visible, show), of(summary.visible)),
    tile('Inside only', jobs('inside', summary.inside, show), of(summary.inside)),
    tile(
      'Answered',
      move(answered, percent),
      answered.difference.of > 0 && format.difference(answered.difference, answered.p),
    ),
    tile('Needs a model', jobs('needs_model', summary.needs_model, show), 'no recorded words fit'),
    tile(
      'Passages found again',
      overlap_at_8 ? speech.percent(overlap_at_8.mean) : '–',
      overlap_at_8 ? format.interval(overlap_at_8) : 'nothing was looked for',
    ),
    tile(
      'Alike by meaning',
      meaning ? speech.percent(meaning.mean) : '–',
      meaning ? format.interval(meaning) : 'no answers to compare',
    ),
    tile('Confidence', move(confidence, percent), 'mean of the answers'),
    tile(
      'Cost',
      cost_usd.known > 0 ? move(cost_usd, (value) => speech.money(value)) : '–',
      cost_usd.known > 0 ? `known of ${counted(cost_usd.known, 'job')}` : 'no prices known',
    ),
  ];
}

function jobs(kind: string, count: number, show: (choice: Partial<Choice>) => void): HTMLElement | string {
  const text = speech.number(count);
  if (count === 0) return text;
  const click = () => {
    show({ kind });
  };
  return h('button', { type: 'button', class: 'open', click }, text);
}
