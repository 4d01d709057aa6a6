import { Failure, getConversations } from './api.ts';
import { h, replace } from './dom.ts';
import { failureText } from './error-text.ts';
import { fill, Speech } from './localization.ts';
import type { ConversationRow } from './types.ts';

const OUTCOMES = [
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

/** The list of conversations, with a search of its own within the period. */
export class ConversationList {
  private speech = new Speech('en');
  private query = new URLSearchParams();
  private rows: ConversationRow[] = [];
  private next: string | null = null;
  private grown = false;
  private running: AbortController | undefined;

  private readonly heading = h('h2');
  private readonly sheets = h('p', { class: 'sheets' });
  private readonly wordsLabel = h('label', { for: 'words' });
  private readonly search = h('input', { id: 'words', type: 'search', maxlength: 200 });
  private readonly outcomeLabel = h('label', { for: 'outcome' });
  private readonly outcome = h('select', { id: 'outcome', change: () => void this.ask() });
  private readonly find = h('button', { type: 'submit', class: 'strong' });
  private readonly said = h('p', { class: 'note', role: 'status' });
  private readonly list = h('ol', { class: 'conversations' });
  private readonly more = h('button', { type: 'button', hidden: true, click: () => void this.ask(true) });
  readonly element = h(
    'section',
    { class: 'list', hidden: true },
    this.heading,
    this.sheets,
    h(
      'form',
      {
        class: 'search',
        submit: (event) => {
          event.preventDefault();
          void this.ask();
        },
      },
      h('span', { class: 'field' }, this.wordsLabel, this.search),
      h('span', { class: 'field' }, this.outcomeLabel, this.outcome),
      this.find,
    ),
    this.said,
    this.list,
    this.more,
  );

  constructor(
    private readonly open: (session: string) => void,
    private readonly signedOut: () => void,
  ) {}

  speak(speech: Speech): void {
    this.speech = speech;
    const { conversations, filters } = speech.words;
    this.heading.textContent = conversations.heading;
    this.wordsLabel.textContent = conversations.search;
    this.outcomeLabel.textContent = conversations.outcome;
    this.find.textContent = conversations.find;
    this.more.textContent = conversations.more;
    const chosen = this.outcome.value;
    const option = (value: string, text: string) => h('option', { value, selected: value === chosen }, text);
    const named = OUTCOMES.map((outcome) => option(outcome, speech.named('outcomes', outcome)));
    replace(this.outcome, option('', filters.all), ...named);
    this.link(this.query);
    this.render();
  }

  /** Shows the conversations of a period. What was unfolded by the reader stays as it is until the period is another. */
  async show(query: URLSearchParams): Promise<void> {
    const same = this.query.toString() === query.toString();
    this.query = query;
    if (!(same && this.grown)) await this.ask();
  }

  /** Points the links to CSV files to the period. */
  link(query: URLSearchParams): void {
    const { conversations } = this.speech.words;
    const sheet = (name: string, text: string) =>
      h(
        'a',
        { href: `/api/analytics/${name}.csv?${query.toString()}`, download: `${name}.csv`, 'data-key': name },
        text,
      );
    replace(this.sheets, sheet('conversations', conversations.csv), ' ', sheet('report', conversations.reportCsv));
  }

  private async ask(further = false): Promise<void> {
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    const query = new URLSearchParams(this.query);
    if (this.search.value.trim()) query.set('q', this.search.value.trim());
    if (this.outcome.value) query.set('outcome', this.outcome.value);
    if (further && this.next !== null) query.set('cursor', this.next);
    try {
      const page = await getConversations(query, running.signal);
      if (running.signal.aborted) return;
      this.rows = further ? [...this.rows, ...page.conversations] : page.conversations;
      this.grown = further;
      this.next = page.next;
      this.render();
    } catch (error) {
      if (running.signal.aborted) return;
      if (error instanceof Failure && error.kind === 'signed_out') this.signedOut();
      else this.said.textContent = failureText(error, this.speech);
    }
  }

  private render(): void {
    const { conversations } = this.speech.words;
    const count = this.speech.number(this.rows.length);
    const said = this.rows.length === 0 ? conversations.none : fill(conversations.shown, { count });
    if (this.said.textContent !== said) this.said.textContent = said;
    replace(this.list, ...this.rows.map((row) => this.row(row)));
    this.more.hidden = this.next === null;
  }

  private row(row: ConversationRow): HTMLElement {
    const { conversations, tables } = this.speech.words;
    const number = (value: number) => this.speech.number(value);
    const questions =
      row.questions === 1 ? conversations.one : fill(conversations.count, { count: number(row.questions) });
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
      this.speech.dateTime(row.last),
      questions,
      row.product,
      this.speech.named('languages', row.language),
      row.unanswered > 0 && fill(tables.unanswered, { count: number(row.unanswered) }),
      row.up > 0 && `${this.speech.named('ratings', 'up')}: ${number(row.up)}`,
      row.down > 0 && `${this.speech.named('ratings', 'down')}: ${number(row.down)}`,
    ];
    return h(
      'li',
      { class: 'card' },
      h('span', { class: `badge ${row.outcome}` }, this.speech.named('outcomes', row.outcome)),
      open,
      h('span', { class: 'note' }, facts.filter((fact) => fact).join(' · ')),
    );
  }
}
