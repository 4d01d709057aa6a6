import { h } from '../dashboard/dom.ts';
import type { Job, Side } from './types.ts';
import { label, localization } from './labels.ts';

type Row = [name: string, of: (side: Side) => string];

const ROWS: Row[] = [
  [
    'Intent',
    ({ intent }) => (intent ? `${label('intent', intent.name)} (${localization.percent(intent.confidence)})` : '–'),
  ],
  ['Product', ({ product }) => product ?? '–'],
  [
    'Searched for',
    ({ queries }) => queries.map(([kind, text]) => `${label('query', kind)}: ${text}`).join('\n') || '–',
  ],
  ['Confidence', ({ answer }) => (answer ? localization.percent(answer.confidence) : '–')],
  ['Words of', ({ answer }) => answer?.provider ?? '–'],
  ['Cost', ({ answer }) => (typeof answer?.cost_usd === 'number' ? localization.money(answer.cost_usd) : '–')],
];

/** A table that compares the results of the stages. */
export function stageComparison({ before, after }: Job): HTMLElement {
  const stages = [...new Set([...before.worked_ms, ...after.worked_ms].map(([stage]) => stage))];
  const times = stages.map((stage): Row => [
    `Time, ${label('first', stage).toLowerCase()}`,
    (side) => workTime(side, stage),
  ]);
  return h(
    'section',
    { class: 'compared' },
    h('h3', {}, 'Stages'),
    h(
      'table',
      { class: 'card' },
      h('thead', {}, h('tr', {}, ...['', 'Before', 'After'].map((head) => h(head ? 'th' : 'td', {}, head)))),
      h('tbody', {}, ...[...ROWS, ...times].map(([name, of]) => tableRow(name, of(before), of(after)))),
    ),
  );
}

function tableRow(name: string, before: string, after: string): HTMLElement {
  // Times always differ, so they are not marked.
  const differs = before !== after && !name.startsWith('Time');
  return h(
    'tr',
    { class: differs ? 'differs' : undefined },
    h('th', { scope: 'row' }, name, differs && h('span', { class: 'sign' }, ' ≠')),
    h('td', {}, before),
    h('td', {}, after),
  );
}

function workTime({ worked_ms }: Side, stage: string): string {
  const worked = worked_ms.find(([name]) => name === stage)?.[1];
  return worked === undefined ? '–' : localization.duration(worked);
}
