// What browsers differ in: the keyboard of a touch screen, input methods, the clipboard, and a full storage.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, SIZES, type Size, visitor } from '../support/browser.ts';
import { Host } from '../support/host.ts';
import { scriptModel } from '../support/test-gateway.ts';

const LIMITS = 'Hạn mức gửi thư mỗi ngày được tính thế nào?';
const WORDS = 'Hạn mức gửi mỗi ngày được tính theo 24 giờ trượt, không phải từ 0 giờ.';

let browser: Browser;
let host: Host;
beforeAll(async () => {
  [browser, host] = await Promise.all([launch(), Host.start()]);
  await scriptModel({ text: WORDS });
});
afterAll(async () => {
  await Promise.all([browser.close(), host.stop()]);
});

it('brings up no keyboard on a touch screen, except for who types', async () => {
  const visit = await visitor(browser, 'phone', { hasTouch: true, isMobile: true });
  const conversation = visit.page.locator('.scroller:focus');
  await visit.open(`${host.url}/`);
  await conversation.waitFor();
  await visit.field.focus();
  await visit.page.locator('hoidap-chat').evaluate((chat, question) => {
    (chat as HTMLElement & { ask(question: string): void }).ask(question);
  }, LIMITS);
  await conversation.waitFor();
  await visit.answered();
  await visit.ask(LIMITS);
  await visit.page.locator('.turn').nth(1).waitFor();
  await visit.page.locator('.composer textarea:focus').waitFor();
  await visit.answered();
  await visit.page.getByRole('button', { name: 'Cuộc trò chuyện mới' }).click();
  await conversation.waitFor();
  expect(visit.errors).toEqual([]);
  await visit.close();
});

for (const size of Object.keys(SIZES) as Size[]) {
  describe(`at ${String(SIZES[size].width)} px`, () => {
    it('leaves the keys of an input method to it, as Safari marks them too', async () => {
      const visit = await visitor(browser, size);
      await visit.open(`${host.url}/`);
      await visit.field.fill('Gói Pro');
      for (const key of ['Enter', 'Escape']) await visit.field.dispatchEvent('keydown', { key, keyCode: 229 });
      expect(await visit.field.isVisible()).toBe(true);
      expect(await visit.page.locator('.turn').count()).toBe(0);
      await visit.close();
    });

    it('copies without the Clipboard API, and says where it cannot copy', async () => {
      const visit = await visitor(browser, size);
      await visit.context.grantPermissions(['clipboard-read', 'clipboard-write']);
      await visit.page.addInitScript(() => {
        Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true });
      });
      await visit.open(`${host.url}/`);
      await visit.ask(LIMITS);
      await visit.answered();
      const copy = visit.turn.getByRole('button', { name: 'Sao chép câu trả lời' });
      await copy.click();
      await visit.page.locator('[data-live="states"]', { hasText: 'Đã sao chép' }).waitFor({ state: 'attached' });
      const copied = await visit.page.evaluate(() => {
        Reflect.deleteProperty(navigator, 'clipboard');
        return navigator.clipboard.readText();
      });
      expect(copied).toContain('24 giờ trượt');
      await visit.page.evaluate(() => {
        Object.defineProperty(navigator, 'clipboard', { value: undefined });
        Object.defineProperty(document, 'execCommand', { value: () => false });
      });
      await copy.click();
      await visit.turn.getByText('Chưa sao chép được').waitFor();
      expect(visit.errors).toEqual([]);
      await visit.close();
    });

    it('answers where the storage of the site is full', async () => {
      const visit = await visitor(browser, size);
      await visit.page.addInitScript(() => {
        for (const area of [localStorage, sessionStorage]) {
          // Room for a few letters, and no more.
          area.setItem('room', 'x'.repeat(10));
          for (let length = 1 << 22; length >= 1; length >>= 1) {
            try {
              area.setItem(`f${length}`, 'x'.repeat(length));
            } catch {
              // That was too much.
            }
          }
          area.removeItem('room');
        }
      });
      await visit.open(`${host.url}/`);
      await visit.ask(LIMITS);
      await visit.answered();
      expect(await visit.answer.innerText()).toContain('24 giờ trượt');
      await visit.page.locator('.panel header .icon').last().click();
      await visit.page.locator('.panel').waitFor({ state: 'hidden' });
      expect(visit.errors).toEqual([]);
      await visit.close();
    });
  });
}
