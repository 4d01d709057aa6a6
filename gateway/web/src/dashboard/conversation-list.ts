import { ApiError, getConversations } from './api.ts';
import { h, replaceChildren } from './dom.ts';
import { errorText } from './error-text.ts';
import { interpolate, Localization } from './localization.ts';
import type { ConversationRow } from './types.ts';

const OUTCOME_FILTERS = [
  'answered',
  'cached',
  'unanswered',
  'asked_back',
  'failed',
  'stopped',
  'small_talk',
  'out_of_scope',
  'human_agent',
  'rate_limited',
];

/** The searchable list of conversations of the period. */
export class ConversationList {
  private localization = new Localization('en');
  private query = new URLSearchParams();
  private rows: ConversationRow[] = [];
  private nextCursor: string | null = null;
  private expanded = false;
  private request: AbortController | undefined;

  private readonly heading = h('h2');
  private readonly csvLinks = h('p', { class: 'sheets' });
  private readonly searchLabel = h('label', { for: 'words' });
  private readonly search = h('input', { id: 'words', type: 'search', maxlength: 200 });
  private readonly outcomeLabel = h('label', { for: 'outcome' });
  private readonly outcome = h('select', { id: 'outcome', change: () => void this.fetchPage() });
  private readonly submit = h('button', { type: 'submit', class: 'strong' });
  private readonly status = h('p', { class: 'note', role: 'status' });
  private readonly list = h('ol', { class: 'conversations' });
  private readonly more = h('button', { type: 'button', hidden: true, click: () => void this.fetchPage(true) });
  readonly element = h(
    'section',
    { class: 'list', hidden: true },
    this.heading,
    this.csvLinks,
    h(
      'form',
      {
        class: 'search',
        submit: (event) => {
          event.preventDefault();
          void this.fetchPage();
        },
      },
      h('span', { class: 'field' }, this.searchLabel, this.search),
      h('span', { class: 'field' }, this.outcomeLabel, this.outcome),
      this.submit,
    ),
    this.status,
    this.list,
    this.more,
  );

  constructor(
    private readonly open: (session: string) => void,
    private readonly onSignedOut: () => void,
  ) {}

  setLocalization(localization: Localization): void {
    this.localization = localization;
    const { conversations, filters } = localization.messages;
    this.heading.textContent = conversations.heading;
    this.searchLabel.textContent = conversations.search;
    this.outcomeLabel.textContent = conversations.outcome;
    this.submit.textContent = conversations.find;
    this.more.textContent = conversations.more;
    const chosen = this.outcome.value;
    const option = (value: string, text: string) => h('option', { value, selected: value === chosen }, text);
    const named = OUTCOME_FILTERS.map((outcome) => option(outcome, localization.label('outcomes', outcome)));
    replaceChildren(this.outcome, option('', filters.all), ...named);
    this.updateCsvLinks(this.query);
    this.render();
  }

  /** Shows the conversations for a query. An expanded list is kept until the query changes. */
  async show(query: URLSearchParams): Promise<void> {
    const same = this.query.toString() === query.toString();
    this.query = query;
    if (!(same && this.expanded)) await this.fetchPage();
  }

  /** Updates the CSV links for a query. */
  updateCsvLinks(query: URLSearchParams): void {
    const { conversations } = this.localization.messages;
    const csvLink = (name: string, text: string) =>
      h(
        'a',
        { href: `/api/analytics/${name}.csv?${query.toString()}`, download: `${name}.csv`, 'data-key': name },
        text,
      );
    replaceChildren(
      this.csvLinks,
      csvLink('conversations', conversations.csv),
      ' ',
      csvLink('report', conversations.reportCsv),
    );
  }

  private async fetchPage(append = false): Promise<void> {
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    const query = new URLSearchParams(this.query);
    if (this.search.value.trim()) query.set('q', this.search.value.trim());
    if (this.outcome.value) query.set('outcome', this.outcome.value);
    if (append && this.nextCursor !== null) query.set('cursor', this.nextCursor);
    try {
      const page = await getConversations(query, request.signal);
      if (request.signal.aborted) return;
      this.rows = append ? [...this.rows, ...page.conversations] : page.conversations;
      this.expanded = append;
      this.nextCursor = page.next;
      this.render();
    } catch (error) {
      if (request.signal.aborted) return;
      if (error instanceof ApiError && error.kind === 'signed_out') this.onSignedOut();
      else this.status.textContent = errorText(error, this.localization);
    }
  }

  private render(): void {
    const { conversations } = this.localization.messages;
    const count = this.localization.number(this.rows.length);
    const status = this.rows.length === 0 ? conversations.none : interpolate(conversations.shown, { count });
    if (this.status.textContent !== status) this.status.textContent = status;
    replaceChildren(this.list, ...this.rows.map((row) => this.row(row)));
    this.more.hidden = this.nextCursor === null;
  }

  private row(row: ConversationRow): HTMLElement {
    const { conversations, tables } = this.localization.messages;
    const number = (value: number) => this.localization.number(value);
    const questions =
      row.questions === 1 ? conversations.one : interpolate(conversations.count, { count: number(row.questions) });
    const open = h(
      'button',
      {
        type: 'button',
        class: 'open',
        'data-key': `conversation-${row.session_id}`,
        click: () => {
          this.open(row.session_id);
        },
      },
      row.question || row.session_id,
    );
    const facts = [
      this.localization.dateTime(row.last),
      questions,
      row.product,
      this.localization.label('languages', row.language),
      row.unanswered > 0 && interpolate(tables.unanswered, { count: number(row.unanswered) }),
      row.up > 0 && `${this.localization.label('ratings', 'up')}: ${number(row.up)}`,
      row.down > 0 && `${this.localization.label('ratings', 'down')}: ${number(row.down)}`,
    ];
    return h(
      'li',
      { class: 'card' },
      h('span', { class: `badge ${row.outcome}` }, this.localization.label('outcomes', row.outcome)),
      open,
      h('span', { class: 'note' }, facts.filter((fact) => fact).join(' · ')),
    );
  }
}
