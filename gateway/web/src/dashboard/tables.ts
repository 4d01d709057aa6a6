import { canaryTables } from './canary-tables.ts';
import { h, link, replace } from './dom.ts';
import { evaluationTable, expectedTables } from './expected-tables.ts';
import { fill, type Speech } from './localization.ts';
import { type Cell, table } from './table.ts';
import type { Gap, Report } from './types.ts';

/** Tables: the right answers to be expected, what the documents lack, what is cited, what visitors say, what waits in the fleet, how canaries do. */
export class Tables {
  private readonly expected = h('section', { class: 'card wide expected' });
  private readonly evaluations = h('section', { class: 'card wide evaluations' });
  private readonly gaps = h('section', { class: 'card wide gaps' });
  private readonly pages = h('section', { class: 'card pages' });
  private readonly comments = h('section', { class: 'card comments' });
  private readonly live = h('section', { class: 'card live' });
  private readonly canaries = h('section', { class: 'card canaries' });
  private drawn = new Map<HTMLElement, string>();
  readonly element = h(
    'div',
    { class: 'grid tables' },
    this.expected,
    this.evaluations,
    this.gaps,
    this.pages,
    this.comments,
    this.live,
    this.canaries,
  );

  constructor(private readonly open: (session: string) => void) {}

  update(report: Report, speech: Speech, nothing: boolean): void {
    for (const section of [this.expected, this.gaps, this.pages, this.comments]) section.hidden = nothing;
    const expected = [report.expected_by_language, report.expected_by_version, speech.language];
    this.draw(this.expected, expected, () => expectedTables(report, speech));
    this.draw(this.evaluations, [report.evaluations, speech.language], () => evaluationTable(report, speech));
    this.draw(this.gaps, [report.gaps, speech.language], () => this.gapTable(report, speech));
    this.draw(this.pages, [report.pages, speech.language], () => pageTable(report, speech));
    this.draw(this.comments, [report.feedback, speech.language], () => this.said(report, speech));
    this.draw(this.live, [report.live, speech.language], () => liveTables(report, speech));
    this.canaries.hidden = report.canaries.length === 0;
    this.draw(this.canaries, [report.canaries, speech.language], () => canaryTables(report.canaries, speech));
  }

  /** Draws a section anew if what it shows has changed. */
  private draw(section: HTMLElement, shown: unknown, children: () => Cell[]): void {
    const text = JSON.stringify(shown);
    if (this.drawn.get(section) === text) return;
    this.drawn.set(section, text);
    replace(section, ...children());
  }

  private gapTable(report: Report, speech: Speech): Cell[] {
    const { tables } = speech.words;
    const row = (gap: Gap): Cell[] => [
      this.opener(gap.question, gap.session_id, `gap-${gap.question}`, speech),
      speech.number(gap.asked),
      why(gap, speech),
      productName(report, gap.product),
      speech.dateTime(gap.last),
    ];
    const heads = [tables.question, tables.asked, tables.why, speech.words.filters.product, tables.last];
    return [
      h('h3', {}, tables.gaps),
      h('p', { class: 'note' }, tables.gapsNote),
      report.gaps.length > 0
        ? table(tables.gaps, heads, report.gaps.map(row), [1])
        : h('p', { class: 'none' }, tables.noGaps),
    ];
  }

  private said(report: Report, speech: Speech): Cell[] {
    const { tables } = speech.words;
    const { comments, reasons } = report.feedback;
    const reason = (name: string) => speech.named('reasons', name);
    const items = comments.map((said) =>
      h(
        'li',
        {},
        h(
          'p',
          { class: `rating ${said.rating}` },
          speech.named('ratings', said.rating),
          said.reason && `, ${reason(said.reason)}`,
        ),
        h('blockquote', {}, said.comment),
        h(
          'p',
          { class: 'note' },
          this.opener(said.question, said.session_id, `said-${said.at}`, speech),
          ` ${speech.dateTime(said.at)}`,
        ),
      ),
    );
    const named = reasons.map((count) => [reason(count.name), speech.number(count.count)]);
    return [
      h('h3', {}, tables.comments),
      comments.length > 0 ? h('ul', { class: 'said' }, ...items) : h('p', { class: 'none' }, tables.noComments),
      ...(named.length > 0
        ? [h('h4', {}, tables.reasons), table(tables.reasons, [tables.why, speech.words.charts.count], named, [1])]
        : []),
    ];
  }

  /** A question that opens its conversation. */
  private opener(question: string, session: string, key: string, speech: Speech): HTMLElement {
    return h(
      'button',
      {
        type: 'button',
        class: 'open',
        'data-key': key,
        'aria-label': fill(speech.words.tables.open, { question }),
        click: () => {
          this.open(session);
        },
      },
      question,
    );
  }
}

function why(gap: Gap, speech: Speech): string {
  const { tables } = speech.words;
  const reasons: [number, string][] = [
    [gap.unanswered, tables.unanswered],
    [gap.low_confidence, tables.low],
    [gap.thumbs_down, tables.down],
    [gap.failed, tables.failed],
  ];
  const said = reasons.filter(([count]) => count > 0);
  return said.map(([count, text]) => fill(text, { count: speech.number(count) })).join(', ');
}

function productName(report: Report, id: string): string {
  return report.choices.products.find((product) => product.id === id)?.name ?? (id || '–');
}

function pageTable(report: Report, speech: Speech): Cell[] {
  const { tables, ratings } = speech.words;
  const rows = report.pages.map((page): Cell[] => [
    link(page.url),
    speech.number(page.cited),
    speech.number(page.up),
    speech.number(page.down),
  ]);
  const heads = [tables.page, tables.cited, ratings.up, ratings.down];
  return [
    h('h3', {}, tables.pages),
    rows.length > 0 ? table(tables.pages, heads, rows, [1, 2, 3]) : h('p', { class: 'none' }, tables.noPages),
  ];
}

function liveTables({ live }: Report, speech: Speech): Cell[] {
  const { tables, charts } = speech.words;
  const head = [h('h3', {}, tables.live), h('p', { class: 'note' }, tables.liveNote)];
  if (live === null) return [...head, h('p', { class: 'none' }, tables.noLive)];
  const stages = live.stages.map((stage): Cell[] => [
    stage.stage,
    speech.number(stage.pending),
    speech.number(stage.in_flight),
    speech.number(stage.redelivered),
  ]);
  const heads = [charts.stage, tables.pending, tables.inFlight, tables.redelivered];
  const dead = live.dead_letters.map((letters): Cell[] => [letters.stage, speech.number(letters.count)]);
  return [
    ...head,
    stages.length > 0 ? table(tables.live, heads, stages, [1, 2, 3]) : h('p', { class: 'none' }, tables.noStages),
    h('h4', {}, tables.dead),
    ...(dead.length > 0
      ? [table(tables.dead, [charts.stage, tables.dead], dead, [1]), h('p', { class: 'warn' }, tables.someDead)]
      : [h('p', { class: 'none' }, tables.noDead)]),
  ];
}
