import { describe, expect, it, vi } from 'vitest';

import { toQueryParams, isValidRange, parseViewFilters, formatViewFilters } from './view-filters.ts';

describe('the view', () => {
  it('survives a round trip through the URL', () => {
    for (const search of [
      'period=week',
      'period=range&from=2026-01-01&to=2026-01-31&product=mail&locale=vi',
      'period=day&product=a%26b',
    ]) {
      expect(formatViewFilters(parseViewFilters(search))).toBe(search);
    }
  });

  it('falls back to a week for an invalid URL', () => {
    for (const search of ['', 'period=year', 'period=range', 'period=range&from=2026-02-01&to=2026-01-01']) {
      expect(parseViewFilters(search).period).toBe('week');
    }
  });

  it('holds ranges of a year at most', () => {
    expect(isValidRange('2026-01-01', '2026-01-01')).toBe(true);
    expect(isValidRange('2026-01-01', '2027-01-01')).toBe(true);
    expect(isValidRange('2026-01-01', '2027-01-03')).toBe(false);
    expect(isValidRange('01/01/2026', '2026-01-02')).toBe(false);
  });

  it('asks for whole days of the reader', () => {
    const query = toQueryParams(parseViewFilters('period=range&from=2026-01-01&to=2026-01-31'));
    expect(query.get('from')).toBe('2026-01-01');
    expect(query.get('time_zone')).toBe(Intl.DateTimeFormat().resolvedOptions().timeZone);
    expect(query.has('utc_offset')).toBe(false);
    expect(toQueryParams(parseViewFilters('period=month')).get('days')).toBe('30');
  });

  it('asks by the offset of today where the browser names no time zone', () => {
    const intl = vi.spyOn(Intl, 'DateTimeFormat');
    for (const timeZone of [undefined, 'Etc/Unknown', '+07:00']) {
      intl.mockReturnValue({ resolvedOptions: () => ({ timeZone }) } as unknown as Intl.DateTimeFormat);
      const query = toQueryParams(parseViewFilters('period=week'));
      expect(query.get('utc_offset')).toBe(String(-new Date().getTimezoneOffset()));
      expect(query.has('time_zone')).toBe(false);
    }
    intl.mockRestore();
  });
});
