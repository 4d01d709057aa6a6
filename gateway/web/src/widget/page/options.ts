import { type Colour, readColour } from './colour.ts';
import { pageMetadata } from './context.ts';

/** Options set by the page's owner as attributes of the script or the element. */
export interface Options {
  site: string;
  /** The gateway's address. */
  api: string;
  lang: string | null;
  dictionary: string | null;
  theme: 'auto' | 'light' | 'dark';
  corner: 'left' | 'right';
  colour: Colour | null;
  title: string | null;
  greeting: string | null;
  suggestions: string[];
  product: string | null;
  section: string | null;
  preview: boolean;
}

const MAX_SUGGESTIONS = 6;

/** Reads the attributes; `origin` is where the widget itself came from. */
export function readOptions(element: HTMLElement, origin: string): Options {
  const get = (name: string) => {
    const value = element.getAttribute(`data-${name}`)?.trim() ?? '';
    return value === '' ? null : value;
  };
  const theme = get('theme');
  const api = get('api') ?? origin;
  return {
    site: get('site') ?? '',
    api: new URL(api.endsWith('/') ? api : `${api}/`, origin).href,
    lang: get('lang'),
    dictionary: get('dictionary'),
    theme: theme === 'light' || theme === 'dark' ? theme : 'auto',
    corner: get('corner') === 'left' ? 'left' : 'right',
    colour: computedColour(get('color')),
    title: get('title'),
    greeting: get('greeting'),
    suggestions: (get('suggestions') ?? pageMetadata('suggestions') ?? '')
      .split('|')
      .map((question) => question.trim())
      .filter((question) => question !== '')
      .slice(0, MAX_SUGGESTIONS),
    product: get('product'),
    section: get('section'),
    preview: get('preview') !== 'off',
  };
}

/** Resolves any CSS colour. */
function computedColour(text: string | null): Colour | null {
  if (text === null) return null;
  const probe = document.createElement('span');
  probe.style.color = text;
  if (probe.style.color === '') return null;
  document.documentElement.append(probe);
  const colour = readColour(getComputedStyle(probe).color);
  probe.remove();
  return colour;
}
