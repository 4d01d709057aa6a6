import type { Feedback } from '../client/api.ts';
import { type Failure, sourceOf, type Turn } from '../chat/turn.ts';
import { plainText } from '../markdown/plain.ts';
import { MarkdownView } from '../markdown/render.ts';
import { fill, type Texts } from '../texts/texts.ts';
import { ChoicesView } from './choices.ts';
import { el, setAttribute } from './dom.ts';
import { feedbackForm } from './feedback.ts';
import { icon, type Icon } from './icons.ts';

/** What a visitor can do with a turn. */
export interface TurnActions {
  ask(question: string): void;
  retry(id: string): void;
  rate(id: string, feedback: Feedback): Promise<void>;
  showSource(turn: Turn, n: number, opener: HTMLElement): void;
  say(text: string): void;
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
  private up: HTMLButtonElement | null = null;
  private down: HTMLButtonElement | null = null;
  private shown = '';
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private turn: Turn,
    private readonly texts: Texts,
    private readonly actions: TurnActions,
  ) {
    const heard = (text: string) => el('span', { class: 'unseen' }, `${text} `);
    this.choices = new ChoicesView(texts, (question) => {
      actions.ask(question);
    });
    this.answer = el(
      'div',
      { class: 'answer' },
      heard(texts.answered),
      this.markdown.element,
      this.status,
      this.failure,
      this.choices.element,
      this.sources,
      this.tools,
    );
    const question = el('div', { class: 'question' }, heard(texts.youAsked), turn.question);
    this.element = el('li', { class: 'turn', 'data-turn': turn.id }, question, this.answer);
    this.update(turn);
  }

  update(turn: Turn): void {
    this.turn = turn;
    const cited = turn.citations.map(({ n, chunkId }) => `${n}:${chunkId}`).join(' ');
    this.markdown.show(turn.text, `${cited} ${turn.waiting === null ? 'whole' : ''}`);
    setAttribute(this.markdown.element, 'lang', turn.language === '' ? null : turn.language);
    this.showStatus();
    // The rest changes at the turn's end and with feedback: not with each word.
    const state = JSON.stringify([turn.key, turn.waiting === null, turn.failure, turn.feedback, turn.chosen]);
    if (state === this.shown) return;
    this.shown = state;
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
    const words = el('p', {}, failureWords(failure, this.texts));
    const retry = el('button', { class: 'plain', type: 'button' }, icon('retry'), this.texts.retry);
    retry.addEventListener('click', () => {
      if (retry.getAttribute('aria-disabled') !== 'true') this.actions.retry(this.turn.id);
    });
    const calm = failure.kind === 'stopped';
    this.failure.classList.toggle('calm', calm);
    this.failure.replaceChildren(el('div', { class: 'row' }, icon(calm ? 'stop' : 'alert'), words), retry);
    retry.hidden = failure.kind === 'notAllowed';
    if (failure.kind !== 'limited') return;
    const count = () => {
      const over = failure.until <= Date.now();
      words.textContent = failureWords(failure, this.texts);
      setAttribute(retry, 'aria-disabled', over ? null : 'true');
      if (over) clearInterval(this.timer);
    };
    count();
    this.timer = setInterval(count, 1000);
  }

  private showSources(): void {
    const { turn, texts } = this;
    const cited = [...new Set(turn.citations.map((citation) => citation.n))].sort((a, b) => a - b);
    const items = cited.flatMap((n) => {
      const source = turn.waiting === null ? sourceOf(turn, n) : null;
      if (source === null) return [];
      const button = el(
        'button',
        { type: 'button', class: 'source' },
        el('span', { class: 'number' }, String(n)),
        el(
          'span',
          { class: 'source-words' },
          el('span', { class: 'source-title' }, source.title === '' ? fill(texts.source, n) : source.title),
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
      return;
    }
    if (this.up === null || this.down === null) {
      const copy = tool('copy', texts.copy, () => void this.copy(copy));
      this.up = tool('thumbUp', texts.up, () => void this.rateUp());
      this.down = tool('thumbDown', texts.down, () => {
        this.openForm();
      });
      this.tools.replaceChildren(copy, this.up, this.down);
    }
    setAttribute(this.up, 'aria-pressed', String(turn.feedback?.rating === 'up'));
    setAttribute(this.down, 'aria-pressed', String(turn.feedback?.rating === 'down'));
  }

  private async copy(button: HTMLElement): Promise<void> {
    const { turn, texts } = this;
    const numbers = [...new Set(turn.citations.map((citation) => citation.n))];
    const urls = new Set(numbers.map((n) => sourceOf(turn, n)?.url ?? ''));
    urls.delete('');
    const sources = urls.size === 0 ? '' : `\n\n${texts.sources}:\n${[...urls].join('\n')}`;
    await navigator.clipboard.writeText(plainText(turn.text) + sources);
    this.actions.say(texts.copied);
    button.replaceChildren(icon('check'));
    setTimeout(() => {
      button.replaceChildren(icon('copy'));
    }, 1_500);
  }

  private async rateUp(): Promise<void> {
    this.closeForm();
    try {
      await this.actions.rate(this.turn.id, { rating: 'up' });
      this.thank();
    } catch {
      this.note(this.texts.feedbackFailed);
    }
  }

  private openForm(): void {
    if (this.form !== null) return;
    const send = async (feedback: Feedback) => {
      await this.actions.rate(this.turn.id, feedback);
      this.closeForm();
      this.thank();
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
    if (focused) this.down?.focus();
  }

  private thank(): void {
    this.note(this.texts.thanks);
  }

  private note(words: string): void {
    this.tools.querySelector('.said')?.remove();
    this.tools.append(el('span', { class: 'said' }, words));
    this.actions.say(words);
  }

  private citation(n: number): HTMLElement | null {
    const source = sourceOf(this.turn, n);
    if (source === null) return null;
    const label = `${fill(this.texts.source, n)}: ${source.title}`;
    const button = el('button', { class: 'cite', type: 'button', 'aria-label': label, title: source.title }, String(n));
    button.addEventListener('click', () => {
      this.actions.showSource(this.turn, n, button);
    });
    return button;
  }
}

/** Why there is no answer, in the visitor's words. */
export function failureWords(failure: Failure, texts: Texts): string {
  if (failure.kind === 'said') return failure.words;
  if (failure.kind !== 'limited') return texts[failure.kind];
  const seconds = Math.ceil((failure.until - Date.now()) / 1000);
  return seconds > 0 ? fill(texts.limited, seconds) : texts.limitedOver;
}

function tool(name: Icon, label: string, click: () => void): HTMLButtonElement {
  return el('button', { class: 'icon', type: 'button', 'aria-label': label, title: label, on: { click } }, icon(name));
}
