import { h } from '../dashboard/dom.ts';
import { excerpt, highlight } from './text-search.ts';
import { formatEighths } from './format.ts';
import type { Job } from './types.ts';
import { langOf, label, localization } from './labels.ts';

/** One job in the list; its question links to it. */
export function jobRow(job: Job, terms: string[], address: string): HTMLElement {
  const lang = langOf(job.language);
  const open = h('a', { class: 'open', href: address, 'data-key': job.job, lang }, ...highlighted(job.question, terms));
  return h(
    'li',
    { class: 'card job' },
    open,
    h('span', { class: 'badges' }, ...badges(job)),
    matchExcerpt(job, terms),
    h('p', { class: 'note' }, jobFacts(job)),
  );
}

/** The outcome of a job as badges. */
export function badges(job: Job): HTMLElement[] {
  const { before, after, judged, problem } = job;
  const shown: HTMLElement[] = [];
  const [was, is] = [before.answer?.outcome, after.answer?.outcome];
  if (problem) shown.push(badge('ill', problem.code === 'needs_model' ? 'Needs a model' : `Failed: ${problem.code}`));
  else if (was !== is) {
    const kind = is === 'answered' ? 'well' : was === 'answered' ? 'ill' : 'so';
    const name = (outcome: string | undefined) => (outcome === undefined ? 'no end' : label('outcome', outcome));
    shown.push(badge(kind, `${name(was)} → ${name(is)}`));
  } else shown.push(job.visible ? badge('so', 'Visible') : badge('dim', 'Inside only'));
  if (judged === 'better') shown.push(badge('well', '▲ Better'));
  if (judged === 'worse') shown.push(badge('ill', '▼ Worse'));
  return shown;
}

function badge(kind: 'well' | 'ill' | 'so' | 'dim', text: string): HTMLElement {
  return h('span', { class: `badge ${kind}` }, text);
}

function jobFacts(job: Job): string {
  const aspects = job.aspects.map((aspect) => label('aspect', aspect).toLowerCase()).join(', ');
  const parts = [
    `${label('first', job.first)}: ${aspects}`,
    job.overlap !== null && job.overlap < 1 && `passages ${formatEighths(job.overlap)} again`,
    job.after.intent && label('intent', job.after.intent.name),
    job.after.product ?? job.before.product,
    localization.dateTime(job.time),
  ];
  return parts.filter(Boolean).join(' · ');
}

/** An excerpt with the search terms, if they are not in the question. */
function matchExcerpt(job: Job, terms: string[]): HTMLElement | undefined {
  if (terms.length === 0 || highlight(job.question, terms).some(({ hit }) => hit)) return undefined;
  for (const text of [job.after.answer?.text, job.before.answer?.text, job.page, job.job]) {
    const part = excerpt(text ?? '', terms);
    if (part !== undefined)
      return h('p', { class: 'excerpt', lang: langOf(job.language) }, ...highlighted(part, terms));
  }
  return undefined;
}

function highlighted(text: string, terms: string[]): (Node | string)[] {
  return highlight(text, terms).map(({ text, hit }) => (hit ? h('mark', {}, text) : text));
}
