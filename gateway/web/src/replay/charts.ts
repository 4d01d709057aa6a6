import { ChartCard, type ChartData } from '../dashboard/chart.ts';
import { h } from '../dashboard/dom.ts';
import type { ViewState } from './view-state.ts';
import * as chartData from './chart-data.ts';
import type { Summary } from './types.ts';
import { localization } from './labels.ts';

/** The charts of the summary; a bar links to its jobs. */
export class SummaryCharts {
  private readonly cards = {
    first: new ChartCard('first'),
    aspects: new ChartCard('aspects'),
    overlaps: new ChartCard('overlaps'),
    intents: new ChartCard('intents'),
    products: new ChartCard('products'),
    shares: new ChartCard('shares'),
    times: new ChartCard('times'),
  };
  readonly element = h('div', { class: 'grid' }, ...Object.values(this.cards).map(({ element }) => element));

  constructor(
    private readonly summary: Summary,
    private readonly show: (view: Partial<ViewState>) => void,
  ) {}

  /** Draws the charts in the current colour scheme if they are not yet drawn in it. */
  draw(): void {
    const { cards, summary, show } = this;
    updateCard(cards.first, 'Where jobs first differ', chartData.firstDifferences(summary, show));
    updateCard(cards.aspects, 'What differs', chartData.differingAspects(summary, show));
    updateCard(cards.overlaps, 'Passages found again', chartData.passageOverlaps(summary));
    updateCard(cards.intents, 'Most changed intents', chartData.mostChangedGroups('intent', summary.intents, show));
    updateCard(cards.products, 'Most changed products', chartData.mostChangedGroups('product', summary.products, show));
    updateCard(cards.shares, 'Before and after', chartData.shareComparison(summary));
    updateCard(cards.times, 'Time by stage', chartData.stageTimes(summary));
  }
}

/** Hides a chart that would be empty. */
function updateCard(card: ChartCard, title: string, data: ChartData): void {
  card.element.hidden = data.series.every(({ values }) => values.every((value) => !value));
  if (!card.element.hidden) card.update(title, data, localization);
}
