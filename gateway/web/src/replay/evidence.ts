import { h } from '../dashboard/dom.ts';
import type { ViewState } from './view-state.ts';
import * as format from './format.ts';
import type { RatingChanges, Report, Summary } from './types.ts';
import { counted, localization } from './labels.ts';

/** Evidence from labels and from visitors' feedback. */
export function evidenceCards({ summary }: Report, show: (view: Partial<ViewState>) => void): HTMLElement {
  return h('div', { class: 'grid' }, goldCard(summary, show), feedbackCard(summary));
}

function goldCard({ gold }: Summary, show: (view: Partial<ViewState>) => void): HTMLElement {
  const head = h('h3', {}, 'By the labels');
  if (gold === null) {
    return h('section', { class: 'card' }, head, h('p', { class: 'none' }, 'No labels were given.'));
  }
  const count = (judged: 'better' | 'same' | 'worse', text: string) => {
    const click = () => {
      show({ judged });
    };
    const isLink = judged !== 'same' && gold[judged] > 0;
    const number = localization.number(gold[judged]);
    return h(
      'li',
      {},
      isLink ? h('button', { type: 'button', class: 'open', click }, number) : h('b', {}, number),
      ` ${text}`,
    );
  };
  return h(
    'section',
    { class: 'card gold' },
    head,
    h('p', { class: 'big' }, capitalize(format.describeDifference(gold.difference, gold.p)), '.'),
    h(
      'p',
      {},
      `The page that should be found was reached in ${localization.percent(gold.before)} of ${counted(gold.jobs, 'labelled job')} `,
      `before, and in ${localization.percent(gold.after)} after.`,
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

function feedbackCard({ feedback }: Summary): HTMLElement {
  const head = h('h3', {}, 'By what visitors said');
  if (feedback === null) {
    return h('section', { class: 'card' }, head, h('p', { class: 'none' }, 'The recording holds no ratings.'));
  }
  const line = ({ jobs, changed }: RatingChanges, rating: string) =>
    h(
      'li',
      {},
      h('b', {}, `${localization.number(changed)} of ${localization.number(jobs)}`),
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

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
