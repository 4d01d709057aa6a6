import { h } from '../dashboard/dom.ts';
import type { Job, Side } from './types.ts';
import { named, speech } from './labels.ts';

type Row = [name: string, of: (side: Side) => string];

const ROWS: Row[] = [
  ['Intent', ({ intent }) => (intent ? `${named('intent', intent.name)} (${speech.percent(intent.confidence)})` : '–')],
  ['Product', ({ product }) => product ?? '–'],
  [
    'Searched for',
    ({ queries }) => queries.map(([kind, text]) => `${named('query', kind)}: ${text}`).join('\n') || '–',
  ],
  ['Confidence', ({ answer }) => (answer ? speech.percent(answer.confidence) : '–')],
  ['Words of', ({ answer }) => answer?.provider ?? '–'],
  ['Cost', ({ answer }) => (typeof answer?.cost_usd === 'number' ? speech.money(answer.cost_usd) : '–')],
];

/** What the stages made of a job, line by line. */
export function compared({ before, after }: Job): HTMLElement {
  const stages = [...new Set([...before.worked_ms, ...after.worked_ms].map(([stage]) => stage))];
  const times = stages.map((stage): Row => [
    `Time, ${named('first', stage).toLowerCase()}`,
    (side) => time(side, stage),
  ]);
  return h(
    'section',
    { class: 'compared' },
    h('h3', {}, 'Stages'),
    h(
      'table',
      { class: 'card' },
      h('thead', {}, h('tr', {}, ...['', 'Before', 'After'].map((head) => h(head ? 'th' : 'td', {}, head)))),
      h('tbody', {}, ...[...ROWS, ...times].map(([name, of]) => line(name, of(before), of(after)))),
    ),
  );
}

function line(name: string, before: string, after: string): HTMLElement {
  // Times differ always, which says nothing.
  const differs = before !== after && !name.startsWith('Time');
  return h(
    'tr',
    { class: differs ? 'differs' : undefined },
    h('th', { scope: 'row' }, name, differs && h('span', { class: 'sign' }, ' ≠')),
    h('td', {}, before),
    h('td', {}, after),
  );
}

function time({ worked_ms }: Side, stage: string): string {
  const worked = worked_ms.find(([name]) => name === stage)?.[1];
  return worked === undefined ? '–' : speech.span(worked);
}
