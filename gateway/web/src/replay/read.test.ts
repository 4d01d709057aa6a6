import { expect, it } from 'vitest';

import { madeReport } from '../../tests/support/replay.ts';
import { readReport } from './read.ts';

it('reads a report, or says why there is none', () => {
  const report = madeReport(3);
  expect(readReport(JSON.stringify(report))).toEqual(report);
  expect(readReport('null')).toMatch(/holds no report/);
  expect(readReport('{"format":1,"jobs":[')).toMatch(/not written to its end/);
  expect(readReport('{"format":2}')).toMatch(/of format 1, and this one is of format 2/);
});
