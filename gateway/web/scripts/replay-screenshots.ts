// Pictures of a replay's report for the documentation: `npm run screenshots:replay REPORT.html`, a page that
// `hoidap-worker replay -o REPORT` wrote.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { launch, SIZES, type Size, visitor } from '../tests/support/browser.ts';

const folder = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
const report = process.argv[2];
if (report === undefined) throw new Error('name the page of a report: npm run screenshots:replay REPORT.html');

const browser = await launch();
for (const size of Object.keys(SIZES) as Size[]) {
  const visit = await visitor(browser, size, { reducedMotion: 'reduce', deviceScaleFactor: 1 });
  const { page } = visit;
  await page.goto(pathToFileURL(report).href);
  const first = page.locator('.jobs .job').first();
  await first.waitFor();
  await page.setViewportSize({ width: page.viewportSize()?.width ?? 1280, height: 1500 });
  await save(`replay-${size}`);
  await first.locator('button, a').first().click();
  await page.locator('#job-heading').waitFor();
  await save(`replay-job-${size}`);
  await visit.close();

  async function save(name: string): Promise<void> {
    await page.screenshot({ path: `${folder}${name}.png` });
    console.log(`docs/images/${name}.png`);
  }
}
await browser.close();
