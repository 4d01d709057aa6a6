import { interpolate, type Texts } from '../texts/texts.ts';
import { el, isComposing, setAttribute } from './dom.ts';
import { icon } from './icons.ts';

/** Maximum length of a question, in characters as the gateway counts them, and the length from which the rest is shown. */
const MAX_QUESTION = 1_000;
const SHOW_REMAINING_FROM = 800;
/** A second click within this time is a double click, not a stop. */
const DOUBLE_CLICK_MS = 600;

/** The actions of the composer. */
export interface ComposerActions {
  ask(question: string): void;
  stop(): void;
  draftChanged(draft: string): void;
}

/** The field for a question, and the button that sends it or stops the answer. */
export class Composer {
  private readonly field: HTMLTextAreaElement;
  private readonly button = el('button', { class: 'send', type: 'submit' });
  private readonly count = el('p', { class: 'count', id: 'count' });
  readonly element: HTMLFormElement;
  private busy = false;
  private composing = false;
  private sentAt = 0;

  constructor(
    private readonly texts: Texts,
    private readonly actions: ComposerActions,
  ) {
    this.field = el('textarea', {
      rows: '1',
      'aria-label': texts.question,
      'aria-describedby': 'count',
      placeholder: texts.placeholder,
      enterkeyhint: 'send',
      autocomplete: 'off',
    });
    this.element = el(
      'form',
      { class: 'composer' },
      el('div', { class: 'field' }, this.field, this.button),
      this.count,
    );
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.onSubmit();
    });
    this.field.addEventListener('compositionstart', () => {
      this.composing = true;
    });
    this.field.addEventListener('compositionend', () => {
      this.composing = false;
    });
    this.field.addEventListener('keydown', (event) => {
      this.onKeydown(event);
    });
    this.field.addEventListener('input', () => {
      actions.draftChanged(this.field.value);
      this.updateLength();
    });
    this.setBusy(false);
  }

  /** Shows whether an answer is pending. */
  setBusy(busy: boolean): void {
    const changed = busy !== this.busy || this.button.childElementCount === 0;
    this.busy = busy;
    if (changed) {
      const label = busy ? this.texts.stop : this.texts.send;
      this.button.replaceChildren(icon(busy ? 'stop' : 'send'));
      this.button.setAttribute('aria-label', label);
      this.button.title = label;
    }
    this.updateLength();
  }

  setDraft(draft: string): void {
    this.field.value = draft;
    this.updateLength();
  }

  focus(): void {
    this.field.focus({ preventScroll: true });
  }

  /** Fits the field to its content, and shows how many characters are left. */
  updateLength(): void {
    const length = characterCount(this.field.value);
    const over = length - MAX_QUESTION;
    this.element.classList.toggle('over-long', over > 0);
    const words =
      over > 0
        ? interpolate(this.texts.tooLong, over)
        : length >= SHOW_REMAINING_FROM
          ? interpolate(this.texts.left, -over)
          : '';
    if (this.count.textContent !== words) this.count.textContent = words;
    setAttribute(this.field, 'aria-invalid', over > 0 ? 'true' : null);
    setAttribute(this.button, 'aria-disabled', this.busy || (length > 0 && over <= 0) ? null : 'true');
    this.field.style.height = 'auto';
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  /** Enter sends, except when it ends an IME composition, as when typing Vietnamese. */
  private onKeydown(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || event.shiftKey || isComposing(event) || this.composing) return;
    event.preventDefault();
    if (!this.busy) this.send();
  }

  private onSubmit(): void {
    if (!this.busy) this.send();
    else if (performance.now() - this.sentAt > DOUBLE_CLICK_MS) this.actions.stop();
  }

  private send(): void {
    const question = this.field.value.trim();
    const length = characterCount(question);
    if (length === 0 || length > MAX_QUESTION) {
      this.focus();
      return;
    }
    this.sentAt = performance.now();
    this.setDraft('');
    this.actions.draftChanged('');
    this.actions.ask(question);
  }
}

function characterCount(text: string): number {
  return Array.from(text.normalize('NFC').trim()).length;
}
