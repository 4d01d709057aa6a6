import { english } from './en.ts';
import { vietnamese } from './vi.ts';

/** Every text of the widget by its name; `{n}` in one is replaced by a number or a name. */
export type Texts = Record<keyof typeof english, string>;

const LANGUAGES: Record<string, Texts> = { en: english, vi: vietnamese };

/** The texts of a language, with those of the page's own dictionary before them, and the language that they are in:
 * the page's dictionary is in the language asked for, and without one an unknown language has English texts. */
export function textsFor(asked: string, dictionary: Partial<Texts>): { language: string; texts: Texts } {
  const language = asked.replaceAll('_', '-');
  const known = LANGUAGES[language.toLowerCase().split('-')[0] ?? ''];
  const translated = known !== undefined || Object.keys(dictionary).length > 0;
  return { language: translated ? language : 'en', texts: { ...(known ?? english), ...dictionary } };
}

/** The language asked for, else the page's, else the browser's. */
export function chooseLanguage(requested: string | null): string {
  const candidates = [requested ?? '', document.documentElement.lang, navigator.language];
  return candidates.find((candidate) => candidate.trim() !== '')?.trim() ?? 'en';
}

/** A page's dictionary: a JSON object in `<script type="application/json" id="…">`. Unknown names are left out. */
export function readDictionary(id: string | null): Partial<Texts> {
  const source = id === null ? null : document.getElementById(id);
  if (source === null) return {};
  try {
    const entries = Object.entries(JSON.parse(source.textContent) as object);
    return Object.fromEntries(entries.filter(([name, value]) => name in english && typeof value === 'string'));
  } catch {
    console.error(`Hoidap: the element "${id ?? ''}" does not hold a JSON object of texts.`);
    return {};
  }
}

/** Puts a number or a name in place of `{n}`. */
export function interpolate(text: string, n: number | string): string {
  return text.replaceAll('{n}', String(n));
}
