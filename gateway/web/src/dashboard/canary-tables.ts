import { h } from './dom.ts';
import { interpolate, type Localization } from './localization.ts';
import { type Cell, table } from './table.ts';
import type { Canary, CanaryReason, CanarySide } from './types.ts';

/** What each canary serves, and how it compares with its stage. */
export function canaryTables(canaries: Canary[], localization: Localization): Cell[] {
  const { canaries: messages } = localization.messages;
  return [
    h('h3', {}, messages.heading),
    h('p', { class: 'note' }, messages.note),
    ...canaries.flatMap((canary) => canarySection(canary, localization)),
  ];
}

function canarySection(canary: Canary, localization: Localization): Cell[] {
  const { canaries: messages } = localization.messages;
  const { stage, share, state, reason, changes, release } = canary;
  const rows = [
    sideRow(messages.canary, canary.canary, localization),
    sideRow(messages.stable, canary.stable, localization),
  ];
  const heads = [messages.side, messages.jobs, messages.failed, messages.median, messages.p95];
  const changed = changes.length > 0 ? changes.join(', ') : interpolate(messages.release, { release });
  return [
    h('h4', {}, interpolate(messages.of, { stage, share: localization.percent(share) })),
    h(
      'p',
      { class: state === 'stepped_back' ? 'warn' : 'note' },
      reason ? stepBackReason(reason, localization) : messages.states[state],
    ),
    h(
      'p',
      { class: 'note' },
      changed,
      `, ${interpolate(messages.since, { time: localization.dateTime(canary.since) })}`,
    ),
    table(`${messages.heading}: ${stage} ${canary.id}`, heads, rows, [1, 2, 3, 4]),
  ];
}

function stepBackReason({ over_ms, canary, stable }: CanaryReason, localization: Localization): string {
  const { canaries: messages } = localization.messages;
  const part = ({ count, of }: CanaryReason['canary']) =>
    interpolate(messages.part, { count: localization.number(count), of: localization.number(of) });
  const time = localization.duration(Math.round(over_ms ?? 0));
  const values = { canary: part(canary), stable: part(stable), time };
  return `${messages.states.stepped_back} ${interpolate(over_ms === null ? messages.failedMore : messages.slower, values)}`;
}

function sideRow(name: string, { jobs, errors, median_ms, p95_ms }: CanarySide, localization: Localization): Cell[] {
  const time = (ms: number | null) => (ms === null ? '–' : localization.duration(Math.round(ms)));
  const share = jobs > 0 ? localization.percent(errors / jobs) : '–';
  return [name, localization.number(jobs), share, time(median_ms), time(p95_ms)];
}
