import { h, replace } from '../dashboard/dom.ts';
import { type Choice, EVERYTHING, type Filter, ORDERS } from './view-state.ts';
import type { Jobs } from './job-index.ts';
import { FILTERS, named, speech } from './labels.ts';

/** How long the reader may pause between two letters, in milliseconds. */
const PAUSE = 150;

/** Search, filters and order of the list. */
export class Form {
  private readonly search = h('input', {
    type: 'search',
    id: 'search',
    placeholder: 'Question, answer, page or job',
    autocomplete: 'off',
    enterkeyhint: 'search',
    input: () => {
      this.typed();
    },
  });
  private readonly order: HTMLSelectElement;
  private readonly selects = new Map<Filter, HTMLSelectElement>();
  private readonly chosen = h('ul', { class: 'chips chosen', 'aria-label': 'Chosen filters' });
  private readonly summary = h('summary');
  private timer: number | undefined;
  readonly element: HTMLElement;

  constructor(
    jobs: Jobs,
    private readonly choose: (choice: Partial<Choice>) => void,
  ) {
    this.order = this.select(
      'order',
      ORDERS.map((order) => [order, named('order', order)]),
    );
    const filters = (Object.keys(FILTERS) as Filter[]).flatMap((name) => this.filter(name, jobs));
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
      this.chosen,
    );
  }

  /** Shows a choice. */
  update(choice: Choice): void {
    if (document.activeElement !== this.search) this.search.value = choice.search;
    this.order.value = choice.order;
    for (const [name, select] of this.selects) {
      const value = choice[name];
      // What stands in the address stays to be seen, also when no job has it.
      const known = [...select.options].some((option) => option.value === value);
      if (!known) select.append(h('option', { value }, named(name, value)));
      select.value = value;
    }
    const names = [...this.selects.keys()].filter((name) => choice[name] !== '');
    this.summary.textContent = names.length > 0 ? `Filters (${speech.number(names.length)})` : 'Filters';
    const chips = names.map((name) => this.chip(name, `${FILTERS[name]}: ${named(name, choice[name])}`));
    if (choice.search !== '') chips.unshift(this.chip('search', `Search: ${choice.search}`));
    replace(this.chosen, ...chips, chips.length > 1 && this.chip('all', 'Remove all'));
  }

  focus(): void {
    this.search.focus();
    this.search.select();
  }

  private filter(name: Filter, jobs: Jobs): HTMLElement[] {
    const values = jobs.values(name).filter(([value]) => value !== '');
    const options = values.map(([value, count]): [string, string] => [
      value,
      `${named(name, value)} (${speech.number(count)})`,
    ]);
    const select = this.select(name, [['', 'All'], ...options]);
    this.selects.set(name, select);
    return values.length > 0 ? [h('span', { class: 'field' }, h('label', { for: name }, FILTERS[name]), select)] : [];
  }

  private select(name: Filter | 'order', options: [string, string][]): HTMLSelectElement {
    const change = () => {
      this.choose({ [name]: select.value });
    };
    const select = h('select', { id: name, change }, ...options.map(([value, text]) => h('option', { value }, text)));
    return select;
  }

  /** What is chosen, with a button that takes it back. */
  private chip(name: Filter | 'search' | 'all', text: string): HTMLElement {
    const click = () => {
      if (name === 'search' || name === 'all') this.search.value = '';
      this.choose(name === 'all' ? { ...EVERYTHING } : { [name]: '' });
    };
    const label = name === 'all' ? text : `Remove ${text}`;
    const sign = h('span', { 'aria-hidden': 'true' }, ' ×');
    return h(
      'li',
      {},
      h('button', { type: 'button', 'aria-label': label, 'data-key': `chip-${name}`, click }, text, sign),
    );
  }

  private typed(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.choose({ search: this.search.value.trim() });
    }, PAUSE);
  }
}
