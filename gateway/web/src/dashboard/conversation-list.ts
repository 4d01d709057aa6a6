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
  /** The words and the outcome that are searched for, which the fields may be ahead of. */
  private words = '';
  private wantedOutcome = '';
  /** The query of the rows, without a cursor. */
  private shownQuery = '';
  private rows: ConversationRow[] | undefined;
  private nextCursor: string | null = null;
  private expanded = false;
  private appending = false;
  private error: unknown;
  private request: AbortController | undefined;

  private readonly heading = h('h2');
  private readonly csvLinks = h('p', { class: 'sheets' });
  private readonly searchLabel = h('label', { for: 'words' });
  private readonly search = h('input', { id: 'words', type: 'search', maxlength: 200 });
  private readonly outcomeLabel = h('label', { for: 'outcome' });
  private readonly outcome = h('select', { id: 'outcome', change: () => void this.startSearch() });
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
          void this.startSearch();
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
    this.updateCsvLinks();
    this.render();
  }

  /** Shows the conversations for a query. An expanded list is kept until the query changes. */
  async show(query: URLSearchParams): Promise<void> {
    const same = this.query.toString() === query.toString();
    this.query = query;
    this.updateCsvLinks();
    if (!(same && (this.expanded || this.appending))) await this.fetchPage();
  }

  /** Removes the rows, and drops those on their way. */
  clear(): void {
    this.request?.abort();
    this.appending = false;
    this.error = undefined;
    this.removeRows();
    this.render();
  }

  private updateCsvLinks(): void {
    const { conversations } = this.localization.messages;
    const csvLink = (name: string, text: string) =>
      h(
        'a',
        { href: `/api/analytics/${name}.csv?${this.query.toString()}`, download: `${name}.csv`, 'data-key': name },
        text,
      );
    replaceChildren(
      this.csvLinks,
      csvLink('conversations', conversations.csv),
      ' ',
      csvLink('report', conversations.reportCsv),
    );
  }

  private async startSearch(): Promise<void> {
    this.words = this.search.value.trim();
    this.wantedOutcome = this.outcome.value;
    await this.fetchPage();
  }

  private async fetchPage(more = false): Promise<void> {
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    const query = new URLSearchParams(this.query);
    if (this.words) query.set('q', this.words);
    if (this.wantedOutcome) query.set('outcome', this.wantedOutcome);
    const key = query.toString();
    // A search that is under way has no rows to append to.
    const append = more && key === this.shownQuery;
    if (append && this.nextCursor !== null) query.set('cursor', this.nextCursor);
    this.appending = append;
    this.element.setAttribute('aria-busy', String(key !== this.shownQuery));
    try {
      const page = await getConversations(query, request.signal);
      if (request.signal.aborted) return;
      this.rows = append ? [...(this.rows ?? []), ...page.conversations] : page.conversations;
      this.shownQuery = key;
      this.expanded = append;
      this.nextCursor = page.next;
      this.error = undefined;
    } catch (error) {
      if (request.signal.aborted) return;
      if (error instanceof ApiError && error.kind === 'signed_out') {
        this.onSignedOut();
        return;
      }
      this.error = error;
      // Rows of another query must not stand as those of this one.
      if (key !== this.shownQuery) this.removeRows();
    }
    this.appending = false;
    this.element.setAttribute('aria-busy', 'false');
    this.render();
  }

  private removeRows(): void {
    this.rows = undefined;
    this.shownQuery = '';
    this.expanded = false;
    this.nextCursor = null;
  }

  private render(): void {
    const { conversations } = this.localization.messages;
    const rows = this.rows ?? [];
    const count = this.localization.number(rows.length);
    const found = rows.length === 0 ? conversations.none : interpolate(conversations.shown, { count });
    const status =
      this.error !== undefined ? errorText(this.error, this.localization) : this.rows === undefined ? '' : found;
    if (this.status.textContent !== status) this.status.textContent = status;
    replaceChildren(this.list, ...rows.map((row) => this.row(row)));
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
