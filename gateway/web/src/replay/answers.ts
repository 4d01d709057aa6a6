import { h } from '../dashboard/dom.ts';
import type { Found, Job, Side } from './types.ts';
import { langOf, named } from './labels.ts';

type Which = 'before' | 'after';

/** Both answers: what went is struck through before, what came is underlined after; and what each cites. */
export function answers(job: Job): HTMLElement {
  const differ = job.text.some(({ side }) => side !== 'both');
  return h(
    'section',
    { class: 'answers' },
    h('h3', {}, 'Answer'),
    h('div', { class: 'two' }, half(job, 'before', 'Before'), half(job, 'after', 'After')),
    differ &&
      h('p', { class: 'note' }, h('del', {}, 'Struck through'), ' is gone, ', h('ins', {}, 'underlined'), ' is new.'),
  );
}

function half(job: Job, which: Which, title: string): HTMLElement {
  const { answer } = job[which];
  const text = answer?.text ? pieces(job, which) : [h('span', { class: 'none' }, 'No answer was given.')];
  return h(
    'div',
    { class: `card half ${which}` },
    h('h4', {}, title, answer && h('span', { class: 'badge' }, named('outcome', answer.outcome))),
    h('p', { class: 'words', lang: answer?.text ? langOf(job.language) : undefined }, ...text),
    answer && citations(answer.cited, job[which === 'before' ? 'after' : 'before'], [job.before, job.after], which),
  );
}

/** The text of a side, with what the other side does not have marked; whole where the two were not laid over each other. */
function pieces(job: Job, which: Which): (Node | string)[] {
  const own = job.text.filter(({ side }) => side === 'both' || side === which);
  if (own.length === 0) return [job[which].answer?.text ?? ''];
  const tag = which === 'before' ? 'del' : 'ins';
  return own.map(({ side, text }) => (side === 'both' ? text : h(tag, {}, text)));
}

function citations(cited: string[], other: Side, sides: Side[], which: Which): HTMLElement {
  if (cited.length === 0) return h('p', { class: 'note' }, 'Cites nothing.');
  const passages = sides.flatMap((side) => side.passages);
  const items = cited.map((chunk) => {
    const alone = !(other.answer?.cited ?? []).includes(chunk);
    const name = titleOf(chunk, passages);
    return h('li', {}, name, alone && h('b', { class: which }, which === 'before' ? ' − gone' : ' + new'));
  });
  return h('div', { class: 'cites' }, h('p', { class: 'note' }, 'Cites'), h('ol', {}, ...items));
}

function titleOf(chunk: string, passages: Found[]): string {
  const found = passages.find((passage) => passage.chunk === chunk);
  return found ? [found.title, ...found.headings].join(' › ') : chunk;
}
