export type PeriodKind = 'day' | 'week' | 'month' | 'range';

/** What the reader chose to see. It stands in the page's address, so that it can be kept and sent. */
export interface Choice {
  period: PeriodKind;
  /** First and last day of a range, such as `2026-01-31`. */
  from: string;
  to: string;
  product: string;
  locale: string;
}

const DAYS: Record<Exclude<PeriodKind, 'range'>, number> = { day: 1, week: 7, month: 30 };
const DAY = /^\d{4}-\d\d-\d\d$/;
const DAY_MS = 86_400_000;

/** Reads the choice from the part of an address behind `?`. */
export function readChoice(search: string): Choice {
  const given = new URLSearchParams(search);
  const period = given.get('period') ?? '';
  const choice: Choice = {
    period: period === 'day' || period === 'month' || period === 'range' ? period : 'week',
    from: given.get('from') ?? '',
    to: given.get('to') ?? '',
    product: given.get('product') ?? '',
    locale: given.get('locale') ?? '',
  };
  return choice.period === 'range' && !isRange(choice.from, choice.to) ? { ...choice, period: 'week' } : choice;
}

/** The choice as it stands in the page's address. */
export function writeChoice(choice: Choice): string {
  const parts = new URLSearchParams({ period: choice.period });
  if (choice.period === 'range') {
    parts.set('from', choice.from);
    parts.set('to', choice.to);
  }
  if (choice.product) parts.set('product', choice.product);
  if (choice.locale) parts.set('locale', choice.locale);
  return parts.toString();
}

/** Whether two texts are days that make a range that can be shown. */
export function isRange(from: string, to: string): boolean {
  if (!DAY.test(from) || !DAY.test(to)) return false;
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS;
  return days >= 0 && days < 366;
}

/** The choice as the gateway is asked: days are those of the reader's own clock, also where it changes. */
export function asked(choice: Choice, zone: string | undefined = timeZone(), now: Date = new Date()): URLSearchParams {
  const query = new URLSearchParams(
    zone === undefined ? { utc_offset: String(-now.getTimezoneOffset()) } : { time_zone: zone },
  );
  if (choice.period === 'range') {
    query.set('from', choice.from);
    query.set('to', choice.to);
  } else {
    query.set('days', String(DAYS[choice.period]));
  }
  if (choice.product) query.set('product', choice.product);
  if (choice.locale) query.set('locale', choice.locale);
  return query;
}

/** The reader's IANA time zone; `undefined` where the browser does not know it by a name. */
function timeZone(): string | undefined {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone as string | undefined;
  return zone !== undefined && /^(?!Etc\/Unknown$)[A-Za-z]/.test(zone) ? zone : undefined;
}
