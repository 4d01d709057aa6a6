import { ChartCard } from './chart.ts';
import { h, replace } from './dom.ts';
import * as figures from './chart-data.ts';
import type { Speech } from './localization.ts';
import { Tables } from './tables.ts';
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
  private readonly tables: Tables;
  readonly element: HTMLElement;

  constructor(open: (session: string) => void) {
    this.tables = new Tables(open);
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

  update(report: Report, speech: Speech): void {
    const { words } = speech;
    const nothing = report.outcomes.length === 0;
    this.overview.textContent = words.tiles.heading;
    replace(this.tiles, ...tiles(report, speech));
    this.empty.hidden = !nothing;
    if (nothing) replace(this.empty, h('h3', {}, words.empty.heading), h('p', {}, words.empty.about));
    this.chartsHeading.textContent = words.charts.heading;
    this.chartsHeading.hidden = nothing;
    this.chartGrid.hidden = nothing;
    if (!nothing) {
      for (const [name, chart] of Object.entries(this.charts)) {
        const of = name as keyof typeof this.charts;
        chart.update(words.charts[of], figures[of](report, speech), speech);
      }
    }
    this.tables.update(report, speech, nothing);
  }
}
