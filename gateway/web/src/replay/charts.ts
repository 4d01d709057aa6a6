import { ChartCard, type Figures } from '../dashboard/chart.ts';
import { h } from '../dashboard/dom.ts';
import type { Choice } from './view-state.ts';
import * as figures from './chart-data.ts';
import type { Summary } from './types.ts';
import { speech } from './labels.ts';

/** The figures as charts; a bar leads to its jobs. */
export class Charts {
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
    private readonly show: (choice: Partial<Choice>) => void,
  ) {}

  /** Draws what is not drawn yet in the colours of now. */
  draw(): void {
    const { cards, summary, show } = this;
    draw(cards.first, 'Where jobs first differ', figures.first(summary, show));
    draw(cards.aspects, 'What differs', figures.aspects(summary, show));
    draw(cards.overlaps, 'Passages found again', figures.overlaps(summary));
    draw(cards.intents, 'Most changed intents', figures.groups('intent', summary.intents, show));
    draw(cards.products, 'Most changed products', figures.groups('product', summary.products, show));
    draw(cards.shares, 'Before and after', figures.shares(summary));
    draw(cards.times, 'Time by stage', figures.times(summary));
  }
}

/** A chart that would be empty is not there. */
function draw(card: ChartCard, title: string, figures: Figures): void {
  card.element.hidden = figures.series.every(({ values }) => values.every((value) => !value));
  if (!card.element.hidden) card.update(title, figures, speech);
}
