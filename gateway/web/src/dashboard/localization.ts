import { en, type Messages } from './messages/en.ts';
import { vi } from './messages/vi.ts';

export type Language = 'en' | 'vi';

const MESSAGES: Record<Language, Messages> = { en, vi };
const STORAGE_KEY = 'hoidap-dashboard-language';

/** The stored language, otherwise the browser's. */
export function initialLanguage(): Language {
  const stored = storedLanguage();
  if (stored === 'en' || stored === 'vi') return stored;
  return navigator.language.toLowerCase().startsWith('vi') ? 'vi' : 'en';
}

/** Messages, numbers and times in one language. */
export class Localization {
  readonly messages: Messages;
  private readonly locale: string;

  constructor(readonly language: Language) {
    this.messages = MESSAGES[language];
    this.locale = language === 'vi' ? 'vi-VN' : 'en-GB';
  }

  /** Remembers the language for the next visit. */
  save(): void {
    try {
      localStorage.setItem(STORAGE_KEY, this.language);
    } catch {
      // Without storage, the next visit uses the browser's language.
    }
  }

  number(value: number, digits = 0): string {
    return new Intl.NumberFormat(this.locale, { maximumFractionDigits: digits }).format(value);
  }

  percent(value: number): string {
    return new Intl.NumberFormat(this.locale, { style: 'percent', maximumFractionDigits: 1 }).format(value);
  }

  money(value: number): string {
    const digits = value !== 0 && value < 1 ? 4 : 2;
    return new Intl.NumberFormat(this.locale, {
      style: 'currency',
      currency: 'USD',
      maximumFractionDigits: digits,
    }).format(value);
  }

  /** A duration in milliseconds. */
  duration(ms: number): string {
    if (ms < 1000) return `${this.number(ms)} ms`;
    if (ms < 60_000) return `${this.number(ms / 1000, 1)} s`;
    return this.longDuration(ms / 1000);
  }

  /** A duration in seconds, in the largest unit that fits. */
  longDuration(seconds: number): string {
    const units: [Intl.RelativeTimeFormatUnit & ('day' | 'hour' | 'minute' | 'second'), number][] = [
      ['day', 86_400],
      ['hour', 3_600],
      ['minute', 60],
      ['second', 1],
    ];
    const [unit, length] = units.find(([, length]) => seconds >= length) ?? ['second', 1];
    return new Intl.NumberFormat(this.locale, { style: 'unit', unit, unitDisplay: 'long' }).format(
      Math.floor(seconds / length),
    );
  }

  dateTime(at: string): string {
    return new Intl.DateTimeFormat(this.locale, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at));
  }

  time(at: string | Date): string {
    return new Intl.DateTimeFormat(this.locale, { timeStyle: 'short' }).format(new Date(at));
  }

  /** The start of a bucket of the timeline, short. */
  bucket(start: string, by: 'hour' | 'day'): string {
    const options: Intl.DateTimeFormatOptions =
      by === 'hour'
        ? { day: 'numeric', month: 'numeric', hour: '2-digit', minute: '2-digit' }
        : { day: 'numeric', month: 'numeric' };
    return new Intl.DateTimeFormat(this.locale, options).format(new Date(start));
  }

  /** The label of a name in the API, or the name itself if there is none. */
  label(kind: 'outcomes' | 'intents' | 'languages' | 'reasons' | 'ratings', name: string): string {
    return (this.messages[kind] as Record<string, string>)[name] ?? name;
  }
}

/** Fills the `{name}` placeholders of a template. */
export function interpolate(template: string, values: Record<string, string | number>): string {
  return template.replace(/\{(\w+)\}/g, (placeholder, name: string) => String(values[name] ?? placeholder));
}

function storedLanguage(): string | null {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}
