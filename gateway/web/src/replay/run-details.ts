import { h } from '../dashboard/dom.ts';
import * as format from './format.ts';
import type { Report } from './types.ts';
import { counted, localization } from './labels.ts';

/** How the report was made: the recording, the speed, the versions of the stages. */
export function runDetails(report: Report): HTMLElement {
  const { traffic, speed, summary } = report;
  const facts: [string, string][] = [
    ['Recording', report.recording],
    ['Release', report.release],
    ['Made', localization.dateTime(report.made)],
    [
      'Traffic',
      `${localization.dateTime(traffic.from)} to ${localization.dateTime(traffic.to)} (${format.formatDuration(traffic.seconds)})`,
    ],
    ['Jobs', `${localization.number(summary.jobs)} recorded, ${localization.number(summary.replayed)} replayed`],
    ['Left out', format.describeExcludedJobs(summary)],
    ...speedFacts(speed),
  ];
  const pairs = facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)));
  return h('section', { class: 'card run' }, h('dl', { class: 'facts' }, ...pairs), versions(report));
}

function speedFacts(speed: Report['speed']): [string, string][] {
  if (speed === null) return [];
  const at = `${format.formatDuration(speed.seconds)}, ${counted(speed.jobs_at_once, 'job')} at once`;
  const times = `${localization.number(speed.times_real)} times as fast as the traffic`;
  return [
    ['Speed', `${at}: ${localization.number(speed.jobs_per_second, 1)} jobs a second, ${times}`],
    ['Reading', `${localization.number(speed.read_per_second)} messages a second`],
  ];
}

function versions({ versions }: Report): HTMLElement | undefined {
  const stages = Object.entries(versions);
  if (stages.length === 0) return undefined;
  const rows = stages.map(([stage, { before, after }]) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, stage),
      h(
        'td',
        {},
        ...Object.entries(before).map(([version, jobs]) =>
          h('div', {}, h('code', {}, version), ` (${counted(jobs, 'job')})`),
        ),
      ),
      h('td', {}, h('code', {}, after)),
    ),
  );
  const heads = ['Stage', 'Version before', 'Version after'].map((head) => h('th', { scope: 'col' }, head));
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Versions' },
    h('table', { class: 'versions' }, h('thead', {}, h('tr', {}, ...heads)), h('tbody', {}, ...rows)),
  );
}
