import { ChartCard } from './chart.ts';
import { h, replaceChildren } from './dom.ts';
import * as chartData from './chart-data.ts';
import type { Localization } from './localization.ts';
import { ReportTables } from './report-tables.ts';
import { tiles } from './tiles.ts';
import type { Report } from './types.ts';

/** Tiles, charts and tables. */
export class ReportView {
  private readonly overview = h('h2');
  private readonly tiles = h('dl', { class: 'tiles' });
  private readonly empty = h('div', { class: 'card empty', role: 'status' });
  private readonly charts = {
    volume: new ChartCard('volume'),
    quality: new ChartCard('quality'),
    rated: new ChartCard('rated'),
    labelled: new ChartCard('labelled'),
    latency: new ChartCard('latency'),
    stages: new ChartCard('stages'),
    outcomes: new ChartCard('outcomes'),
    intents: new ChartCard('intents'),
    products: new ChartCard('products'),
    languages: new ChartCard('languages'),
    providers: new ChartCard('providers'),
  };
  private readonly chartsHeading = h('h2');
  private readonly chartGrid = h('div', { class: 'grid' }, ...Object.values(this.charts).map((chart) => chart.element));
  private readonly tables: ReportTables;
  readonly element: HTMLElement;

  constructor(open: (session: string) => void) {
    this.tables = new ReportTables(open);
    this.element = h(
      'div',
      { class: 'report', hidden: true },
      this.overview,
      this.tiles,
      this.empty,
      this.chartsHeading,
      this.chartGrid,
      this.tables.element,
    );
  }

  update(report: Report, localization: Localization): void {
    const { messages } = localization;
    const isEmpty = report.outcomes.length === 0;
    this.overview.textContent = messages.tiles.heading;
    replaceChildren(this.tiles, ...tiles(report, localization));
    this.empty.hidden = !isEmpty;
    if (isEmpty) replaceChildren(this.empty, h('h3', {}, messages.empty.heading), h('p', {}, messages.empty.about));
    this.chartsHeading.textContent = messages.charts.heading;
    this.chartsHeading.hidden = isEmpty;
    this.chartGrid.hidden = isEmpty;
    if (!isEmpty) {
      for (const [name, chart] of Object.entries(this.charts)) {
        const chartName = name as keyof typeof this.charts;
        chart.update(messages.charts[chartName], chartData[chartName](report, localization), localization);
      }
    }
    this.tables.update(report, localization, isEmpty);
  }
}
