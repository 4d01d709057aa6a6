// Pages that swap their body without a load: there is one widget, with its conversation.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launch, type Visitor, visitor } from '../support/browser.ts';
import { Host } from '../support/host.ts';
import { gateway, modelStats, scriptModel } from '../support/test-gateway.ts';

const LIMITS = 'Hạn mức gửi thư mỗi ngày được tính thế nào?';
const WORDS =
  'Hạn mức gửi mỗi ngày được tính theo 24 giờ trượt, không phải từ 0 giờ. Hạn mức gửi mỗi ngày được tính theo 24 giờ trượt, không phải từ 0 giờ.';

let browser: Browser;
let host: Host;
beforeAll(async () => {
  [browser, host] = await Promise.all([launch(), Host.start()]);
});
afterAll(async () => {
  await Promise.all([browser.close(), host.stop()]);
});
beforeEach(async () => scriptModel({ text: `${WORDS} ${WORDS}`, perSecond: 12 }));

const AGAIN = 'its scripts run again';
/** Ways in which a page's own script swaps the body. */
const SWAPS: Record<string, string> = {
  'its inside is written anew': `document.body.innerHTML = '<main>Trang khác</main>'`,
  'it is emptied, and filled later': `document.body.textContent = ''; setTimeout(() => document.body.append('Trang khác'), 300)`,
  'another body takes its place': `document.body.replaceWith(Object.assign(document.createElement('body'), { innerHTML: '<main>Trang khác</main>' }))`,
  'the whole page is written anew': `document.documentElement.innerHTML = '<head><title>Khác</title></head><body>Trang khác</body>'`,
  'a copy of it is kept and put back': `{
    const kept = document.body.cloneNode(true);
    document.body.innerHTML = '<main>Trang khác</main>';
    setTimeout(() => document.body.replaceWith(kept), 300);
  }`,
  'its text is kept and put back': `{
    const kept = document.body.innerHTML;
    document.body.innerHTML = '';
    setTimeout(() => (document.body.innerHTML = kept), 300);
  }`,
  [AGAIN]: `{
    document.body.innerHTML = '<main>Trang khác</main>';
    for (const title of ['Hỏi', 'Hỏi đáp']) {
      const tag = document.createElement('script');
      tag.src = '${gateway}/widget.js';
      tag.dataset.site = 'pk_diecxam';
      tag.dataset.title = title;
      document.body.append(tag);
    }
  }`,
  'it is swapped again and again': `for (let n = 0; n < 8; n += 1) setTimeout(() => (document.body.innerHTML = String(n)), n * 60)`,
};

/** The page has one widget, which shows the whole conversation so far, and nothing went wrong. */
async function goesOn(visit: Visitor, turns: number): Promise<void> {
  await visit.page.waitForTimeout(700);
  expect(await visit.page.locator('hoidap-chat').count()).toBe(1);
  await expect.poll(async () => visit.page.locator('.turn').count()).toBe(turns);
  expect(await visit.page.locator('dialog.panel').isVisible()).toBe(true);
  await visit.answered();
  expect(await visit.turn.locator('.question').innerText()).toContain(LIMITS);
  expect((await visit.answer.innerText()).split('từ 0 giờ').length - 1).toBe(4);
  expect(visit.errors).toEqual([]);
}

for (const [name, swap] of Object.entries(SWAPS)) {
  for (const [size, path] of [
    ['desktop', '/plain-head'],
    ['phone', '/plain-body'],
  ] as const) {
    it(`at ${path}, ${name}`, async () => {
      const visit = await visitor(browser, size);
      await visit.open(`${host.url}${path}`);
      const before = await modelStats();
      await visit.ask(LIMITS);
      await visit.answer.getByText('24 giờ').first().waitFor();
      await visit.page.evaluate(swap);
      await goesOn(visit, 1);
      expect((await modelStats()).calls).toBe(before.calls + 1);
      if (name === AGAIN) expect(await visit.page.locator('#title').innerText()).toBe('Hỏi đáp');
      await visit.ask(LIMITS);
      await goesOn(visit, 2);
      await visit.close();
    });
  }
}

for (const library of ['htmx', 'htmx2', 'turbo'] as const) {
  for (const place of ['head', 'body'] as const) {
    it(`goes on from page to page by ${library}, the tag in the ${place}`, async () => {
      const visit = await visitor(browser, 'desktop');
      await visit.open(`${host.url}/${library}-${place}`);
      await visit.page.evaluate('window.same = true');
      const before = await modelStats();
      await visit.ask(LIMITS);
      await visit.answer.getByText('24 giờ').first().waitFor();
      await visit.page.locator('#next').click();
      await visit.page.waitForURL(/next/);
      await goesOn(visit, 1);
      expect(await visit.page.evaluate('window.same'), 'the page was loaded anew').toBe(true);
      await visit.page.goBack();
      await visit.page.waitForURL((url) => !url.search.includes('next'));
      await goesOn(visit, 1);
      expect((await modelStats()).calls).toBe(before.calls + 1);
      await visit.close();
    });
  }
}

describe('an element that the site places', () => {
  it('is the only one', async () => {
    const visit = await visitor(browser, 'desktop');
    await visit.open(`${host.url}/plain-body`);
    await visit.page.evaluate(
      `document.body.innerHTML = '<hoidap-chat data-site="pk_diecxam" id="own"></hoidap-chat>'`,
    );
    await visit.page.locator('#own').waitFor({ state: 'attached' });
    await visit.page.waitForTimeout(300);
    expect(await visit.page.locator('hoidap-chat').count()).toBe(1);
    expect(await visit.page.locator('hoidap-chat').getAttribute('id')).toBe('own');
    await visit.close();
  });
});
