import { type ViewFilters, isValidRange, type PeriodKind } from './view-filters.ts';
import { h, replaceChildren } from './dom.ts';
import type { Localization } from './localization.ts';
import type { Report } from './types.ts';

const PERIODS: PeriodKind[] = ['day', 'week', 'month', 'range'];

/** The filters by period, product and language. */
export class FilterForm {
  readonly element = h('form', {
    class: 'filters',
    role: 'search',
    submit: (event) => {
      this.onSubmit(event);
    },
  });
  private renderedKey = '';
  private localization: Localization | undefined;
  private filters: ViewFilters | undefined;

  constructor(private readonly onChange: (selected: ViewFilters) => void) {}

  /** Shows the filters; does nothing if they are unchanged. */
  update(selected: ViewFilters, choices: Report['choices'], localization: Localization): void {
    const key = JSON.stringify([selected, choices, localization.language]);
    if (key === this.renderedKey) return;
    this.renderedKey = key;
    this.localization = localization;
    this.filters = selected;
    const { filters } = localization.messages;
    this.element.setAttribute('aria-label', filters.heading);
    const products = choices.products.map(({ id, name }): [string, string] => [id, name]);
    const locales = choices.locales.map((locale): [string, string] => [
      locale,
      localization.label('languages', locale),
    ]);
    replaceChildren(
      this.element,
      this.periods(selected, localization),
      selected.period === 'range' && this.range(selected, localization),
      this.select('product', filters.product, selected.product, products, localization),
      this.select('locale', filters.locale, selected.locale, locales, localization),
    );
  }

  private periods(selected: ViewFilters, localization: Localization): HTMLElement {
    const { filters } = localization.messages;
    const radio = (period: PeriodKind) => {
      const id = `period-${period}`;
      const input = h('input', {
        type: 'radio',
        name: 'period',
        id,
        value: period,
        checked: selected.period === period,
        'data-key': id,
        change: () => {
          this.onChange(period === 'range' ? withDefaultRange(selected) : { ...selected, period });
        },
      });
      return h('span', { class: 'radio' }, input, h('label', { for: id }, filters[period]));
    };
    return h('fieldset', { class: 'periods' }, h('legend', {}, filters.period), ...PERIODS.map(radio));
  }

  private range(selected: ViewFilters, localization: Localization): HTMLElement {
    const { filters } = localization.messages;
    const field = (name: 'from' | 'to') =>
      h(
        'span',
        { class: 'field' },
        h('label', { for: name }, filters[name]),
        h('input', { type: 'date', id: name, name, value: selected[name], required: true, 'data-key': name }),
      );
    return h(
      'div',
      { class: 'range' },
      field('from'),
      field('to'),
      h('button', { type: 'submit', class: 'strong', 'data-key': 'apply' }, filters.apply),
      h('p', { class: 'problem', role: 'alert' }),
    );
  }

  private select(
    name: 'product' | 'locale',
    label: string,
    chosen: string,
    options: [string, string][],
    localization: Localization,
  ): HTMLElement {
    // A value from the URL is offered even if it is unknown.
    const known = chosen === '' || options.some(([value]) => value === chosen);
    const all: [string, string][] = [['', localization.messages.filters.all], ...options];
    if (!known) all.push([chosen, chosen]);
    const select = h(
      'select',
      {
        id: name,
        'data-key': name,
        change: () => {
          if (this.filters) this.onChange({ ...this.filters, [name]: select.value });
        },
      },
      ...all.map(([value, text]) => h('option', { value, selected: value === chosen }, text)),
    );
    return h('span', { class: 'field' }, h('label', { for: name }, label), select);
  }

  private onSubmit(event: Event): void {
    event.preventDefault();
    const data = new FormData(this.element);
    const [from, to] = [data.get('from'), data.get('to')];
    if (this.filters?.period !== 'range' || typeof from !== 'string' || typeof to !== 'string') return;
    const problem = this.element.querySelector('.problem');
    if (isValidRange(from, to)) this.onChange({ ...this.filters, from, to });
    else if (problem && this.localization) problem.textContent = this.localization.messages.filters.wrongRange;
  }
}

/** The filters with a default range: the last two weeks. */
function withDefaultRange(selected: ViewFilters): ViewFilters {
  const day = (back: number) => {
    const date = new Date();
    date.setDate(date.getDate() - back);
    const two = (number: number) => String(number).padStart(2, '0');
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  };
  return { ...selected, period: 'range', from: selected.from || day(13), to: selected.to || day(0) };
}
