import { describe, expect, it } from 'vitest';

import { generateReport } from '../../tests/support/replay-reports.ts';
import { type ViewState, DEFAULT_VIEW } from './view-state.ts';
import { JobIndex } from './job-index.ts';
import type { Job } from './types.ts';

const report = generateReport(400);
const jobs = new JobIndex(report);
const query = (view: Partial<ViewState>) => jobs.query({ ...DEFAULT_VIEW, ...view });

describe('the search', () => {
  it('finds questions without their diacritics', () => {
    const found = query({ search: 'MAT khau' });
    expect(found.length).toBeGreaterThan(10);
    expect(found.every(({ question }) => question.includes('mật khẩu'))).toBe(true);
    expect(query({ search: 'mật khẩu' })).toEqual(found);
  });

  it('looks into answers, pages and ids, and wants every word', () => {
    const [first] = report.jobs;
    expect(query({ search: first?.job ?? '' })).toEqual([first]);
    expect(query({ search: 'drive/ho-tro' }).length).toBeGreaterThan(10);
    expect(query({ search: 'rồi chờ vài phút' }).length).toBeGreaterThan(10);
    expect(query({ search: 'mat khau thirty' })).toEqual([]);
  });
});

describe('the filters', () => {
  const every = (view: Partial<ViewState>, holds: (job: Job) => boolean) => {
    const found = query(view);
    expect(found.length).toBeGreaterThan(0);
    expect(found).toHaveLength(report.jobs.filter(holds).length);
    expect(found.every(holds)).toBe(true);
  };

  it('narrow to what they say', () => {
    every({ kind: 'visible' }, (job) => job.visible);
    every({ kind: 'inside' }, (job) => !job.visible && job.problem === null);
    every({ kind: 'needs_model' }, (job) => job.problem?.code === 'needs_model');
    every({ first: 'generator' }, (job) => job.first === 'generator');
    every({ aspect: 'outcome' }, (job) => job.aspects.includes('outcome'));
    every({ judged: 'worse' }, (job) => job.judged === 'worse');
    every({ product: 'drive', language: 'en' }, (job) => job.before.product === 'drive' && job.language === 'en');
  });

  it('find an intent that a job had, or has now', () => {
    every({ intent: 'unknown' }, (job) => job.after.intent?.name === 'unknown');
    every({ intent: 'billing' }, (job) => job.before.intent?.name === 'billing');
  });

  it('offer what there is, most frequent first', () => {
    const values = jobs.valueCounts('first');
    expect(values.map(([name]) => name)).toEqual(expect.arrayContaining(['classifier', 'generator']));
    expect(values[0]?.[0]).toBe('retriever');
    expect(values.reduce((sum, [, count]) => sum + count, 0)).toBe(400);
  });
});

describe('the order', () => {
  it('begins with the worst jobs as the report has them', () => {
    expect(
      query({})
        .slice(0, 50)
        .map(({ job }) => job),
    ).toEqual(report.worst);
  });

  it('goes by time and by overlap', () => {
    const times = query({ order: 'time' }).map(({ time }) => Date.parse(time));
    expect(times).toEqual([...times].sort((one, other) => one - other));
    const overlaps = query({ order: 'overlap' }).map(({ overlap }) => overlap ?? 2);
    expect(overlaps).toEqual([...overlaps].sort((one, other) => one - other));
  });
});
