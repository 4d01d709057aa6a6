import type { Feedback } from '../client/api.ts';
import { type Failure, citedSource, type Turn } from '../chat/turn.ts';
import { plainText } from '../markdown/plain.ts';
import { MarkdownView } from '../markdown/render.ts';
import { interpolate, type Texts } from '../texts/texts.ts';
import { ChoicesView } from './choices.ts';
import { el, setAttribute } from './dom.ts';
import { feedbackForm } from './feedback.ts';
import { icon, type Icon } from './icons.ts';

/** The visitor's actions on a turn. */
export interface TurnActions {
  ask(question: string): void;
  retry(id: string): void;
  rate(id: string, feedback: Feedback): Promise<void>;
  showSource(turn: Turn, n: number, opener: HTMLElement): void;
  announce(text: string): void;
}

/** Shows one question and its answer. */
export class TurnView {
  private readonly markdown = new MarkdownView((n) => this.citation(n));
  private readonly status = el('p', { class: 'status', hidden: true });
  private readonly failure = el('div', { class: 'failure', hidden: true });
  private readonly choices: ChoicesView;
  private readonly sources = el('div', { class: 'sources', hidden: true });
  private readonly tools = el('div', { class: 'tools', hidden: true });
  private readonly answer: HTMLElement;
  readonly element: HTMLLIElement;
  private form: HTMLElement | null = null;
  private thumbUp: HTMLButtonElement | null = null;
  private thumbDown: HTMLButtonElement | null = null;
  private renderedState = '';
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private turn: Turn,
    private readonly texts: Texts,
    private readonly actions: TurnActions,
  ) {
    const screenReaderText = (text: string) => el('span', { class: 'unseen' }, `${text} `);
    this.choices = new ChoicesView(texts, (question) => {
      actions.ask(question);
    });
    this.answer = el(
      'div',
      { class: 'answer' },
      screenReaderText(texts.answered),
      this.markdown.element,
      this.status,
      this.failure,
      this.choices.element,
      this.sources,
      this.tools,
    );
    const question = el('div', { class: 'question' }, screenReaderText(texts.youAsked), turn.question);
    this.element = el('li', { class: 'turn', 'data-turn': turn.id }, question, this.answer);
    this.update(turn);
  }

  update(turn: Turn): void {
    this.turn = turn;
    const cited = turn.citations.map(({ n, chunkId }) => `${n}:${chunkId}`).join(' ');
    this.markdown.show(turn.text, `${cited} ${turn.waiting === null ? 'whole' : ''}`);
    setAttribute(this.markdown.element, 'lang', turn.language === '' ? null : turn.language);
    this.showStatus();
    // The rest changes only when the turn ends and with feedback.
    const state = JSON.stringify([turn.key, turn.waiting === null, turn.failure, turn.feedback, turn.chosen]);
    if (state === this.renderedState) return;
    this.renderedState = state;
    this.showFailure();
    this.choices.show(turn);
    this.showSources();
    this.showTools();
  }

  private showStatus(): void {
    const { waiting } = this.turn;
    this.status.hidden = waiting === null;
    setAttribute(this.answer, 'aria-busy', waiting === null ? null : 'true');
    if (waiting === null) this.status.replaceChildren();
    else if (this.status.dataset.waiting !== waiting || this.status.childElementCount === 0) {
      const dots = el('span', { class: 'dots', 'aria-hidden': 'true' }, el('i'), el('i'), el('i'));
      this.status.dataset.waiting = waiting;
      this.status.replaceChildren(dots, this.texts[waiting]);
    }
  }

  private showFailure(): void {
    clearInterval(this.timer);
    const { failure } = this.turn;
    this.failure.hidden = failure === null;
    if (failure === null) return;
    const words = el('p', {}, failureText(failure, this.texts));
    const retry = el('button', { class: 'plain', type: 'button' }, icon('retry'), this.texts.retry);
    retry.addEventListener('click', () => {
      if (retry.getAttribute('aria-disabled') !== 'true') this.actions.retry(this.turn.id);
    });
    const calm = failure.kind === 'stopped';
    this.failure.classList.toggle('calm', calm);
    this.failure.replaceChildren(el('div', { class: 'row' }, icon(calm ? 'stop' : 'alert'), words), retry);
    retry.hidden = failure.kind === 'notAllowed';
    if (failure.kind !== 'limited') return;
    const updateCountdown = () => {
      const over = failure.until <= Date.now();
      words.textContent = failureText(failure, this.texts);
      setAttribute(retry, 'aria-disabled', over ? null : 'true');
      if (over) clearInterval(this.timer);
    };
    updateCountdown();
    this.timer = setInterval(updateCountdown, 1000);
  }

  private showSources(): void {
    const { turn, texts } = this;
    const cited = [...new Set(turn.citations.map((citation) => citation.n))].sort((a, b) => a - b);
    const items = cited.flatMap((n) => {
      const source = turn.waiting === null ? citedSource(turn, n) : null;
      if (source === null) return [];
      const button = el(
        'button',
        { type: 'button', class: 'source' },
        el('span', { class: 'number' }, String(n)),
        el(
          'span',
          { class: 'source-words' },
          el('span', { class: 'source-title' }, source.title === '' ? interpolate(texts.source, n) : source.title),
          source.headings.length > 0 && el('span', { class: 'path' }, source.headings.join(' › ')),
        ),
      );
      button.addEventListener('click', () => {
        this.actions.showSource(this.turn, n, button);
      });
      return [el('li', {}, button)];
    });
    this.sources.hidden = items.length === 0;
    const name = `sources-${turn.id}`;
    const list = el('ul', { 'aria-labelledby': name, role: 'list' }, ...items);
    this.sources.replaceChildren(el('p', { id: name, class: 'label' }, texts.sources), list);
  }

  private showTools(): void {
    const { turn, texts } = this;
    this.tools.hidden = turn.waiting !== null || turn.text === '' || turn.jobId === null;
    if (this.tools.hidden) {
      this.closeForm();
      this.removeNote();
      return;
    }
    if (this.thumbUp === null || this.thumbDown === null) {
      const copy = toolButton('copy', texts.copy, () => void this.copy(copy));
      this.thumbUp = toolButton('thumbUp', texts.up, () => void this.rateUp());
      this.thumbDown = toolButton('thumbDown', texts.down, () => {
        this.openForm();
      });
      this.tools.replaceChildren(copy, this.thumbUp, this.thumbDown);
    }
    setAttribute(this.thumbUp, 'aria-pressed', String(turn.feedback?.rating === 'up'));
    setAttribute(this.thumbDown, 'aria-pressed', String(turn.feedback?.rating === 'down'));
  }

  private async copy(button: HTMLElement): Promise<void> {
    const { turn, texts } = this;
    const numbers = [...new Set(turn.citations.map((citation) => citation.n))];
    const urls = new Set(numbers.map((n) => citedSource(turn, n)?.url ?? ''));
    urls.delete('');
    const sources = urls.size === 0 ? '' : `\n\n${texts.sources}:\n${[...urls].join('\n')}`;
    if (!(await this.copyText(plainText(turn.text) + sources))) {
      this.showNote(texts.copyFailed);
      return;
    }
    this.removeNote();
    this.actions.announce(texts.copied);
    button.replaceChildren(icon('check'));
    setTimeout(() => {
      button.replaceChildren(icon('copy'));
    }, 1_500);
  }

  private async copyText(text: string): Promise<boolean> {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return this.copySelection(text);
    }
  }

  /** Copies where there is no Clipboard API, as on http pages, or where the page's policy forbids it. */
  private copySelection(text: string): boolean {
    const field = el('textarea', { class: 'unseen', readonly: true, tabindex: '-1', 'aria-hidden': 'true' });
    field.value = text;
    const root = this.tools.getRootNode() as ShadowRoot;
    const focused = root.activeElement;
    this.tools.append(field);
    field.focus({ preventScroll: true });
    field.select();
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way without the Clipboard API
    const copied = document.execCommand('copy');
    field.remove();
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
    return copied;
  }

  private async rateUp(): Promise<void> {
    this.closeForm();
    try {
      await this.actions.rate(this.turn.id, { rating: 'up' });
      this.showThanks();
    } catch {
      this.showNote(this.texts.feedbackFailed);
    }
  }

  private openForm(): void {
    if (this.form !== null) return;
    const send = async (feedback: Feedback) => {
      await this.actions.rate(this.turn.id, feedback);
      this.closeForm();
      this.showThanks();
    };
    this.form = feedbackForm(this.texts, `reason-${this.turn.id}`, send, () => {
      this.closeForm();
    });
    this.tools.after(this.form);
    this.form.querySelector('input')?.focus();
    this.form.scrollIntoView({ block: 'nearest' });
  }

  private closeForm(): void {
    const focused = this.form?.matches(':focus-within') === true;
    this.form?.remove();
    this.form = null;
    if (focused) this.thumbDown?.focus();
  }

  private showThanks(): void {
    this.showNote(this.texts.thanks);
  }

  private showNote(words: string): void {
    this.removeNote();
    this.tools.append(el('span', { class: 'said' }, words));
    this.actions.announce(words);
  }

  private removeNote(): void {
    this.tools.querySelector('.said')?.remove();
  }

  private citation(n: number): HTMLElement | null {
    const source = citedSource(this.turn, n);
    if (source === null) return null;
    const label = `${interpolate(this.texts.source, n)}: ${source.title}`;
    const button = el('button', { class: 'cite', type: 'button', 'aria-label': label, title: source.title }, String(n));
    button.addEventListener('click', () => {
      this.actions.showSource(this.turn, n, button);
    });
    return button;
  }
}

/** The text of a failure. */
export function failureText(failure: Failure, texts: Texts): string {
  if (failure.kind === 'said') return failure.words;
  if (failure.kind !== 'limited') return texts[failure.kind];
  const seconds = Math.ceil((failure.until - Date.now()) / 1000);
  return seconds > 0 ? interpolate(texts.limited, seconds) : texts.limitedOver;
}

function toolButton(name: Icon, label: string, click: () => void): HTMLButtonElement {
  return el('button', { class: 'icon', type: 'button', 'aria-label': label, title: label, on: { click } }, icon(name));
}
