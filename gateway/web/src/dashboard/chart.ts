import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  type ChartDataset,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from 'chart.js';

import { h, replace } from './dom.ts';
import type { Speech } from './localization.ts';

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
);

/** One row of bars, or one line. */
export interface Series {
  label: string;
  /** The name of a colour of the style sheet, such as `good`. */
  colour: string;
  values: (number | null)[];
}

/** What a chart shows. */
export interface Figures {
  kind: 'bars' | 'stacked' | 'lines' | 'across';
  labels: string[];
  series: Series[];
  /** How a value is written. */
  write: (value: number) => string;
  /** The greatest value of the axis, where it is known. */
  most?: number;
  /** What the chart shows, in a sentence. */
  says: string;
  /** The heading of the table's first column. */
  first: string;
  /** What a choice of a bar or of a row of the table does. */
  pick?: (at: number) => void;
}

type AnyChart = Chart<'bar' | 'line', (number | null)[], string>;

/** A chart with its heading, its sentence, and the same figures as a table. */
export class ChartCard {
  readonly element: HTMLElement;
  private readonly heading = h('h3');
  private readonly says = h('p', { class: 'says' });
  private readonly canvas = h('canvas', { role: 'img' });
  private readonly frame = h('div', { class: 'frame' }, this.canvas);
  private readonly summary = h('summary');
  private readonly table = h('div', { class: 'scroll', tabindex: 0, role: 'region' });
  private chart: AnyChart | undefined;
  private shown = '';

  constructor(name: string) {
    this.element = h(
      'section',
      { class: `card chart ${name}`, 'data-chart': name },
      this.heading,
      this.says,
      this.frame,
      h('details', {}, this.summary, this.table),
    );
  }

  /** Shows figures; nothing is touched when they are the same as before. */
  update(title: string, figures: Figures, speech: Speech): void {
    const theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
    const shown = JSON.stringify([title, figures, speech.language, theme]);
    if (shown === this.shown) return;
    this.shown = shown;
    this.heading.textContent = title;
    this.summary.textContent = speech.words.charts.table;
    const empty = figures.labels.length === 0;
    this.says.textContent = empty ? figures.says || speech.words.charts.none : figures.says;
    this.frame.hidden = empty;
    this.frame.classList.toggle('pick', figures.pick !== undefined);
    this.canvas.setAttribute('aria-label', `${title}. ${figures.says}`);
    this.table.setAttribute('aria-label', title);
    replace(this.table, tableOf(title, figures));
    if (empty) return;
    if (figures.kind === 'across') this.frame.dataset.rows = String(Math.min(figures.labels.length, 12));
    this.draw(figures);
  }

  private draw(figures: Figures): void {
    const data = { labels: figures.labels, datasets: figures.series.map((series) => dataset(series, figures)) };
    const options = optionsOf(figures);
    if (this.chart === undefined) {
      this.chart = new Chart(this.canvas, { type: figures.kind === 'lines' ? 'line' : 'bar', data, options });
    } else {
      this.chart.data = data;
      this.chart.options = options;
      this.chart.update('none');
    }
  }
}

function dataset(series: Series, figures: Figures): ChartDataset<'bar' | 'line', (number | null)[]> {
  const colour = styleOf(`--${series.colour}`);
  const shared = { label: series.label, data: series.values, backgroundColor: colour, borderColor: colour };
  return figures.kind === 'lines'
    ? {
        ...shared,
        type: 'line',
        borderWidth: 2,
        pointRadius: figures.labels.length > 40 ? 0 : 2,
        tension: 0.25,
        spanGaps: true,
      }
    : { ...shared, type: 'bar', maxBarThickness: 28, borderRadius: 2 };
}

function optionsOf(figures: Figures): AnyChart['options'] {
  const across = figures.kind === 'across';
  const text = styleOf('--soft');
  const grid = { color: styleOf('--line') };
  const ticks = { color: text, font: { size: 12 } };
  const values = {
    beginAtZero: true,
    grid,
    border: { display: false },
    stacked: figures.kind === 'stacked',
    ...(figures.most === undefined ? {} : { max: figures.most }),
    ticks: {
      ...ticks,
      maxTicksLimit: 6,
      maxRotation: 0,
      callback: (value: string | number) => figures.write(Number(value)),
    },
  };
  const names = {
    grid: { display: false },
    border: { color: styleOf('--line') },
    stacked: figures.kind === 'stacked',
    ticks: across ? { ...ticks, autoSkip: false } : { ...ticks, maxRotation: 0, autoSkipPadding: 12 },
  };
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    indexAxis: across ? 'y' : 'x',
    interaction: { mode: 'index', axis: across ? 'y' : 'x', intersect: false },
    onClick: (_event, [bar]) => {
      if (bar) figures.pick?.(bar.index);
    },
    scales: across ? { x: values, y: names } : { x: names, y: values },
    plugins: {
      legend: {
        display: figures.series.length > 1,
        position: 'bottom',
        labels: { color: styleOf('--text'), boxWidth: 12, boxHeight: 12 },
      },
      tooltip: {
        callbacks: {
          label: (item) => {
            const value = across ? item.parsed.x : item.parsed.y;
            return `${item.dataset.label ?? ''}: ${value === null ? '–' : figures.write(value)}`;
          },
        },
      },
    },
  };
}

function tableOf(title: string, figures: Figures): HTMLTableElement {
  const cell = (value: number | null | undefined) =>
    h('td', { class: 'number' }, value === null || value === undefined ? '–' : figures.write(value));
  return h(
    'table',
    {},
    h('caption', { class: 'hidden' }, title),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        h('th', { scope: 'col' }, figures.first),
        ...figures.series.map((series) => h('th', { scope: 'col', class: 'number' }, series.label)),
      ),
    ),
    h(
      'tbody',
      {},
      ...figures.labels.map((label, at) =>
        h(
          'tr',
          {},
          h('th', { scope: 'row' }, picker(label, at, figures)),
          ...figures.series.map((series) => cell(series.values[at])),
        ),
      ),
    ),
  );
}

function picker(label: string, at: number, { pick }: Figures): HTMLElement | string {
  if (pick === undefined) return label;
  const click = () => {
    pick(at);
  };
  return h('button', { type: 'button', class: 'open', click }, label);
}

/** A value of the style sheet. */
function styleOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
