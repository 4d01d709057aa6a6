import { h } from '../dashboard/dom.ts';
import type { Passage, Job, Side } from './types.ts';
import { langOf, label } from './labels.ts';

type SideName = 'before' | 'after';

/** Both answers with their citations: removed text is struck through before, added text is underlined after. */
export function answerComparison(job: Job): HTMLElement {
  const differ = job.text.some(({ side }) => side !== 'both');
  return h(
    'section',
    { class: 'answers' },
    h('h3', {}, 'Answer'),
    h('div', { class: 'two' }, answerCard(job, 'before', 'Before'), answerCard(job, 'after', 'After')),
    differ &&
      h('p', { class: 'note' }, h('del', {}, 'Struck through'), ' is gone, ', h('ins', {}, 'underlined'), ' is new.'),
  );
}

function answerCard(job: Job, side: SideName, title: string): HTMLElement {
  const { answer } = job[side];
  const text = answer?.text ? diffNodes(job, side) : [h('span', { class: 'none' }, 'No answer was given.')];
  return h(
    'div',
    { class: `card half ${side}` },
    h('h4', {}, title, answer && h('span', { class: 'badge' }, label('outcome', answer.outcome))),
    h('p', { class: 'words', lang: answer?.text ? langOf(job.language) : undefined }, ...text),
    answer && citations(answer.cited, job[side === 'before' ? 'after' : 'before'], [job.before, job.after], side),
  );
}

/** The text of one side with its differences marked, or the plain text if there is no diff. */
function diffNodes(job: Job, side: SideName): (Node | string)[] {
  const own = job.text.filter((piece) => piece.side === 'both' || piece.side === side);
  if (own.length === 0) return [job[side].answer?.text ?? ''];
  const tag = side === 'before' ? 'del' : 'ins';
  return own.map((piece) => (piece.side === 'both' ? piece.text : h(tag, {}, piece.text)));
}

function citations(cited: string[], other: Side, sides: Side[], side: SideName): HTMLElement {
  if (cited.length === 0) return h('p', { class: 'note' }, 'Cites nothing.');
  const passages = sides.flatMap((side) => side.passages);
  const items = cited.map((chunk) => {
    const onlyHere = !(other.answer?.cited ?? []).includes(chunk);
    const name = titleOf(chunk, passages);
    return h('li', {}, name, onlyHere && h('b', { class: side }, side === 'before' ? ' − gone' : ' + new'));
  });
  return h('div', { class: 'cites' }, h('p', { class: 'note' }, 'Cites'), h('ol', {}, ...items));
}

function titleOf(chunk: string, passages: Passage[]): string {
  const found = passages.find((passage) => passage.chunk === chunk);
  return found ? [found.title, ...found.headings].join(' › ') : chunk;
}
