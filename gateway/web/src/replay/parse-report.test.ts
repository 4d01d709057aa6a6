import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';

import { madeReport } from '../../tests/support/replay-reports.ts';
import { readReport } from './parse-report.ts';

it('reads a report, or says why there is none', async () => {
  const report = madeReport(3);
  const packed = gzipSync(JSON.stringify(report)).toString('base64');
  expect(await readReport(JSON.stringify(report))).toEqual(report);
  expect(await readReport(JSON.stringify(packed))).toEqual(report);
  expect(await readReport('null')).toMatch(/holds no report/);
  expect(await readReport('{"format":1,"jobs":[')).toMatch(/not written to its end/);
  expect(await readReport(JSON.stringify(packed.slice(0, 200)))).toMatch(/not written to its end/);
  expect(await readReport('{"format":2}')).toMatch(/of format 1, and this one is of format 2/);
});
