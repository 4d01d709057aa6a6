import { getConversation } from './api.ts';
import { h, link, replaceChildren } from './dom.ts';
import { errorText } from './error-text.ts';
import { interpolate, Localization } from './localization.ts';
import type { ConversationQuestion, Conversation } from './types.ts';

/** A modal dialog with one conversation. */
export class ConversationDialog {
  private localization = new Localization('en');
  private shown: Conversation | undefined;
  private request: AbortController | undefined;
  private readonly heading = h('h2', { id: 'conversation-heading', tabindex: -1 });
  private readonly closeButton = h('button', {
    type: 'button',
    click: () => {
      this.close();
    },
  });
  private readonly body = h('div', { class: 'timeline' });
  readonly element: HTMLDialogElement = h(
    'dialog',
    {
      class: 'conversation',
      'aria-labelledby': 'conversation-heading',
      close: () => {
        if (!this.element.open) this.request?.abort();
      },
    },
    h('div', { class: 'bar' }, this.heading, this.closeButton),
    this.body,
  );

  setLocalization(localization: Localization): void {
    this.localization = localization;
    this.heading.textContent = localization.messages.conversation.heading;
    this.closeButton.textContent = localization.messages.conversation.close;
    if (this.shown) this.render(this.shown);
  }

  /** Loads and shows a conversation. Closing restores the focus. */
  async open(session: string): Promise<void> {
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    this.shown = undefined;
    replaceChildren(this.body, h('p', { role: 'status' }, this.localization.messages.loading));
    if (!this.element.open) this.element.showModal();
    this.heading.focus();
    try {
      const conversation = await getConversation(session, request.signal);
      if (request.signal.aborted) return;
      this.shown = conversation;
      this.render(conversation);
    } catch (error) {
      if (request.signal.aborted) return;
      replaceChildren(this.body, h('p', { role: 'alert', class: 'problem' }, errorText(error, this.localization)));
    }
  }

  close(): void {
    if (this.element.open) this.element.close();
  }

  private render(conversation: Conversation): void {
    replaceChildren(
      this.body,
      h('p', { class: 'note' }, conversation.session_id),
      h('ol', { class: 'questions' }, ...conversation.questions.map((question) => this.question(question))),
    );
  }

  private question(question: ConversationQuestion): HTMLElement {
    const { conversation: messages } = this.localization.messages;
    const answered =
      question.answer ||
      (question.outcome === 'failed' || question.outcome === 'rate_limited' ? messages.noAnswer : messages.notKept);
    const page = question.page && h('span', { class: 'note' }, ` ${messages.on} `, link(question.page));
    return h(
      'li',
      {},
      h('p', { class: 'note' }, this.localization.dateTime(question.at), page),
      h('div', { class: 'asked' }, h('span', { class: 'hidden' }, `${messages.visitor}: `), question.question),
      h(
        'div',
        { class: question.answer ? 'answer' : 'answer none' },
        h('span', { class: `badge ${question.outcome}` }, this.localization.label('outcomes', question.outcome)),
        h('p', { lang: question.answer ? question.language || undefined : undefined }, answered),
        question.feedback && this.feedback(question.feedback),
      ),
      this.sources(question),
      this.steps(question),
      this.facts(question),
    );
  }

  private feedback(feedback: NonNullable<ConversationQuestion['feedback']>): HTMLElement {
    const parts = [
      this.localization.label('ratings', feedback.rating),
      feedback.reason && this.localization.label('reasons', feedback.reason),
      feedback.comment,
    ];
    return h('p', { class: `rating ${feedback.rating}` }, parts.filter((part) => part).join(' · '));
  }

  private sources(question: ConversationQuestion): HTMLElement | undefined {
    if (question.sources.length === 0) return undefined;
    const items = question.sources.map((address) => h('li', {}, link(address)));
    return h(
      'div',
      { class: 'sources' },
      h('h4', {}, this.localization.messages.conversation.sources),
      h('ol', {}, ...items),
    );
  }

  /** The stages passed and the providers called. */
  private steps(question: ConversationQuestion): HTMLElement | undefined {
    const { conversation: messages } = this.localization.messages;
    if (question.stages.length === 0) return undefined;
    const steps = question.stages.map((step) => {
      const waited = interpolate(messages.waited, { time: this.localization.duration(step.waited_ms) });
      const worked = interpolate(messages.worked, { time: this.localization.duration(step.worked_ms) });
      const again = step.delivery > 1 && `, ${interpolate(messages.delivery, { count: step.delivery })}`;
      return h('li', {}, h('b', {}, step.stage), ` ${waited}, ${worked}`, again);
    });
    const calls = question.calls.map((call) => {
      const time = this.localization.duration(call.took_ms);
      const text =
        call.error === null
          ? interpolate(messages.answered, { time })
          : interpolate(messages.gaveUp, { time, error: call.error });
      return h('li', { class: call.error === null ? 'well' : 'ill' }, h('b', {}, call.provider), ` ${text}`);
    });
    return h(
      'div',
      { class: 'steps' },
      h('h4', {}, messages.stages),
      h('ol', {}, ...steps),
      calls.length > 0 && h('h4', {}, messages.calls),
      calls.length > 0 && h('ol', {}, ...calls),
    );
  }

  private facts(question: ConversationQuestion): HTMLElement {
    const { conversation: messages } = this.localization.messages;
    const number = (value: number) => this.localization.number(value);
    const tokens = { prompt: number(question.prompt_tokens), completion: number(question.completion_tokens) };
    const versions = Object.entries(question.versions).map(([stage, version]): [string, string] => [stage, version]);
    const facts: [string, string | null | false][] = [
      [messages.took, this.localization.duration(question.took_ms)],
      [messages.confidence, this.localization.percent(question.confidence)],
      [messages.intent, this.localization.label('intents', question.intent)],
      [messages.product, question.product],
      [messages.provider, [question.provider, question.model].filter((name) => name).join(', ')],
      [
        messages.tokens,
        question.prompt_tokens + question.completion_tokens > 0 && interpolate(messages.tokensOf, tokens),
      ],
      [messages.cost, question.cost_usd !== null && this.localization.money(question.cost_usd)],
      [messages.problem, question.problem],
      [messages.job, question.job_id],
      ...versions,
    ];
    const shown = facts.filter(([, value]) => value);
    const pairs = shown.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)));
    return h(
      'details',
      { 'data-key': question.job_id },
      h('summary', {}, messages.details),
      h('dl', { class: 'facts' }, ...pairs),
    );
  }
}
