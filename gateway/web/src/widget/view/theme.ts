import { accentFor, type Colour } from '../page/colour.ts';
import type { Options } from '../page/options.ts';
import css from '../styles.css?inline';

const DEFAULT: Colour = [11, 93, 107];

/** The widget's styles. A constructed style sheet works under any Content-Security-Policy. */
export function styleSheet(): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
}

/** Applies the theme, again when the system's colour scheme changes. */
export function applyTheme(root: HTMLElement, options: Options, signal: AbortSignal): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    const theme = options.theme !== 'auto' ? options.theme : dark.matches ? 'dark' : 'light';
    const accent = accentFor(options.colour ?? DEFAULT, theme);
    root.dataset.theme = theme;
    root.style.setProperty('--fill', accent.fill);
    root.style.setProperty('--on-fill', accent.on);
    root.style.setProperty('--ink', accent.ink);
  };
  apply();
  dark.addEventListener('change', apply, { signal });
}
