import { h, replaceChildren } from '../dashboard/dom.ts';
import { type ViewState, DEFAULT_VIEW, type FilterName, ORDERS } from './view-state.ts';
import type { JobIndex } from './job-index.ts';
import { FILTER_LABELS, label, localization } from './labels.ts';

/** Delay between the last keystroke and the search, in milliseconds. */
const SEARCH_DELAY_MS = 150;

/** Search, filters and order of the list. */
export class FilterForm {
  private readonly search = h('input', {
    type: 'search',
    id: 'search',
    placeholder: 'Question, answer, page or job',
    autocomplete: 'off',
    enterkeyhint: 'search',
    input: () => {
      this.onSearchInput();
    },
  });
  private readonly order: HTMLSelectElement;
  private readonly selects = new Map<FilterName, HTMLSelectElement>();
  private readonly activeFilters = h('ul', { class: 'chips chosen', 'aria-label': 'Chosen filters' });
  private readonly summary = h('summary');
  private timer: number | undefined;
  readonly element: HTMLElement;

  constructor(
    jobs: JobIndex,
    private readonly onChange: (view: Partial<ViewState>) => void,
  ) {
    this.order = this.select(
      'order',
      ORDERS.map((order) => [order, label('order', order)]),
    );
    const filters = (Object.keys(FILTER_LABELS) as FilterName[]).flatMap((name) => this.filter(name, jobs));
    this.element = h(
      'form',
      {
        class: 'card finder',
        role: 'search',
        'aria-label': 'Jobs',
        submit: (event) => {
          event.preventDefault();
          this.search.blur();
        },
      },
      h(
        'div',
        { class: 'line' },
        h('span', { class: 'field grow' }, h('label', { for: 'search' }, 'Search'), this.search),
        h('span', { class: 'field' }, h('label', { for: 'order' }, 'Order'), this.order),
      ),
      h(
        'details',
        { open: matchMedia('(width >= 800px)').matches },
        this.summary,
        h('div', { class: 'filters' }, ...filters),
      ),
      this.activeFilters,
    );
  }

  /** Shows a view. */
  update(view: ViewState): void {
    if (document.activeElement !== this.search) this.search.value = view.search;
    this.order.value = view.order;
    for (const [name, select] of this.selects) {
      const value = view[name];
      // A value from the URL is offered even if no job has it.
      const known = [...select.options].some((option) => option.value === value);
      if (!known) select.append(h('option', { value }, label(name, value)));
      select.value = value;
    }
    const names = [...this.selects.keys()].filter((name) => view[name] !== '');
    this.summary.textContent = names.length > 0 ? `Filters (${localization.number(names.length)})` : 'Filters';
    const chips = names.map((name) => this.chip(name, `${FILTER_LABELS[name]}: ${label(name, view[name])}`));
    if (view.search !== '') chips.unshift(this.chip('search', `Search: ${view.search}`));
    replaceChildren(this.activeFilters, ...chips, chips.length > 1 && this.chip('all', 'Remove all'));
  }

  focus(): void {
    this.search.focus();
    this.search.select();
  }

  private filter(name: FilterName, jobs: JobIndex): HTMLElement[] {
    const values = jobs.valueCounts(name).filter(([value]) => value !== '');
    const options = values.map(([value, count]): [string, string] => [
      value,
      `${label(name, value)} (${localization.number(count)})`,
    ]);
    const select = this.select(name, [['', 'All'], ...options]);
    this.selects.set(name, select);
    return values.length > 0
      ? [h('span', { class: 'field' }, h('label', { for: name }, FILTER_LABELS[name]), select)]
      : [];
  }

  private select(name: FilterName | 'order', options: [string, string][]): HTMLSelectElement {
    const change = () => {
      this.onChange({ [name]: select.value });
    };
    const select = h('select', { id: name, change }, ...options.map(([value, text]) => h('option', { value }, text)));
    return select;
  }

  /** An active filter, with a button that removes it. */
  private chip(name: FilterName | 'search' | 'all', text: string): HTMLElement {
    const click = () => {
      if (name === 'search' || name === 'all') this.search.value = '';
      this.onChange(name === 'all' ? { ...DEFAULT_VIEW } : { [name]: '' });
    };
    const label = name === 'all' ? text : `Remove ${text}`;
    const sign = h('span', { 'aria-hidden': 'true' }, ' ×');
    return h(
      'li',
      {},
      h('button', { type: 'button', 'aria-label': label, 'data-key': `chip-${name}`, click }, text, sign),
    );
  }

  private onSearchInput(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.onChange({ search: this.search.value.trim() });
    }, SEARCH_DELAY_MS);
  }
}
