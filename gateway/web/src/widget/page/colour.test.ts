import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';

import { accentFor, type Colour, contrast, readColour, SURFACES, type Theme } from './colour.ts';

const THEMES: Theme[] = ['light', 'dark'];
const LEVELS = [0, 51, 102, 118, 153, 204, 255];
/** Colours from all parts of the space, greys among them, and the default. */
const COLOURS: Colour[] = [
  [11, 93, 107],
  ...LEVELS.flatMap((red) => LEVELS.flatMap((green) => LEVELS.map((blue): Colour => [red, green, blue]))),
];

function colour(text: string): Colour {
  return readColour(text) ?? expect.unreachable(text);
}

describe.each(THEMES)('an accent in the %s theme', (theme) => {
  it('has AA contrast in every colour, as text on each surface and as a surface', () => {
    for (const chosen of COLOURS) {
      const { fill, on, ink } = accentFor(chosen, theme);
      expect(contrast(colour(on), colour(fill)), `on ${fill}`).toBeGreaterThanOrEqual(4.5);
      for (const surface of SURFACES[theme])
        expect(contrast(colour(ink), surface), `${String(chosen)} on ${String(surface)}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('stands on the surfaces of the style sheet', async () => {
    const css = await readFile(new URL('../styles/base.css', import.meta.url), 'utf8');
    const selector = theme === 'light' ? '.root {' : ".root[data-theme='dark'] {";
    const rule = css.slice(css.indexOf(selector));
    const surfaces = ['bg', 'soft'].map((name) => new RegExp(`--${name}: #(\\w{6})`).exec(rule)?.[1]);
    const hex = (surface: Colour) => surface.map((part) => part.toString(16).padStart(2, '0')).join('');
    expect(SURFACES[theme].map(hex)).toEqual(surfaces);
  });
});

it('stays as it is where it is readable', () => {
  expect(accentFor([11, 93, 107], 'light').ink).toBe('rgb(11, 93, 107)');
});
