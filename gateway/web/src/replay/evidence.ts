import { h } from '../dashboard/dom.ts';
import type { Choice } from './view-state.ts';
import * as format from './format.ts';
import type { Rated, Report, Summary } from './types.ts';
import { counted, speech } from './labels.ts';

/** What labels and visitors say of the jobs, in words. */
export function evidence({ summary }: Report, show: (choice: Partial<Choice>) => void): HTMLElement {
  return h('div', { class: 'grid' }, gold(summary, show), feedback(summary));
}

function gold({ gold }: Summary, show: (choice: Partial<Choice>) => void): HTMLElement {
  const head = h('h3', {}, 'By the labels');
  if (gold === null) {
    return h('section', { class: 'card' }, head, h('p', { class: 'none' }, 'No labels were given.'));
  }
  const count = (judged: 'better' | 'same' | 'worse', text: string) => {
    const click = () => {
      show({ judged });
    };
    const opens = judged !== 'same' && gold[judged] > 0;
    const number = speech.number(gold[judged]);
    return h(
      'li',
      {},
      opens ? h('button', { type: 'button', class: 'open', click }, number) : h('b', {}, number),
      ` ${text}`,
    );
  };
  return h(
    'section',
    { class: 'card gold' },
    head,
    h('p', { class: 'big' }, capital(format.difference(gold.difference, gold.p)), '.'),
    h(
      'p',
      {},
      `The page that should be found was reached in ${speech.percent(gold.before)} of ${counted(gold.jobs, 'labelled job')} `,
      `before, and in ${speech.percent(gold.after)} after.`,
    ),
    h(
      'ul',
      { class: 'said' },
      count('better', 'reach a page that was not reached'),
      count('worse', 'lose a page that was reached'),
      count('same', 'as good as before'),
    ),
  );
}

function feedback({ feedback }: Summary): HTMLElement {
  const head = h('h3', {}, 'By what visitors said');
  if (feedback === null) {
    return h('section', { class: 'card' }, head, h('p', { class: 'none' }, 'The recording holds no ratings.'));
  }
  const line = ({ jobs, changed }: Rated, rating: string) =>
    h(
      'li',
      {},
      h('b', {}, `${speech.number(changed)} of ${speech.number(jobs)}`),
      ` answers rated ${rating} would change`,
    );
  return h(
    'section',
    { class: 'card feedback' },
    head,
    h('p', {}, 'A change puts at risk what was found helpful, and may mend what was not.'),
    h('ul', { class: 'said' }, line(feedback.up, 'helpful'), line(feedback.down, 'not helpful')),
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
