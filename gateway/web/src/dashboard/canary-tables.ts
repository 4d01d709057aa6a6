import { h } from './dom.ts';
import { fill, type Speech } from './localization.ts';
import { type Cell, table } from './table.ts';
import type { Canary, CanaryReason, CanarySide } from './types.ts';

/** What each canary serves and how it does beside its stage. */
export function canaryTables(canaries: Canary[], speech: Speech): Cell[] {
  const { canaries: words } = speech.words;
  return [
    h('h3', {}, words.heading),
    h('p', { class: 'note' }, words.note),
    ...canaries.flatMap((one) => told(one, speech)),
  ];
}

function told(canary: Canary, speech: Speech): Cell[] {
  const { canaries: words } = speech.words;
  const { stage, share, state, reason, changes, release } = canary;
  const rows = [side(words.canary, canary.canary, speech), side(words.stable, canary.stable, speech)];
  const heads = [words.side, words.jobs, words.failed, words.median, words.p95];
  const what = changes.length > 0 ? changes.join(', ') : fill(words.release, { release });
  return [
    h('h4', {}, fill(words.of, { stage, share: speech.percent(share) })),
    h('p', { class: state === 'stepped_back' ? 'warn' : 'note' }, reason ? why(reason, speech) : words.states[state]),
    h('p', { class: 'note' }, what, `, ${fill(words.since, { time: speech.dateTime(canary.since) })}`),
    table(`${words.heading}: ${stage} ${canary.id}`, heads, rows, [1, 2, 3, 4]),
  ];
}

function why({ over_ms, canary, stable }: CanaryReason, speech: Speech): string {
  const { canaries: words } = speech.words;
  const part = ({ count, of }: CanaryReason['canary']) =>
    fill(words.part, { count: speech.number(count), of: speech.number(of) });
  const time = speech.span(Math.round(over_ms ?? 0));
  const values = { canary: part(canary), stable: part(stable), time };
  return `${words.states.stepped_back} ${fill(over_ms === null ? words.failedMore : words.slower, values)}`;
}

function side(name: string, { jobs, errors, median_ms, p95_ms }: CanarySide, speech: Speech): Cell[] {
  const time = (ms: number | null) => (ms === null ? '–' : speech.span(Math.round(ms)));
  const share = jobs > 0 ? speech.percent(errors / jobs) : '–';
  return [name, speech.number(jobs), share, time(median_ms), time(p95_ms)];
}
