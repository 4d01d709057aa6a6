import type { Baseline, BeforeAfter, FailIf, MeanEstimate, Summary } from './types.ts';
import { counted, localization } from './labels.ts';

const number = (value: number, digits = 0) => localization.number(value, digits);

/** What a visitor would notice, in a sentence. */
export function headline(summary: Summary): string {
  const { replayed, same, visible, inside, needs_model, failed, answered } = summary;
  if (replayed === 0) return 'Nothing was replayed.';
  const all = counted(replayed, 'answer');
  if (same === replayed) return `Nothing would change: ${all} came out as recorded.`;
  const missing = needs_model + failed;
  if (visible === 0 && missing > 0) {
    const unknown = `${counted(missing, 'job')} ${missing === 1 ? 'has' : 'have'} no answer to compare`;
    if (inside > 0) return `Visitors would see no change in ${number(same + inside)} of ${all}; ${unknown}.`;
    return `${number(same)} of ${all} came out as recorded; ${unknown}.`;
  }
  if (visible === 0) return `Visitors would see no change in ${all}.`;
  const changed = `${number(visible)} of ${all} would change`;
  const [lost, gained] = [answered.lost, answered.gained];
  if (lost === 0 && gained === 0) return `${changed}; no question would lose or gain its answer.`;
  if (lost === 0) return `${changed}; ${counted(gained, 'question')} would gain an answer, none would lose one.`;
  const losing = `${changed}; ${counted(lost, 'question')} would lose ${lost === 1 ? 'its' : 'their'} answer`;
  return `${losing}, ${gained === 0 ? 'none' : number(gained)} would gain one.`;
}

/** What happened to the other jobs, in sentences. */
export function describeOtherJobs(summary: Summary): string {
  const { replayed, inside, same, needs_model, failed } = summary;
  if (replayed === same) return '';
  const parts = [
    `${counted(inside, 'job')} ${inside === 1 ? 'differs' : 'differ'} inside only, in what a visitor does not see, and ` +
      `${number(same)} came out the same.`,
  ];
  if (needs_model > 0)
    parts.push(`${counted(needs_model, 'job')} would need new words of a model, and none are recorded that fit.`);
  if (failed > 0) parts.push(`${counted(failed, 'job')} failed in the replay.`);
  return parts.join(' ');
}

/** Which recorded jobs are not compared, and why. */
export function describeExcludedJobs({ incomplete, stopped, failed_before, canary }: Summary): string {
  const reasons: [number, string][] = [
    [incomplete, 'not recorded whole'],
    [stopped, 'stopped by the visitor'],
    [failed_before, 'failed when recorded'],
    [canary, 'served by a canary'],
  ];
  const reasonTexts = reasons.filter(([count]) => count > 0).map(([count, why]) => `${number(count)} ${why}`);
  const count = incomplete + stopped + failed_before + canary;
  return count === 0
    ? 'Every recorded job is compared.'
    : `${counted(count, 'job')} not compared: ${reasonTexts.join(', ')}.`;
}

/** Whether an unchanged replay gave the same results. */
export function describeBaseline(baseline: Baseline | null): { good: boolean; text: string } {
  if (baseline === null) {
    return { good: false, text: 'Not proved: no unchanged replay was made first, so a difference may be chance.' };
  }
  const { jobs, close, different } = baseline;
  if (different > 0) {
    const text = `Not proved: ${number(different)} of ${counted(jobs, 'job')} differed in an unchanged replay.`;
    return { good: false, text: `${text} As many differences below may be chance.` };
  }
  const almost = close > 0 ? ` (${number(close)} of them within rounding)` : '';
  return { good: true, text: `Proved: an unchanged replay gave the same in all ${counted(jobs, 'job')}${almost}.` };
}

/** The result of the `--fail-if` rule. */
export function describeRule({ rule, failed, values }: FailIf): string {
  const found = Object.entries(values).map(([name, value]) => `${name} = ${value === null ? '–' : number(value, 4)}`);
  const says = failed ? `Failed: “${rule}” holds` : `Passed: “${rule}” does not hold`;
  return `${says}${found.length > 0 ? ` (${found.join(', ')})` : ''}.`;
}

/** A difference of two shares in words, with its interval: “better by 3.5 points (95% interval 0.1 to 6.9, p = 0.04)”. */
export function describeDifference({ mean, low, high, of }: MeanEstimate, p: number): string {
  if (of === 0) return 'nothing to compare';
  // `|| 0` turns a negative zero into zero.
  const points = (value: number) => number(Math.round(value * 1000) / 10 || 0, 1);
  const inPoints = (value: number) => `${points(value)} ${points(value) === '1' ? 'point' : 'points'}`;
  const chance = p < 0.001 ? 'p < 0.001' : `p = ${number(p, p < 0.01 ? 3 : 2)}`;
  if (low > 0) return `better by ${inPoints(mean)} (95% interval ${points(low)} to ${points(high)}, ${chance})`;
  if (high < 0) {
    return `worse by ${inPoints(-mean)} (95% interval ${points(-high)} to ${points(-low)}, ${chance})`;
  }
  return `no clear difference: ${mean > 0 ? '+' : ''}${inPoints(mean)} (95% interval ${points(low)} to ${points(high)}, ${chance})`;
}

/** The confidence interval of a mean. */
export function describeInterval({ low, high, of }: MeanEstimate): string {
  return `95% interval ${localization.percent(low)} to ${localization.percent(high)}, ${counted(of, 'job')}`;
}

/** A figure before and after, measured over `of` jobs. */
export function formatBeforeAfter(
  of: number,
  { before, after }: BeforeAfter<number>,
  write: (value: number) => string,
): string {
  return of > 0 ? `${write(before)} → ${write(after)}` : '–';
}

/** A multiple of one eighth as a count, otherwise a percentage: “5 of 8”. */
export function formatEighths(share: number): string {
  return Number.isInteger(share * 8) ? `${number(share * 8)} of 8` : localization.percent(share);
}

/** Formats a duration in seconds. */
export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${number(seconds, 1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours >= 48) return counted(Math.round(hours / 24), 'day');
  if (hours > 0) return minutes > 0 ? `${number(hours)} h ${number(minutes)} min` : `${number(hours)} h`;
  return `${number(minutes)} min ${number(whole % 60)} s`;
}
