// The report of a replay as its readers open it: a file, without any network.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { violations } from '../support/axe.ts';
import { launch, SIZES, type Size, visitor, type Visitor } from '../support/browser.ts';
import { ReplayReportFixture } from '../support/replay-report-fixture.ts';
import { HOSTILE, failedReport, hostileReport, generateReport, unchangedReport } from '../support/replay-reports.ts';

const report = generateReport(5000);
const changedJob = report.jobs.find(
  ({ text, overlap }) => new Set(text.map(({ side }) => side)).size === 3 && overlap !== null && overlap < 0.9,
);
if (!changedJob) throw new Error('the report lacks what the tests look at');

let browser: Browser;
let fixture: ReplayReportFixture;
let address: string;
beforeAll(async () => {
  browser = await launch();
  fixture = await ReplayReportFixture.create();
  address = await fixture.write('report', report);
});
afterAll(async () => {
  await browser.close();
  await fixture.remove();
});

/** Opens the page without a network, and keeps what it asks for. */
async function opened(size: Size, hash = '', more: object = {}): Promise<{ visit: Visitor; asked: string[] }> {
  const visit = await visitor(browser, size, more);
  const asked: string[] = [];
  visit.page.on('request', (request) => asked.push(request.url()));
  await visit.context.setOffline(true);
  await visit.page.goto(`${address}${hash}`);
  await visit.page.locator('.jobs .job').first().waitFor();
  return { visit, asked };
}

/** Closes the page, which has asked for itself alone and has made no error. */
async function done({ visit, asked }: { visit: Visitor; asked: string[] }): Promise<void> {
  expect(asked.filter((url) => !url.startsWith(address) && !url.startsWith('data:'))).toEqual([]);
  expect(visit.errors).toEqual([]);
  await visit.close();
}

async function horizontalOverflow(visit: Visitor): Promise<number> {
  return visit.page.evaluate(() => {
    const dialog = document.querySelector('dialog');
    const inside = dialog ? dialog.scrollWidth - dialog.clientWidth : 0;
    return Math.max(inside, document.documentElement.scrollWidth - innerWidth);
  });
}

const heading = '#job-heading';

for (const size of Object.keys(SIZES) as Size[]) {
  describe(`at ${String(SIZES[size].width)} px`, () => {
    it('begins with a sentence, and shows every figure as a chart and as a table', async () => {
      const open = await opened(size);
      const { page } = open.visit;
      const { visible, replayed } = report.summary;
      const number = (value: number) => value.toLocaleString('en-GB');
      const title = await page.locator('h1').innerText();
      expect(title).toContain(`${number(visible)} of ${number(replayed)} answers would change`);
      expect(await page.locator('.checks').innerText()).toMatch(/Failed: .*\n.*Proved: /s);
      for (const chart of await page.locator('.chart').all()) {
        await chart.locator('summary').click();
        expect(await chart.locator('table').isVisible()).toBe(true);
      }
      expect(await page.locator('.chart').count()).toBe(7);
      expect(await page.locator('.gold').innerText()).toContain(
        'Better by 3.5 points (95% interval 0.1 to 6.9, p = 0.04).',
      );
      expect(await horizontalOverflow(open.visit), 'no sideways scrolling').toBeLessThanOrEqual(0);
      await done(open);
    });

    it('finds words without their diacritics', async () => {
      const open = await opened(size);
      const { page } = open.visit;
      await page.locator('#search').fill('mat khau');
      const before = Date.now();
      const fitting = report.jobs.filter(({ question }) => question.includes('mật khẩu')).length;
      await page.getByText(`${String(fitting)} of 5,000 jobs fit`).waitFor();
      console.log(`A search of 5,000 jobs at ${size} width: ${String(Date.now() - before)} ms, its pause included`);
      expect(await page.locator('.job mark').first().innerText()).toBe('mật');
      await page.waitForURL(/search=mat\+khau/);
      await done(open);
    });

    it('narrows the list, keeps that in the address, and takes it back', async () => {
      const open = await opened(size, '#first=generator');
      const { page } = open.visit;
      const count = page.locator('.count');
      if (size === 'phone') await page.locator('.finder summary').click();
      expect(await page.locator('#first').inputValue()).toBe('generator');
      await page.locator('#kind').selectOption('visible');
      const both = report.jobs.filter((job) => job.first === 'generator' && job.visible).length;
      expect(await count.innerText()).toBe(`${String(both)} of 5,000 jobs fit`);
      await page.waitForURL(/kind=visible/);
      expect(page.url()).toContain('first=generator');
      await page.locator('#search').fill('no such words');
      await page.getByText('No job fits').waitFor();
      await page.getByRole('button', { name: 'Show all jobs' }).click();
      expect(await count.innerText()).toBe('5,000 jobs');
      expect(await page.locator('#search').inputValue()).toBe('');
      await done(open);
    });

    it('goes from a figure to its jobs, and through the parts of the list', async () => {
      const open = await opened(size);
      const { page } = open.visit;
      await page.locator('[data-chart=first] summary').click();
      await page.locator('[data-chart=first]').getByRole('button', { name: 'Classifier' }).click();
      const { classifier } = report.summary.first;
      const text = (classifier ?? 0).toLocaleString('en-GB');
      expect(await page.locator('.count').innerText()).toBe(`${text} of 5,000 jobs fit`);
      await page.getByRole('button', { name: 'Next ›' }).click();
      expect(await page.locator('.pager').innerText()).toContain(`51–100 of ${text}`);
      expect(await page.locator('.jobs .job').count()).toBe(50);
      await done(open);
    });

    it('tells what became of the jobs of a page that is gone', async () => {
      const open = await opened(size);
      const { page } = open.visit;
      const cited = report.jobs.filter((job) => job.gone.some((page) => page.cited));
      const visibly = cited.filter((job) => job.visible).length;
      const cells = page.locator('.gone tbody td');
      expect(await cells.first().innerText()).toBe(`${String(visibly)} of ${String(cited.length)}`);
      await cells.first().locator('button').click();
      expect(await page.locator('.chosen').innerText()).toContain('cited vi/mail/cu.html (docs)');
      expect(await page.locator('.count').first().innerText()).toContain(String(cited.length));
      await done(open);
    });

    it('shows a job on both sides by its address', async () => {
      const open = await opened(size, `#job=${changedJob.job}`);
      const { page } = open.visit;
      expect(await page.locator(heading).innerText()).toBe(changedJob.question);
      const piece = (side: string) => changedJob.text.find((piece) => piece.side === side)?.text.trim();
      expect(await page.locator('.half.before del').first().innerText()).toBe(piece('before'));
      expect(await page.locator('.half.after ins').first().innerText()).toBe(piece('after'));
      expect(await page.locator('.half.before .found li').count()).toBe(8);
      expect(await page.locator('.half.before .lost').count()).toBe(await page.locator('.half.after .gained').count());
      expect(await page.locator('.compared').innerText()).toContain('Confidence');
      const [before, after] = await Promise.all(
        ['before', 'after'].map((side) => page.locator(`.answers .half.${side}`).boundingBox()),
      );
      expect(before && after && (size === 'phone' ? after.y > before.y : after.x > before.x)).toBe(true);
      expect(await horizontalOverflow(open.visit), 'no sideways scrolling').toBeLessThanOrEqual(0);
      await done(open);
    });

    it('is read with the keyboard alone', async () => {
      const open = await opened(size);
      const { page } = open.visit;
      const [first, second, third] = report.jobs;
      await page.keyboard.press('j');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await page.locator(heading).waitFor();
      expect(page.url()).toContain(`job=${second?.job ?? ''}`);
      await page.keyboard.press('j');
      expect(await page.locator('.place').innerText()).toBe('3 of 5,000');
      await page.waitForURL(new RegExp(`job=${third?.job ?? ''}`));
      await page.keyboard.press('ArrowLeft');
      await page.keyboard.press('k');
      expect(await page.locator(heading).innerText()).toBe(first?.question);
      await page.keyboard.press('Escape');
      await page.locator(`a.open[data-key="${first?.job ?? ''}"]:focus`).waitFor();
      expect(await page.locator('dialog[open]').count()).toBe(0);
      await page.keyboard.press('/');
      await page.keyboard.type('jk/');
      expect(await page.locator('#search').inputValue()).toBe('jk/');
      await done(open);
    });

    it('closes a job when the reader goes back', async () => {
      const open = await opened(size, '#kind=visible');
      const { page } = open.visit;
      await page.locator('.job a').nth(2).click();
      await page.locator('dialog[open]').waitFor();
      await page.goBack();
      await page.locator('dialog[open]').waitFor({ state: 'hidden' });
      expect(page.url()).toMatch(/#kind=visible$/);
      await done(open);
    });

    it('says that a job is not in the report', async () => {
      const open = await opened(size, '#job=elsewhere');
      expect(await open.visit.page.locator(heading).innerText()).toBe('Not in this report');
      await done(open);
    });

    for (const colorScheme of ['light', 'dark'] as const) {
      it(`breaks no rule of axe-core in ${colorScheme} colours`, async () => {
        const open = await opened(size, '#kind=visible&search=mat', { colorScheme, reducedMotion: 'reduce' });
        expect(await violations(open.visit.page)).toEqual([]);
        await open.visit.page.locator('.job a').first().click();
        await open.visit.page.locator('dialog[open]').waitFor();
        expect(await violations(open.visit.page)).toEqual([]);
        await done(open);
      });
    }
  });
}

it('shows hostile words as words', async () => {
  const visit = await visitor(browser, 'phone');
  const { page } = visit;
  const hostile = hostileReport();
  await page.goto(await fixture.write('hostile', hostile));
  await page.locator('.job a').first().click();
  expect(await page.locator(heading).innerText()).toBe(HOSTILE);
  expect(await page.locator('.answers .half.before .words').innerText()).toContain(HOSTILE);
  expect(await page.locator('.half.before .found').innerText()).toContain(HOSTILE);
  expect(await page.locator('main b, .sides b').allInnerTexts()).not.toContain('bold');
  expect(await page.locator('a[href^="javascript"], img').count()).toBe(0);
  expect(await page.title()).toBe(`Replay of ${HOSTILE}`);
  expect(await horizontalOverflow(visit)).toBeLessThanOrEqual(0);
  await page.keyboard.press('Escape');
  for (const details of await page.locator('.chart summary').all()) await details.click();
  expect(await horizontalOverflow(visit)).toBeLessThanOrEqual(0);
  expect(visit.errors).toEqual([]);
  await visit.close();
});

describe('a report with little in it', () => {
  it.each<[string, unknown, string]>([
    ['nothing', null, 'This page holds no report.'],
    ['no difference', unchangedReport(), 'No job differs.'],
    ['no answer', failedReport(), '0 of 40 answers came out as recorded; 40 jobs have no answer to compare.'],
    ['another format', { format: 2 }, 'this one is of format 2'],
  ])('says so: %s', async (name, content, said) => {
    const visit = await visitor(browser, 'phone');
    await visit.page.goto(await fixture.write(name.replace(' ', '-'), content));
    await visit.page.getByText(said).waitFor();
    expect(await violations(visit.page)).toEqual([]);
    expect(await horizontalOverflow(visit)).toBeLessThanOrEqual(0);
    expect(visit.errors).toEqual([]);
    await visit.close();
  });
});
