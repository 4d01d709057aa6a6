export const KINDS = ['visible', 'inside', 'needs_model', 'failed'] as const;
export const ORDERS = ['worst', 'time', 'overlap'] as const;
export type Order = (typeof ORDERS)[number];

/** What the reader sees. It is stored in the URL, so that a view can be bookmarked and shared. */
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
  /** The page of the list, from 1. */
  part: number;
  /** The open job. */
  job: string;
}

/** The filters with a list of options. */
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

/** Parses the fragment of a URL. */
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

/** The view as a URL fragment, without default values. */
export function formatViewState(view: ViewState): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(view)) {
    if (value !== DEFAULT_VIEW[name as keyof ViewState]) params.set(name, String(value));
  }
  return `#${params.toString()}`;
}

/** Whether two views show the same list. */
export function isSameList(first: ViewState, second: ViewState): boolean {
  return formatViewState({ ...first, job: '' }) === formatViewState({ ...second, job: '' });
}
