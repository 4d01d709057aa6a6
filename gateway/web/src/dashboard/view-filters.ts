export type PeriodKind = 'day' | 'week' | 'month' | 'range';

/** What the reader chose to see. It stands in the page's address, so that it can be kept and sent. */
export interface ViewFilters {
  period: PeriodKind;
  /** First and last day of a range, such as `2026-01-31`. */
  from: string;
  to: string;
  product: string;
  locale: string;
}

const DAYS: Record<Exclude<PeriodKind, 'range'>, number> = { day: 1, week: 7, month: 30 };
const DATE_PATTERN = /^\d{4}-\d\d-\d\d$/;
const DAY_MS = 86_400_000;

/** Reads the choice from the part of an address behind `?`. */
export function parseViewFilters(search: string): ViewFilters {
  const params = new URLSearchParams(search);
  const period = params.get('period') ?? '';
  const filters: ViewFilters = {
    period: period === 'day' || period === 'month' || period === 'range' ? period : 'week',
    from: params.get('from') ?? '',
    to: params.get('to') ?? '',
    product: params.get('product') ?? '',
    locale: params.get('locale') ?? '',
  };
  return filters.period === 'range' && !isValidRange(filters.from, filters.to)
    ? { ...filters, period: 'week' }
    : filters;
}

/** The choice as it stands in the page's address. */
export function formatViewFilters(filters: ViewFilters): string {
  const params = new URLSearchParams({ period: filters.period });
  if (filters.period === 'range') {
    params.set('from', filters.from);
    params.set('to', filters.to);
  }
  if (filters.product) params.set('product', filters.product);
  if (filters.locale) params.set('locale', filters.locale);
  return params.toString();
}

/** Whether two texts are days that make a range that can be shown. */
export function isValidRange(from: string, to: string): boolean {
  if (!DATE_PATTERN.test(from) || !DATE_PATTERN.test(to)) return false;
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS;
  return days >= 0 && days < 366;
}

/** The choice as the gateway is asked: days are those of the reader's own clock, also where it changes. */
export function toQueryParams(
  filters: ViewFilters,
  zone: string | undefined = timeZone(),
  now: Date = new Date(),
): URLSearchParams {
  const query = new URLSearchParams(
    zone === undefined ? { utc_offset: String(-now.getTimezoneOffset()) } : { time_zone: zone },
  );
  if (filters.period === 'range') {
    query.set('from', filters.from);
    query.set('to', filters.to);
  } else {
    query.set('days', String(DAYS[filters.period]));
  }
  if (filters.product) query.set('product', filters.product);
  if (filters.locale) query.set('locale', filters.locale);
  return query;
}

/** The reader's IANA time zone; `undefined` where the browser does not know it by a name. */
function timeZone(): string | undefined {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone as string | undefined;
  return zone !== undefined && /^(?!Etc\/Unknown$)[A-Za-z]/.test(zone) ? zone : undefined;
}
