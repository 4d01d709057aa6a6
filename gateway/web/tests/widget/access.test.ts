// Accessibility of the widget: keyboard, screen reader and axe-core.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, SIZES, type Size, visitor } from '../support/browser.ts';
import { violations } from '../support/axe.ts';
import { Host } from '../support/host.ts';
import { scriptModel } from '../support/test-gateway.ts';

const LIMITS = 'Hạn mức gửi thư mỗi ngày được tính thế nào?';
const WORDS = 'Hạn mức gửi mỗi ngày được tính theo 24 giờ trượt, không phải từ 0 giờ.';

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
    it('is used by keyboard alone', async () => {
      await scriptModel({ text: WORDS });
      const { page, ...visit } = await visitor(browser, size);
      await page.goto(`${host.url}/`);
      await page.locator('.launcher').waitFor();
      await page.locator('#next').focus();
      await page.keyboard.press('Tab');
      expect(await focused(page)).toContain('launcher');
      await page.keyboard.press('Enter');
      await page.locator('.composer textarea').waitFor();
      expect(await focused(page)).toContain('TEXTAREA');
      await page.keyboard.type(LIMITS);
      await page.keyboard.press('Enter');
      await page.locator('.turn .tools').last().waitFor();
      expect(await focused(page)).toContain('TEXTAREA');
      await page.locator('.cite').first().focus();
      await page.keyboard.press('Enter');
      await page.locator('.passage').waitFor();
      await page.keyboard.press('Escape');
      await page.locator('.passage').waitFor({ state: 'hidden' });
      expect(await focused(page), 'focus returns to the citation').toContain('cite');
      await page.keyboard.press('Escape');
      await page.locator('.panel').waitFor({ state: 'hidden' });
      expect(await focused(page), 'focus returns to the button').toContain('launcher');
      await visit.context.close();
    });

    it('does not send while a Vietnamese syllable is being composed', async () => {
      const visit = await visitor(browser, size);
      await visit.open(`${host.url}/`);
      await visit.field.fill('Gói Pro');
      await visit.field.dispatchEvent('keydown', { key: 'Enter', isComposing: true });
      expect(await visit.page.locator('.turn').count()).toBe(0);
      await visit.close();
    });

    it('announces each answer once, when it is complete', async () => {
      await scriptModel({ text: WORDS, perSecond: 15 });
      const visit = await visitor(browser, size);
      await visit.open(`${host.url}/`);
      await visit.page.locator('[data-live="answers"]').evaluate((live) => {
        const said: string[] = [];
        (window as unknown as { said: string[] }).said = said;
        new MutationObserver(() => {
          const text = live.textContent.trim();
          if (text !== '' && said.at(-1) !== text) said.push(text);
        }).observe(live, { childList: true, subtree: true, characterData: true });
      });
      await visit.ask(LIMITS);
      await visit.answered();
      await visit.page.waitForTimeout(1_000);
      const said = await visit.page.evaluate(() => (window as unknown as { said: string[] }).said);
      expect(said).toHaveLength(1);
      expect(said[0]).toContain('từ 0 giờ');
      await visit.close();
    });

    for (const colorScheme of ['light', 'dark'] as const) {
      it(`breaks no rule of axe-core in ${colorScheme} colours`, async () => {
        await scriptModel({ text: WORDS });
        const visit = await visitor(browser, size, { colorScheme, reducedMotion: 'reduce' });
        await visit.page.goto(`${host.url}/`);
        await visit.page.locator('.launcher').waitFor();
        expect(await violations(visit.page), 'closed').toEqual([]);
        await visit.page.locator('.launcher').click();
        expect(await violations(visit.page), 'greeting').toEqual([]);
        await visit.ask(LIMITS);
        await visit.answered();
        expect(await violations(visit.page), 'answer').toEqual([]);
        await visit.turn.getByRole('button', { name: 'Không hữu ích' }).click();
        expect(await violations(visit.page), 'feedback').toEqual([]);
        await visit.turn.locator('.cite').first().click();
        await visit.page.locator('.passage').waitFor();
        expect(await violations(visit.page), 'passage').toEqual([]);
        await visit.close();
      });
    }
  });
}

/** The element that has the focus, also within shadow roots. */
async function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement != null) at = at.shadowRoot.activeElement;
    return `${at?.tagName ?? ''}.${at?.className ?? ''}`;
  });
}
