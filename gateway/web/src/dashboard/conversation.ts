import { getConversation } from './api.ts';
import { h, link, replace } from './dom.ts';
import { failureText } from './error-text.ts';
import { fill, Speech } from './localization.ts';
import type { Asked, Conversation } from './types.ts';

/** One conversation, before everything else until it is closed. */
export class ConversationView {
  private speech = new Speech('en');
  private shown: Conversation | undefined;
  private readonly heading = h('h2', { id: 'conversation-heading', tabindex: -1 });
  private readonly shut = h('button', {
    type: 'button',
    click: () => {
      this.close();
    },
  });
  private readonly body = h('div', { class: 'timeline' });
  readonly element = h(
    'dialog',
    { class: 'conversation', 'aria-labelledby': 'conversation-heading' },
    h('div', { class: 'bar' }, this.heading, this.shut),
    this.body,
  );

  speak(speech: Speech): void {
    this.speech = speech;
    this.heading.textContent = speech.words.conversation.heading;
    this.shut.textContent = speech.words.conversation.close;
    if (this.shown) this.render(this.shown);
  }

  /** Fetches a conversation and shows it. The focus goes back to where it was when it is closed. */
  async open(session: string): Promise<void> {
    this.shown = undefined;
    replace(this.body, h('p', { role: 'status' }, this.speech.words.loading));
    if (!this.element.open) this.element.showModal();
    this.heading.focus();
    try {
      const conversation = await getConversation(session);
      if (!this.element.open) return;
      this.shown = conversation;
      this.render(conversation);
    } catch (error) {
      replace(this.body, h('p', { role: 'alert', class: 'problem' }, failureText(error, this.speech)));
    }
  }

  close(): void {
    if (this.element.open) this.element.close();
  }

  private render(conversation: Conversation): void {
    replace(
      this.body,
      h('p', { class: 'note' }, conversation.session_id),
      h('ol', { class: 'questions' }, ...conversation.questions.map((asked) => this.question(asked))),
    );
  }

  private question(asked: Asked): HTMLElement {
    const { conversation: words } = this.speech.words;
    const answered =
      asked.answer || (asked.outcome === 'failed' || asked.outcome === 'rate_limited' ? words.noAnswer : words.notKept);
    const page = asked.page && h('span', { class: 'note' }, ` ${words.on} `, link(asked.page));
    return h(
      'li',
      {},
      h('p', { class: 'note' }, this.speech.dateTime(asked.at), page),
      h('div', { class: 'asked' }, h('span', { class: 'hidden' }, `${words.visitor}: `), asked.question),
      h(
        'div',
        { class: asked.answer ? 'answer' : 'answer none' },
        h('span', { class: `badge ${asked.outcome}` }, this.speech.named('outcomes', asked.outcome)),
        h('p', { lang: asked.answer ? asked.language || undefined : undefined }, answered),
        asked.feedback && this.said(asked.feedback),
      ),
      this.sources(asked),
      this.steps(asked),
      this.facts(asked),
    );
  }

  private said(said: NonNullable<Asked['feedback']>): HTMLElement {
    const parts = [
      this.speech.named('ratings', said.rating),
      said.reason && this.speech.named('reasons', said.reason),
      said.comment,
    ];
    return h('p', { class: `rating ${said.rating}` }, parts.filter((part) => part).join(' · '));
  }

  private sources(asked: Asked): HTMLElement | undefined {
    if (asked.sources.length === 0) return undefined;
    const items = asked.sources.map((address) => h('li', {}, link(address)));
    return h('div', { class: 'sources' }, h('h4', {}, this.speech.words.conversation.sources), h('ol', {}, ...items));
  }

  /** The way through the stages and providers. */
  private steps(asked: Asked): HTMLElement | undefined {
    const { conversation: words } = this.speech.words;
    if (asked.stages.length === 0) return undefined;
    const steps = asked.stages.map((step) => {
      const waited = fill(words.waited, { time: this.speech.span(step.waited_ms) });
      const worked = fill(words.worked, { time: this.speech.span(step.worked_ms) });
      const again = step.delivery > 1 && `, ${fill(words.delivery, { count: step.delivery })}`;
      return h('li', {}, h('b', {}, step.stage), ` ${waited}, ${worked}`, again);
    });
    const calls = asked.calls.map((call) => {
      const time = this.speech.span(call.took_ms);
      const text =
        call.error === null ? fill(words.answered, { time }) : fill(words.gaveUp, { time, error: call.error });
      return h('li', { class: call.error === null ? 'well' : 'ill' }, h('b', {}, call.provider), ` ${text}`);
    });
    return h(
      'div',
      { class: 'steps' },
      h('h4', {}, words.stages),
      h('ol', {}, ...steps),
      calls.length > 0 && h('h4', {}, words.calls),
      calls.length > 0 && h('ol', {}, ...calls),
    );
  }

  private facts(asked: Asked): HTMLElement {
    const { conversation: words } = this.speech.words;
    const number = (value: number) => this.speech.number(value);
    const tokens = { prompt: number(asked.prompt_tokens), completion: number(asked.completion_tokens) };
    const versions = Object.entries(asked.versions).map(([stage, version]): [string, string] => [stage, version]);
    const facts: [string, string | null | false][] = [
      [words.took, this.speech.span(asked.took_ms)],
      [words.confidence, this.speech.percent(asked.confidence)],
      [words.intent, this.speech.named('intents', asked.intent)],
      [words.product, asked.product],
      [words.provider, [asked.provider, asked.model].filter((name) => name).join(', ')],
      [words.tokens, asked.prompt_tokens + asked.completion_tokens > 0 && fill(words.tokensOf, tokens)],
      [words.cost, asked.cost_usd !== null && this.speech.money(asked.cost_usd)],
      [words.problem, asked.problem],
      [words.job, asked.job_id],
      ...versions,
    ];
    const shown = facts.filter(([, value]) => value);
    const pairs = shown.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)));
    return h(
      'details',
      { 'data-key': asked.job_id },
      h('summary', {}, words.details),
      h('dl', { class: 'facts' }, ...pairs),
    );
  }
}
