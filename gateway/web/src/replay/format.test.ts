import { describe, expect, it } from 'vitest';

import { generateReport, unchangedReport } from '../../tests/support/replay-reports.ts';
import {
  describeBaseline,
  describeDifference,
  formatBeforeAfter,
  formatDuration,
  formatEighths,
  headline,
  describeExcludedJobs,
  describeOtherJobs,
  describeRule,
} from './format.ts';
import type { Summary } from './types.ts';

const { summary } = generateReport(20);
const said = (visible: number, lost: number, gained: number, inside = 600, missing = { needs_model: 0, failed: 0 }) => {
  const { needs_model, failed } = missing;
  const same = 9987 - visible - inside - needs_model - failed;
  const answered = { ...summary.answered, lost, gained };
  return headline({ ...summary, replayed: 9987, same, visible, inside, ...missing, answered });
};

describe('the headline', () => {
  it('says what a visitor would notice', () => {
    expect(said(387, 30, 10)).toBe(
      '387 of 9,987 answers would change; 30 questions would lose their answer, 10 would gain one.',
    );
    expect(said(387, 1, 0)).toBe(
      '387 of 9,987 answers would change; 1 question would lose its answer, none would gain one.',
    );
    expect(said(387, 0, 1)).toBe(
      '387 of 9,987 answers would change; 1 question would gain an answer, none would lose one.',
    );
    expect(said(387, 0, 0)).toBe('387 of 9,987 answers would change; no question would lose or gain its answer.');
    expect(said(0, 0, 0)).toBe('Visitors would see no change in 9,987 answers.');
    expect(said(0, 0, 0, 0)).toBe('Nothing would change: 9,987 answers came out as recorded.');
    expect(headline({ ...summary, replayed: 0 })).toBe('Nothing was replayed.');
  });

  it('claims nothing of jobs without an answer', () => {
    expect(said(0, 0, 0, 0, { needs_model: 9987, failed: 0 })).toBe(
      '0 of 9,987 answers came out as recorded; 9,987 jobs have no answer to compare.',
    );
    expect(said(0, 0, 0, 0, { needs_model: 0, failed: 1 })).toBe(
      '9,986 of 9,987 answers came out as recorded; 1 job has no answer to compare.',
    );
    expect(said(0, 0, 0, 600, { needs_model: 80, failed: 7 })).toBe(
      'Visitors would see no change in 9,900 of 9,987 answers; 87 jobs have no answer to compare.',
    );
  });

  it('is followed by the rest, where there is one', () => {
    const rest: Summary = { ...summary, replayed: 9, inside: 1, same: 5, needs_model: 2, failed: 1 };
    expect(describeOtherJobs(rest)).toBe(
      '1 job differs inside only, in what a visitor does not see, and 5 came out the same. ' +
        '2 jobs would need new words of a model, and none are recorded that fit. 1 job failed in the replay.',
    );
    expect(describeOtherJobs(unchangedReport().summary)).toBe('');
    expect(describeExcludedJobs(summary)).toBe(
      '16 jobs not compared: 3 not recorded whole, 5 stopped by the visitor, 5 failed when recorded, 3 served by a canary.',
    );
    expect(describeExcludedJobs({ ...summary, incomplete: 0, stopped: 0, failed_before: 0, canary: 0 })).toBe(
      'Every recorded job is compared.',
    );
  });
});

describe('the checks', () => {
  it('say whether an unchanged replay was the same', () => {
    expect(describeBaseline(null)).toMatchObject({ good: false });
    expect(describeBaseline({ jobs: 9, identical: 9, close: 0, different: 0 })).toEqual({
      good: true,
      text: 'Proved: an unchanged replay gave the same in all 9 jobs.',
    });
    expect(describeBaseline({ jobs: 9, identical: 7, close: 2, different: 0 }).text).toContain(
      '(2 of them within rounding)',
    );
    expect(describeBaseline({ jobs: 9, identical: 8, close: 0, different: 1 })).toMatchObject({ good: false });
  });

  it('say what the rule found', () => {
    expect(describeRule({ rule: 'overlap@8 < 0.8', failed: true, values: { 'overlap@8': 0.79 } })).toBe(
      'Failed: “overlap@8 < 0.8” holds (overlap@8 = 0.79).',
    );
    expect(describeRule({ rule: 'gold < 0.8', failed: false, values: { gold: null } })).toBe(
      'Passed: “gold < 0.8” does not hold (gold = –).',
    );
  });
});

describe('numbers in words', () => {
  it('tell a difference from chance', () => {
    expect(describeDifference({ mean: 0.035, low: 0.001, high: 0.069, of: 200 }, 0.04)).toBe(
      'better by 3.5 points (95% interval 0.1 to 6.9, p = 0.04)',
    );
    expect(describeDifference({ mean: -0.02, low: -0.025, high: -0.016, of: 9 }, 0.0002)).toBe(
      'worse by 2 points (95% interval 1.6 to 2.5, p < 0.001)',
    );
    expect(describeDifference({ mean: 0.01, low: -0.02, high: 0.04, of: 9 }, 0.5)).toBe(
      'no clear difference: +1 point (95% interval -2 to 4, p = 0.5)',
    );
    expect(describeDifference({ mean: 0, low: 0, high: 0, of: 0 }, 1)).toBe('nothing to compare');
  });

  it('are not there where nothing was measured', () => {
    const percent = (value: number) => `${String(value * 100)}%`;
    expect(formatBeforeAfter(4, { before: 0.5, after: 0.25 }, percent)).toBe('50% → 25%');
    expect(formatBeforeAfter(0, { before: 0, after: 0 }, percent)).toBe('–');
  });

  it('are short', () => {
    expect(formatEighths(0.625)).toBe('5 of 8');
    expect(formatEighths(1 / 3)).toBe('33.3%');
    expect(formatDuration(86_400)).toBe('24 h');
    expect(formatDuration(200_000)).toBe('2 days');
    expect(formatDuration(5_400)).toBe('1 h 30 min');
    expect(formatDuration(120.5)).toBe('2 min 1 s');
    expect(formatDuration(119.7)).toBe('2 min 0 s');
    expect(formatDuration(3.21)).toBe('3.2 s');
  });
});
