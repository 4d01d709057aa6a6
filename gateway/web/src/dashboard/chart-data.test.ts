import { describe, expect, it } from 'vitest';

import { providers, stages } from './chart-data.ts';
import { type Language, Localization } from './localization.ts';
import type { Report } from './types.ts';

const LANGUAGES: Language[] = ['en', 'vi'];

/** The parts of a report that these charts read. */
function report(parts: Partial<Report>): Report {
  return { stages: [], providers: [], ...parts } as unknown as Report;
}

const time = (stage: string, waited: number, worked: number) => ({
  stage,
  count: 20,
  waited_p50_ms: 1,
  waited_p95_ms: waited,
  worked_p50_ms: 1,
  worked_p95_ms: worked,
});

describe('the times of the stages', () => {
  it('are said as they were measured, waiting and working apart', () => {
    const busy = report({
      stages: [time('classifier', 300, 20), time('retriever', 250, 100), time('generator', 2, 310)],
    });
    expect(stages(busy, new Localization('en')).description).toBe(
      'Longest work: generator, up to 310 ms for 19 of 20 questions. Longest wait: classifier, up to 300 ms for 19 of 20.',
    );
    expect(stages(busy, new Localization('vi')).description).toBe(
      'Xử lý lâu nhất: generator, 19/20 số câu mất tối đa 310 ms. Chờ lâu nhất: classifier, 19/20 số câu chờ tối đa 300 ms.',
    );
  });
});

it.each(LANGUAGES)('nothing is said of charts without data, in %s', (language) => {
  const localization = new Localization(language);
  expect(stages(report({}), localization).description).toBe('');
  expect(providers(report({}), localization).description).toBe('');
});
