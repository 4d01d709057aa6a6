import { type Choice, isRange, type PeriodKind } from './view-filters.ts';
import { h, replace } from './dom.ts';
import type { Speech } from './localization.ts';
import type { Report } from './types.ts';

const PERIODS: PeriodKind[] = ['day', 'week', 'month', 'range'];

/** What is shown: period, product, language. */
export class Filters {
  readonly element = h('form', {
    class: 'filters',
    role: 'search',
    submit: (event) => {
      this.submitted(event);
    },
  });
  private drawn = '';
  private speech: Speech | undefined;
  private choice: Choice | undefined;

  constructor(private readonly choose: (choice: Choice) => void) {}

  /** Shows a choice; nothing is touched when it is the same as before. */
  update(choice: Choice, choices: Report['choices'], speech: Speech): void {
    const drawn = JSON.stringify([choice, choices, speech.language]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.speech = speech;
    this.choice = choice;
    const { filters } = speech.words;
    this.element.setAttribute('aria-label', filters.heading);
    const products = choices.products.map(({ id, name }): [string, string] => [id, name]);
    const locales = choices.locales.map((locale): [string, string] => [locale, speech.named('languages', locale)]);
    replace(
      this.element,
      this.periods(choice, speech),
      choice.period === 'range' && this.range(choice, speech),
      this.select('product', filters.product, choice.product, products, speech),
      this.select('locale', filters.locale, choice.locale, locales, speech),
    );
  }

  private periods(choice: Choice, speech: Speech): HTMLElement {
    const { filters } = speech.words;
    const radio = (period: PeriodKind) => {
      const id = `period-${period}`;
      const input = h('input', {
        type: 'radio',
        name: 'period',
        id,
        value: period,
        checked: choice.period === period,
        'data-key': id,
        change: () => {
          this.choose(period === 'range' ? withRange(choice) : { ...choice, period });
        },
      });
      return h('span', { class: 'radio' }, input, h('label', { for: id }, filters[period]));
    };
    return h('fieldset', { class: 'periods' }, h('legend', {}, filters.period), ...PERIODS.map(radio));
  }

  private range(choice: Choice, speech: Speech): HTMLElement {
    const { filters } = speech.words;
    const field = (name: 'from' | 'to') =>
      h(
        'span',
        { class: 'field' },
        h('label', { for: name }, filters[name]),
        h('input', { type: 'date', id: name, name, value: choice[name], required: true, 'data-key': name }),
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
    speech: Speech,
  ): HTMLElement {
    // What stands in the address stays to be seen, also when the site does not know it.
    const known = chosen === '' || options.some(([value]) => value === chosen);
    const all: [string, string][] = [['', speech.words.filters.all], ...options];
    if (!known) all.push([chosen, chosen]);
    const select = h(
      'select',
      {
        id: name,
        'data-key': name,
        change: () => {
          if (this.choice) this.choose({ ...this.choice, [name]: select.value });
        },
      },
      ...all.map(([value, text]) => h('option', { value, selected: value === chosen }, text)),
    );
    return h('span', { class: 'field' }, h('label', { for: name }, label), select);
  }

  private submitted(event: Event): void {
    event.preventDefault();
    const data = new FormData(this.element);
    const [from, to] = [data.get('from'), data.get('to')];
    if (this.choice?.period !== 'range' || typeof from !== 'string' || typeof to !== 'string') return;
    const problem = this.element.querySelector('.problem');
    if (isRange(from, to)) this.choose({ ...this.choice, from, to });
    else if (problem && this.speech) problem.textContent = this.speech.words.filters.wrongRange;
  }
}

/** A choice with a range to begin with: the last two weeks. */
function withRange(choice: Choice): Choice {
  const day = (back: number) => {
    const date = new Date();
    date.setDate(date.getDate() - back);
    const two = (number: number) => String(number).padStart(2, '0');
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  };
  return { ...choice, period: 'range', from: choice.from || day(13), to: choice.to || day(0) };
}
