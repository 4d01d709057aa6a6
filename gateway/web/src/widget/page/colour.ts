/** Red, green and blue, 0 to 255. */
export type Colour = readonly [number, number, number];

const WHITE: Colour = [255, 255, 255];
const BLACK: Colour = [0, 0, 0];
/** The contrast that WCAG 2 AA requires of text. */
const MIN_CONTRAST = 4.5;

export type Theme = 'light' | 'dark';

/** What ink stands on: `--bg` and `--soft` of styles/base.css. */
export const SURFACES: Record<Theme, readonly Colour[]> = {
  light: [
    [255, 255, 255],
    [243, 245, 247],
  ],
  dark: [
    [23, 26, 30],
    [35, 40, 46],
  ],
};

/** The page's accent colour as the widget uses it. */
export interface Accent {
  /** For surfaces, and for text on them. */
  fill: string;
  on: string;
  /** For text and lines on the widget's own surfaces. */
  ink: string;
}

/** Derives readable colours from an accent. Where white text lacks contrast, black has enough. */
export function accentFor(colour: Colour, theme: Theme): Accent {
  const on = contrast(colour, WHITE) >= MIN_CONTRAST ? WHITE : BLACK;
  const target = theme === 'light' ? BLACK : WHITE;
  const readable = (ink: Colour) => SURFACES[theme].every((surface) => contrast(ink, surface) >= MIN_CONTRAST);
  let ink = colour;
  for (let part = 0.05; !readable(ink) && part < 1; part += 0.05) ink = mix(colour, target, part);
  return { fill: css(colour), on: css(on), ink: css(ink) };
}

/** Parses a computed colour: `rgb(1, 2, 3)`. */
export function readColour(text: string): Colour | null {
  const numbers = /^rgba?\((\d{1,3}), (\d{1,3}), (\d{1,3})/.exec(text)?.slice(1).map(Number);
  const [red, green, blue] = numbers ?? [];
  return red === undefined || green === undefined || blue === undefined ? null : [red, green, blue];
}

/** The WCAG 2 contrast ratio of two colours, 1 to 21. */
export function contrast(one: Colour, other: Colour): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
}

function luminance(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = colour.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function mix(colour: Colour, other: Colour, part: number): Colour {
  const at = (index: 0 | 1 | 2) => Math.round(colour[index] * (1 - part) + other[index] * part);
  return [at(0), at(1), at(2)];
}

function css(colour: Colour): string {
  return `rgb(${colour.join(', ')})`;
}
