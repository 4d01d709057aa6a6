export type PeriodKind = 'day' | 'week' | 'month' | 'range';

/** The filters of the dashboard. They are stored in the URL, so that a view can be bookmarked and shared. */
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

/** Parses the query of a URL. */
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

/** The filters as the query of the page's URL. */
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

/** Whether two dates form a valid range of at most a year. */
export function isValidRange(from: string, to: string): boolean {
  if (!DATE_PATTERN.test(from) || !DATE_PATTERN.test(to)) return false;
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS;
  return days >= 0 && days < 366;
}

/** The filters as query parameters of the API. Days are in the reader's time zone. */
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

/** The reader's IANA time zone, or `undefined` if the browser has no name for it. */
function timeZone(): string | undefined {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone as string | undefined;
  return zone !== undefined && /^(?!Etc\/Unknown$)[A-Za-z]/.test(zone) ? zone : undefined;
}
