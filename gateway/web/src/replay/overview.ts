import { h } from '../dashboard/dom.ts';
import { tile } from '../dashboard/tile.ts';
import type { ViewState } from './view-state.ts';
import * as format from './format.ts';
import type { Report } from './types.ts';
import { counted, localization } from './labels.ts';

/** The header: what would change, which settings changed, and how reliable the report is. */
export function reportHeader(report: Report, onReadJobs: () => void): HTMLElement {
  const { summary, changed, fail_if, fault } = report;
  const baseline = format.describeBaseline(report.baseline);
  return h(
    'header',
    { class: 'opening' },
    h('p', { class: 'eyebrow' }, 'Hoidap replay'),
    h('h1', {}, format.headline(summary)),
    h('p', { class: 'lead' }, format.describeOtherJobs(summary)),
    changed.length > 0
      ? h('div', { class: 'changed' }, h('h2', {}, 'What was changed'), changeList(changed))
      : h('p', { class: 'note' }, 'No setting was changed for this replay.'),
    h(
      'ul',
      { class: 'checks' },
      fault !== null && check('Recording', false, 'bad', fault),
      fail_if && check('Rule', !fail_if.failed, fail_if.failed ? 'bad' : 'good', format.describeRule(fail_if)),
      check('Baseline', baseline.good, baseline.good ? 'good' : 'warn', baseline.text),
    ),
    report.jobs.length > 0 &&
      h(
        'button',
        { type: 'button', class: 'strong', click: onReadJobs },
        `Read the ${counted(report.jobs.length, 'job')}`,
      ),
  );
}

function changeList(changed: string[]): HTMLElement {
  return h('ul', { class: 'chips' }, ...changed.map((what) => h('li', {}, h('code', {}, what))));
}

function check(name: string, good: boolean, kind: string, text: string): HTMLElement {
  const sign = h('span', { class: 'sign', 'aria-hidden': 'true' }, good ? '✓' : '!');
  return h('li', { class: `check ${kind}` }, sign, h('span', {}, h('b', {}, `${name}: `), text));
}

/** Summary figures, each with a note; some link to their jobs. */
export function summaryTiles({ summary }: Report, show: (view: Partial<ViewState>) => void): HTMLElement[] {
  const { replayed, overlap_at_8, meaning, answered, confidence, cost_usd } = summary;
  const of = (count: number) =>
    replayed > 0 ? `${localization.percent(count / replayed)} of ${counted(replayed, 'job')}` : '';
  const percent = (value: number) => localization.percent(value);
  const pairs = answered.difference.of;
  return [
    tile('Visible to visitors', jobsLink('visible', summary.visible, show), of(summary.visible)),
    tile('Inside only', jobsLink('inside', summary.inside, show), of(summary.inside)),
    tile(
      'Answered',
      format.formatBeforeAfter(pairs, answered, percent),
      pairs > 0 ? format.describeDifference(answered.difference, answered.p) : 'no answers to compare',
    ),
    tile('Needs a model', jobsLink('needs_model', summary.needs_model, show), 'no recorded words fit'),
    tile(
      'Passages found again',
      overlap_at_8 ? localization.percent(overlap_at_8.mean) : '–',
      overlap_at_8 ? format.describeInterval(overlap_at_8) : 'nothing was looked for',
    ),
    tile(
      'Alike by meaning',
      meaning ? localization.percent(meaning.mean) : '–',
      meaning ? format.describeInterval(meaning) : 'no answers to compare',
    ),
    tile(
      'Confidence',
      format.formatBeforeAfter(pairs, confidence, percent),
      pairs > 0 ? 'mean of the answers' : 'no answers to compare',
    ),
    tile(
      'Cost',
      format.formatBeforeAfter(cost_usd.known, cost_usd, (value) => localization.money(value)),
      cost_usd.known > 0 ? `known of ${counted(cost_usd.known, 'job')}` : 'no prices known',
    ),
  ];
}

function jobsLink(kind: string, count: number, show: (view: Partial<ViewState>) => void): HTMLElement | string {
  const text = localization.number(count);
  if (count === 0) return text;
  const click = () => {
    show({ kind });
  };
  return h('button', { type: 'button', class: 'open', click }, text);
}
