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

import { h, replaceChildren } from './dom.ts';
import type { Localization } from './localization.ts';

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
  /** The name of a CSS colour variable, such as `good`. */
  colour: string;
  values: (number | null)[];
}

/** What a chart shows. */
export interface ChartData {
  kind: 'bars' | 'stacked' | 'lines' | 'horizontal';
  labels: string[];
  series: Series[];
  /** Formats a value. */
  formatValue: (value: number) => string;
  /** The maximum of the axis, if fixed. */
  max?: number;
  /** A sentence that describes the chart. */
  description: string;
  /** The heading of the table's first column. */
  labelHeading: string;
  /** Called when a bar or a table row is selected. */
  onSelect?: (at: number) => void;
}

type AnyChart = Chart<'bar' | 'line', (number | null)[], string>;

/** A chart with its heading, its description, and the same data as a table. */
export class ChartCard {
  readonly element: HTMLElement;
  private readonly heading = h('h3');
  private readonly description = h('p', { class: 'says' });
  private readonly canvas = h('canvas', { role: 'img' });
  private readonly frame = h('div', { class: 'frame' }, this.canvas);
  private readonly summary = h('summary');
  private readonly table = h('div', { class: 'scroll', tabindex: 0, role: 'region' });
  private chart: AnyChart | undefined;
  private renderedKey = '';

  constructor(name: string) {
    this.element = h(
      'section',
      { class: `card chart ${name}`, 'data-chart': name },
      this.heading,
      this.description,
      this.frame,
      h('details', {}, this.summary, this.table),
    );
  }

  /** Shows data; does nothing if it is unchanged. */
  update(title: string, data: ChartData, localization: Localization): void {
    const theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
    const shown = JSON.stringify([title, data, localization.language, theme]);
    if (shown === this.renderedKey) return;
    this.renderedKey = shown;
    this.heading.textContent = title;
    this.summary.textContent = localization.messages.charts.table;
    const empty = data.labels.length === 0;
    this.description.textContent = empty ? data.description || localization.messages.charts.none : data.description;
    this.frame.hidden = empty;
    this.frame.classList.toggle('pick', data.onSelect !== undefined);
    this.canvas.setAttribute('aria-label', `${title}. ${data.description}`);
    this.table.setAttribute('aria-label', title);
    replaceChildren(this.table, dataTable(title, data));
    if (empty) return;
    if (data.kind === 'horizontal') this.frame.dataset.rows = String(Math.min(data.labels.length, 12));
    this.draw(data);
  }

  private draw(data: ChartData): void {
    const chartJsData = { labels: data.labels, datasets: data.series.map((series) => dataset(series, data)) };
    const options = chartOptions(data);
    if (this.chart === undefined) {
      this.chart = new Chart(this.canvas, { type: data.kind === 'lines' ? 'line' : 'bar', data: chartJsData, options });
    } else {
      this.chart.data = chartJsData;
      this.chart.options = options;
      this.chart.update('none');
    }
  }
}

function dataset(series: Series, data: ChartData): ChartDataset<'bar' | 'line', (number | null)[]> {
  const colour = cssVariable(`--${series.colour}`);
  const shared = { label: series.label, data: series.values, backgroundColor: colour, borderColor: colour };
  return data.kind === 'lines'
    ? {
        ...shared,
        type: 'line',
        borderWidth: 2,
        pointRadius: data.labels.length > 40 ? 0 : 2,
        tension: 0.25,
        spanGaps: true,
      }
    : { ...shared, type: 'bar', maxBarThickness: 28, borderRadius: 2 };
}

function chartOptions(data: ChartData): AnyChart['options'] {
  const horizontal = data.kind === 'horizontal';
  const text = cssVariable('--soft');
  const grid = { color: cssVariable('--line') };
  const ticks = { color: text, font: { size: 12 } };
  const values = {
    beginAtZero: true,
    grid,
    border: { display: false },
    stacked: data.kind === 'stacked',
    ...(data.max === undefined ? {} : { max: data.max }),
    ticks: {
      ...ticks,
      maxTicksLimit: 6,
      maxRotation: 0,
      callback: (value: string | number) => data.formatValue(Number(value)),
    },
  };
  const names = {
    grid: { display: false },
    border: { color: cssVariable('--line') },
    stacked: data.kind === 'stacked',
    ticks: horizontal ? { ...ticks, autoSkip: false } : { ...ticks, maxRotation: 0, autoSkipPadding: 12 },
  };
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    indexAxis: horizontal ? 'y' : 'x',
    interaction: { mode: 'index', axis: horizontal ? 'y' : 'x', intersect: false },
    onClick: (_event, [bar]) => {
      if (bar) data.onSelect?.(bar.index);
    },
    scales: horizontal ? { x: values, y: names } : { x: names, y: values },
    plugins: {
      legend: {
        display: data.series.length > 1,
        position: 'bottom',
        labels: { color: cssVariable('--text'), boxWidth: 12, boxHeight: 12 },
      },
      tooltip: {
        callbacks: {
          label: (item) => {
            const value = horizontal ? item.parsed.x : item.parsed.y;
            return `${item.dataset.label ?? ''}: ${value === null ? '–' : data.formatValue(value)}`;
          },
        },
      },
    },
  };
}

function dataTable(title: string, data: ChartData): HTMLTableElement {
  const cell = (value: number | null | undefined) =>
    h('td', { class: 'number' }, value === null || value === undefined ? '–' : data.formatValue(value));
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
        h('th', { scope: 'col' }, data.labelHeading),
        ...data.series.map((series) => h('th', { scope: 'col', class: 'number' }, series.label)),
      ),
    ),
    h(
      'tbody',
      {},
      ...data.labels.map((label, at) =>
        h(
          'tr',
          {},
          h('th', { scope: 'row' }, labelCell(label, at, data)),
          ...data.series.map((series) => cell(series.values[at])),
        ),
      ),
    ),
  );
}

function labelCell(label: string, at: number, { onSelect }: ChartData): HTMLElement | string {
  if (onSelect === undefined) return label;
  const click = () => {
    onSelect(at);
  };
  return h('button', { type: 'button', class: 'open', click }, label);
}

/** The value of a CSS variable. */
function cssVariable(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
