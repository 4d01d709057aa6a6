// Hostile model output and host pages.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, SIZES, type Size, visitor } from '../support/browser.ts';
import { Host } from '../support/host.ts';
import { scriptModel } from '../support/test-gateway.ts';

const LIMITS = 'Hạn mức gửi thư mỗi ngày được tính thế nào?';
const SUPPORTED =
  'Hạn mức gửi mỗi ngày được tính theo 24 giờ trượt, không phải từ 0 giờ. Một thư gửi cho 30 người tính là 30 lượt.';
const HOSTILE = [
  SUPPORTED,
  '<script>window.owned = true</script><img src=x onerror="window.owned = true"><svg onload="window.owned = true">',
  '[bấm](javascript:window.owned=true) [bấm](data:text/html,x) ![ảnh](https://evil.example/x.png)',
  '[tốt](https://www.diecxam.example/vi/)',
  SUPPORTED,
].join('\n\n');
const BROKEN = `${SUPPORTED}\n\n${'[[**__``('.repeat(400)}\n\n${SUPPORTED}`;

let browser: Browser;
let host: Host;
beforeAll(async () => {
  [browser, host] = await Promise.all([launch(), Host.start()]);
});
afterAll(async () => {
  await Promise.all([browser.close(), host.stop()]);
});

for (const size of Object.keys(SIZES) as Size[]) {
  describe(`at ${String(SIZES[size].width)} px`, () => {
    it('shows what a hostile model writes as words', async () => {
      await scriptModel({ text: HOSTILE });
      const visit = await visitor(browser, size);
      const asked: string[] = [];
      visit.page.on('request', (request) => asked.push(request.url()));
      await visit.open(`${host.url}/`);
      await visit.ask(LIMITS);
      await visit.answered();
      expect(await visit.answer.innerText()).toContain('24 giờ trượt');
      expect(await visit.page.evaluate(() => 'owned' in window)).toBe(false);
      expect(await visit.answer.locator('script, img, svg[onload], iframe').count()).toBe(0);
      const links = await visit.answer.locator('a').evaluateAll((found) => found.map((a) => a.getAttribute('href')));
      expect(links.every((link) => link?.startsWith('http') === true)).toBe(true);
      expect(asked.filter((url) => url.includes('evil.example'))).toEqual([]);
      await visit.close();
    });

    it('lives through huge and broken Markdown', async () => {
      await scriptModel({ text: BROKEN });
      const visit = await visitor(browser, size);
      await visit.open(`${host.url}/`);
      await visit.ask(LIMITS);
      await visit.answered();
      expect(await visit.answer.innerText()).toContain('24 giờ trượt');
      const wide = await visit.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide).toBeLessThanOrEqual(0);
      await visit.ask('Cảm ơn bạn');
      await visit.answered();
      expect(visit.errors).toEqual([]);
      await visit.close();
    });

    it('works under a strict policy', async () => {
      await scriptModel({ text: SUPPORTED });
      const visit = await visitor(browser, size);
      await visit.open(`${host.url}/strict`);
      await visit.ask(LIMITS);
      await visit.answered();
      expect(await visit.answer.innerText()).toContain('24 giờ trượt');
      expect(visit.errors).toEqual([]);
      await visit.close();
    });

    it("is untouched by the page's styles, and leaves the page untouched", async () => {
      await scriptModel({ text: SUPPORTED });
      const plain = await visitor(browser, size);
      const before = await look(plain.page, `${host.url}/bare`);
      expect(await look(plain.page, `${host.url}/`)).toEqual(before);
      await plain.open(`${host.url}/`);
      await plain.ask(LIMITS);
      await plain.answered();
      const wanted = await widget(plain.page);
      const hostile = await visitor(browser, size);
      await hostile.open(`${host.url}/hostile`);
      await hostile.ask(LIMITS);
      await hostile.answered();
      expect(await widget(hostile.page)).toEqual(wanted);
      await Promise.all([plain.close(), hostile.close()]);
    });
  });
}

type Page = Awaited<ReturnType<typeof visitor>>['page'];

async function look(page: Page, address: string) {
  await page.goto(address);
  return page.locator('#words').evaluate((words) => {
    const { color, fontFamily, fontSize, display } = getComputedStyle(words);
    return { color, fontFamily, fontSize, display, at: words.getBoundingClientRect().toJSON() as unknown };
  });
}

/** How the widget's parts look. */
async function widget(page: Page) {
  return page.locator('.panel').evaluate((panel) => {
    const parts = ['.composer textarea', '.send', '.question', '.answer p'];
    return [panel, ...parts.map((part) => panel.querySelector(part))].map((part) => {
      if (part === null) return null;
      const style = getComputedStyle(part);
      const { width, x } = part.getBoundingClientRect();
      return [
        style.color,
        style.fontSize,
        style.display,
        style.letterSpacing,
        style.opacity,
        Math.round(width),
        Math.round(x),
      ];
    });
  });
}
