export const KINDS = ['visible', 'inside', 'needs_model', 'failed'] as const;
export const ORDERS = ['worst', 'time', 'overlap'] as const;
export type Order = (typeof ORDERS)[number];

/** What the reader looks at. It stands in the page's address, so that a view can be kept and sent. */
export interface ViewState {
  search: string;
  kind: string;
  first: string;
  aspect: string;
  judged: string;
  gone: string;
  intent: string;
  product: string;
  language: string;
  order: Order;
  /** The part of the list, from 1. */
  part: number;
  /** The open job. */
  job: string;
}

/** The names of the filters that are chosen from a list. */
export type FilterName = 'kind' | 'first' | 'aspect' | 'judged' | 'gone' | 'intent' | 'product' | 'language';

export const DEFAULT_VIEW: ViewState = {
  search: '',
  kind: '',
  first: '',
  aspect: '',
  judged: '',
  gone: '',
  intent: '',
  product: '',
  language: '',
  order: 'worst',
  part: 1,
  job: '',
};

/** Reads the choice from the part of an address from `#` on. */
export function parseViewState(hash: string): ViewState {
  const params = new URLSearchParams(hash.replace(/^#/, ''));
  const text = (name: keyof ViewState) => params.get(name) ?? '';
  return {
    search: text('search'),
    kind: text('kind'),
    first: text('first'),
    aspect: text('aspect'),
    judged: text('judged'),
    gone: text('gone'),
    intent: text('intent'),
    product: text('product'),
    language: text('language'),
    order: ORDERS.find((order) => order === text('order')) ?? 'worst',
    part: Math.max(1, Math.trunc(Number(text('part'))) || 1),
    job: text('job'),
  };
}

/** The choice as it stands in the page's address: what is not as usual. */
export function formatViewState(view: ViewState): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(view)) {
    if (value !== DEFAULT_VIEW[name as keyof ViewState]) params.set(name, String(value));
  }
  return `#${params.toString()}`;
}

/** Whether two choices show the same list. */
export function isSameList(first: ViewState, second: ViewState): boolean {
  return formatViewState({ ...first, job: '' }) === formatViewState({ ...second, job: '' });
}
