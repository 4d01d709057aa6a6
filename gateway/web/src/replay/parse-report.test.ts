import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';

import { generateReport } from '../../tests/support/replay-reports.ts';
import { parseReport } from './parse-report.ts';

it('reads a report, or says why there is none', async () => {
  const report = generateReport(3);
  const packed = gzipSync(JSON.stringify(report)).toString('base64');
  expect(await parseReport(JSON.stringify(report))).toEqual(report);
  expect(await parseReport(JSON.stringify(packed))).toEqual(report);
  expect(await parseReport('null')).toMatch(/holds no report/);
  expect(await parseReport('{"format":1,"jobs":[')).toMatch(/not written to its end/);
  expect(await parseReport(JSON.stringify(packed.slice(0, 200)))).toMatch(/not written to its end/);
  expect(await parseReport('{"format":2}')).toMatch(/of format 1, and this one is of format 2/);
});
