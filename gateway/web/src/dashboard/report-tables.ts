import { canaryTables } from './canary-tables.ts';
import { h, link, replaceChildren } from './dom.ts';
import { evaluationTable, expectedTables } from './expected-tables.ts';
import { interpolate, type Localization } from './localization.ts';
import { type Cell, table } from './table.ts';
import type { Gap, Report } from './types.ts';

/** Tables of expected answers, evaluations, gaps, cited pages, comments, live queues and canaries. */
export class ReportTables {
  private readonly expected = h('section', { class: 'card wide expected' });
  private readonly evaluations = h('section', { class: 'card wide evaluations' });
  private readonly gaps = h('section', { class: 'card wide gaps' });
  private readonly pages = h('section', { class: 'card pages' });
  private readonly comments = h('section', { class: 'card comments' });
  private readonly live = h('section', { class: 'card live' });
  private readonly canaries = h('section', { class: 'card canaries' });
  private renderedKeys = new Map<HTMLElement, string>();
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

  update(report: Report, localization: Localization, isEmpty: boolean): void {
    for (const section of [this.expected, this.gaps, this.pages, this.comments]) section.hidden = isEmpty;
    const expected = [report.expected_by_language, report.expected_by_version, localization.language];
    this.renderSection(this.expected, expected, () => expectedTables(report, localization));
    this.renderSection(this.evaluations, [report.evaluations, localization.language], () =>
      evaluationTable(report, localization),
    );
    this.renderSection(this.gaps, [report.gaps, localization.language], () => this.gapTable(report, localization));
    this.renderSection(this.pages, [report.pages, localization.language], () => pageTable(report, localization));
    this.renderSection(this.comments, [report.feedback, localization.language], () =>
      this.commentList(report, localization),
    );
    this.renderSection(this.live, [report.live, localization.language], () => liveTables(report, localization));
    this.canaries.hidden = report.canaries.length === 0;
    this.renderSection(this.canaries, [report.canaries, localization.language], () =>
      canaryTables(report.canaries, localization),
    );
  }

  /** Renders a section if its data has changed. */
  private renderSection(section: HTMLElement, shown: unknown, children: () => Cell[]): void {
    const text = JSON.stringify(shown);
    if (this.renderedKeys.get(section) === text) return;
    this.renderedKeys.set(section, text);
    replaceChildren(section, ...children());
  }

  private gapTable(report: Report, localization: Localization): Cell[] {
    const { tables } = localization.messages;
    const row = (gap: Gap): Cell[] => [
      this.conversationButton(gap.question, gap.session_id, `gap-${gap.question}`, localization),
      localization.number(gap.asked),
      gapReasons(gap, localization),
      productName(report, gap.product),
      localization.dateTime(gap.last),
    ];
    const heads = [tables.question, tables.asked, tables.why, localization.messages.filters.product, tables.last];
    return [
      h('h3', {}, tables.gaps),
      h('p', { class: 'note' }, tables.gapsNote),
      report.gaps.length > 0
        ? table(tables.gaps, heads, report.gaps.map(row), [1])
        : h('p', { class: 'none' }, tables.noGaps),
    ];
  }

  private commentList(report: Report, localization: Localization): Cell[] {
    const { tables } = localization.messages;
    const { comments, reasons } = report.feedback;
    const reason = (name: string) => localization.label('reasons', name);
    const items = comments.map((said) =>
      h(
        'li',
        {},
        h(
          'p',
          { class: `rating ${said.rating}` },
          localization.label('ratings', said.rating),
          said.reason && `, ${reason(said.reason)}`,
        ),
        h('blockquote', {}, said.comment),
        h(
          'p',
          { class: 'note' },
          this.conversationButton(said.question, said.session_id, `said-${said.at}`, localization),
          ` ${localization.dateTime(said.at)}`,
        ),
      ),
    );
    const named = reasons.map((count) => [reason(count.name), localization.number(count.count)]);
    return [
      h('h3', {}, tables.comments),
      comments.length > 0 ? h('ul', { class: 'said' }, ...items) : h('p', { class: 'none' }, tables.noComments),
      ...(named.length > 0
        ? [
            h('h4', {}, tables.reasons),
            table(tables.reasons, [tables.why, localization.messages.charts.count], named, [1]),
          ]
        : []),
    ];
  }

  /** A question that opens its conversation. */
  private conversationButton(question: string, session: string, key: string, localization: Localization): HTMLElement {
    return h(
      'button',
      {
        type: 'button',
        class: 'open',
        'data-key': key,
        'aria-label': interpolate(localization.messages.tables.open, { question }),
        click: () => {
          this.open(session);
        },
      },
      question,
    );
  }
}

function gapReasons(gap: Gap, localization: Localization): string {
  const { tables } = localization.messages;
  const reasons: [number, string][] = [
    [gap.unanswered, tables.unanswered],
    [gap.low_confidence, tables.low],
    [gap.thumbs_down, tables.down],
    [gap.failed, tables.failed],
  ];
  const said = reasons.filter(([count]) => count > 0);
  return said.map(([count, text]) => interpolate(text, { count: localization.number(count) })).join(', ');
}

function productName(report: Report, id: string): string {
  return report.choices.products.find((product) => product.id === id)?.name ?? (id || '–');
}

function pageTable(report: Report, localization: Localization): Cell[] {
  const { tables, ratings } = localization.messages;
  const rows = report.pages.map((page): Cell[] => [
    link(page.url),
    localization.number(page.cited),
    localization.number(page.up),
    localization.number(page.down),
  ]);
  const heads = [tables.page, tables.cited, ratings.up, ratings.down];
  return [
    h('h3', {}, tables.pages),
    rows.length > 0 ? table(tables.pages, heads, rows, [1, 2, 3]) : h('p', { class: 'none' }, tables.noPages),
  ];
}

function liveTables({ live }: Report, localization: Localization): Cell[] {
  const { tables, charts } = localization.messages;
  const head = [h('h3', {}, tables.live), h('p', { class: 'note' }, tables.liveNote)];
  if (live === null) return [...head, h('p', { class: 'none' }, tables.noLive)];
  const stages = live.stages.map((stage): Cell[] => [
    stage.stage,
    localization.number(stage.pending),
    localization.number(stage.in_flight),
    localization.number(stage.redelivered),
  ]);
  const heads = [charts.stage, tables.pending, tables.inFlight, tables.redelivered];
  const dead = live.dead_letters.map((letters): Cell[] => [letters.stage, localization.number(letters.count)]);
  return [
    ...head,
    stages.length > 0 ? table(tables.live, heads, stages, [1, 2, 3]) : h('p', { class: 'none' }, tables.noStages),
    h('h4', {}, tables.dead),
    ...(dead.length > 0
      ? [table(tables.dead, [charts.stage, tables.dead], dead, [1]), h('p', { class: 'warn' }, tables.someDead)]
      : [h('p', { class: 'none' }, tables.noDead)]),
  ];
}
