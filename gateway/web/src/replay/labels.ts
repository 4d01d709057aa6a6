import { Localization } from '../dashboard/localization.ts';
import type { FilterName } from './view-state.ts';

/** The report is written in English. */
export const localization = new Localization('en');

export const FILTER_LABELS: Record<FilterName, string> = {
  kind: 'Change',
  first: 'First differs in',
  aspect: 'What differs',
  judged: 'By the labels',
  gone: 'Page that is gone',
  intent: 'Intent',
  product: 'Product',
  language: 'Language',
};

const LABELS: Record<string, Record<string, string>> = {
  kind: {
    visible: 'Visible',
    inside: 'Inside only',
    needs_model: 'Needs a model',
    failed: 'Failed',
  },
  aspect: {
    intent: 'Intent',
    product: 'Product',
    queries: 'Wordings searched for',
    passages: 'Passages found',
    outcome: 'How it ended',
    cited_lost: 'Cited passage lost',
    citations: 'Citations',
    answer: 'Text of the answer',
    confidence: 'Confidence',
  },
  judged: { better: 'Better', same: 'As good', worse: 'Worse' },
  query: { asked: 'Asked', restored: 'Marks restored', rewritten: 'Rewritten' },
  order: { worst: 'Worst first', time: 'Time', overlap: 'Least overlap' },
};

/** The label of a name in the report, or the name itself if there is none. */
export function label(kind: FilterName | 'outcome' | 'query' | 'order', name: string): string {
  if (kind === 'outcome') return localization.label('outcomes', name);
  if (kind === 'intent') return localization.label('intents', name);
  if (kind === 'language') return localization.label('languages', name);
  if (kind === 'first' && name) return name.charAt(0).toUpperCase() + name.slice(1);
  return LABELS[kind]?.[name] ?? (name || 'None');
}

/** “1 job”, “2 jobs”. */
export function counted(count: number, one: string, more = `${one}s`): string {
  return `${localization.number(count)} ${count === 1 ? one : more}`;
}

/** The value of a `lang` attribute, if the language is valid. */
export function langOf(language: string): string | undefined {
  return /^[a-z]{2}$/.test(language) ? language : undefined;
}
