import { h } from '../dashboard/dom.ts';
import { excerpt, mark } from './text-search.ts';
import { eighths } from './format.ts';
import type { Job } from './types.ts';
import { langOf, named, speech } from './labels.ts';

/** One job of the list; its question leads to it. */
export function row(job: Job, words: string[], address: string): HTMLElement {
  const lang = langOf(job.language);
  const open = h('a', { class: 'open', href: address, 'data-key': job.job, lang }, ...marked(job.question, words));
  return h(
    'li',
    { class: 'card job' },
    open,
    h('span', { class: 'badges' }, ...badges(job)),
    found(job, words),
    h('p', { class: 'note' }, facts(job)),
  );
}

/** What became of a job, at a glance. */
export function badges(job: Job): HTMLElement[] {
  const { before, after, judged, problem } = job;
  const shown: HTMLElement[] = [];
  const [was, is] = [before.answer?.outcome, after.answer?.outcome];
  if (problem) shown.push(badge('ill', problem.code === 'needs_model' ? 'Needs a model' : `Failed: ${problem.code}`));
  else if (was !== is) {
    const kind = is === 'answered' ? 'well' : was === 'answered' ? 'ill' : 'so';
    const name = (outcome: string | undefined) => (outcome === undefined ? 'no end' : named('outcome', outcome));
    shown.push(badge(kind, `${name(was)} → ${name(is)}`));
  } else shown.push(job.visible ? badge('so', 'Visible') : badge('dim', 'Inside only'));
  if (judged === 'better') shown.push(badge('well', '▲ Better'));
  if (judged === 'worse') shown.push(badge('ill', '▼ Worse'));
  return shown;
}

function badge(kind: 'well' | 'ill' | 'so' | 'dim', text: string): HTMLElement {
  return h('span', { class: `badge ${kind}` }, text);
}

function facts(job: Job): string {
  const aspects = job.aspects.map((aspect) => named('aspect', aspect).toLowerCase()).join(', ');
  const parts = [
    `${named('first', job.first)}: ${aspects}`,
    job.overlap !== null && job.overlap < 1 && `passages ${eighths(job.overlap)} again`,
    job.after.intent && named('intent', job.after.intent.name),
    job.after.product ?? job.before.product,
    speech.dateTime(job.time),
  ];
  return parts.filter(Boolean).join(' · ');
}

/** Where else than in the question the searched words are. */
function found(job: Job, words: string[]): HTMLElement | undefined {
  if (words.length === 0 || mark(job.question, words).some(({ hit }) => hit)) return undefined;
  for (const text of [job.after.answer?.text, job.before.answer?.text, job.page, job.job]) {
    const part = excerpt(text ?? '', words);
    if (part !== undefined) return h('p', { class: 'excerpt', lang: langOf(job.language) }, ...marked(part, words));
  }
  return undefined;
}

function marked(text: string, words: string[]): (Node | string)[] {
  return mark(text, words).map(({ text, hit }) => (hit ? h('mark', {}, text) : text));
}
