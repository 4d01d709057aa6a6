import type { Feedback } from '../client/api.ts';
import type { Texts } from '../texts/texts.ts';
import { el } from './dom.ts';

const REASONS = ['wrong', 'incomplete', 'outdated', 'unclear', 'other'] as const;
const MAX_COMMENT = 1_000;

/** The form for feedback on an unhelpful answer. */
export function feedbackForm(
  texts: Texts,
  name: string,
  send: (feedback: Feedback) => Promise<void>,
  close: () => void,
): HTMLElement {
  const comment = el('textarea', {
    rows: '2',
    maxlength: String(MAX_COMMENT),
    'aria-label': texts.comment,
    placeholder: texts.comment,
  });
  const error = el('p', { class: 'problem', role: 'alert', hidden: true }, texts.feedbackFailed);
  const submit = el('button', { class: 'solid', type: 'submit' }, texts.sendFeedback);
  const reasons = REASONS.map((reason) =>
    el(
      'label',
      { class: 'reason' },
      el('input', { type: 'radio', name, value: reason }),
      el('span', {}, texts[reason]),
    ),
  );
  const form = el(
    'form',
    { class: 'feedback' },
    el('fieldset', {}, el('legend', {}, texts.whatWrong), el('div', { class: 'reasons' }, ...reasons)),
    comment,
    error,
    el(
      'div',
      { class: 'row' },
      submit,
      el('button', { class: 'plain', type: 'button', on: { click: close } }, texts.cancel),
    ),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const reason = form.querySelector<HTMLInputElement>('input:checked')?.value;
    const words = comment.value.trim();
    submit.disabled = true;
    send({
      rating: 'down',
      ...(reason === undefined ? {} : { reason }),
      ...(words === '' ? {} : { comment: words }),
    }).catch(() => {
      submit.disabled = false;
      error.hidden = false;
    });
  });
  return form;
}
