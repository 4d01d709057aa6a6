// Choices of an answer that asks back: by pointer, keyboard, screen reader and typing.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { violations } from '../support/axe.ts';
import { launch, SIZES, type Size, visitor, type Visitor } from '../support/browser.ts';
import { Host } from '../support/host.ts';
import { modelStats, scriptModel } from '../support/test-gateway.ts';

const OPEN = 'Nhập sai mật khẩu mấy lần thì bị khoá?';
/** Supported by the pages on accounts. */
const DRIVE = 'Sai mật khẩu 10 lần, tài khoản bị khoá 30 phút.';
const MEET = 'Nhập sai mật khẩu 8 lần, tài khoản bị khoá 20 phút.';
const LABELS = ['Diệc Mail', 'Diệc Drive', 'Diệc Meet'];

let browser: Browser;
let host: Host;
beforeAll(async () => {
  [browser, host] = await Promise.all([launch(), Host.start()]);
  await scriptModel({});
});
afterAll(async () => {
  await Promise.all([browser.close(), host.stop()]);
});

/** A visitor who was asked back, on a page about none of the products. */
async function askedBack(size: Size, more: object = {}): Promise<Visitor> {
  const visit = await visitor(browser, size, more);
  await visit.open(`${host.url}/home`);
  await visit.ask(OPEN);
  await visit.answered();
  await visit.turn.locator('.choice').first().waitFor();
  return visit;
}

for (const size of Object.keys(SIZES) as Size[]) {
  describe(`at ${String(SIZES[size].width)} px`, () => {
    it('has a button for each, which asks the completed question', async () => {
      const before = await modelStats();
      const visit = await askedBack(size);
      expect((await modelStats()).calls, 'no model is asked').toBe(before.calls);
      expect(await visit.turn.locator('.choice').allInnerTexts()).toEqual(LABELS);
      for (const choice of await visit.turn.locator('.choice').all()) {
        const box = await choice.boundingBox();
        expect(box?.height).toBeGreaterThanOrEqual(44);
        expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(SIZES[size].width);
      }
      const first = visit.page.locator('.turn').first();
      await scriptModel({ text: DRIVE });
      await first.getByRole('button', { name: 'Diệc Drive' }).click();
      await visit.page.locator('.turn').nth(1).waitFor();
      await visit.answered();
      expect(await visit.turn.locator('.question').innerText()).toContain(`Diệc Drive: ${OPEN}`);
      expect(await visit.answer.innerText()).toContain('10 lần');
      expect(await first.locator('.choice:disabled').count()).toBe(LABELS.length);
      expect(await first.locator('.choice[aria-pressed="true"]').allInnerTexts()).toEqual(['Diệc Drive']);
      await visit.page.reload();
      await first.locator('.choice').first().waitFor();
      expect(await first.locator('.choice:disabled').count(), 'after a reload').toBe(LABELS.length);
      expect(visit.errors).toEqual([]);
      await visit.close();
    });

    it('is chosen from by keyboard, and heard of', async () => {
      const visit = await askedBack(size);
      expect(await visit.page.locator('[data-live="answers"]').textContent()).toContain('Các nút để chọn');
      expect(await visit.turn.getByRole('list', { name: 'Các nút để chọn' }).count()).toBe(1);
      await visit.page.locator('.scroller').focus();
      await visit.page.keyboard.press('Tab');
      await visit.page.keyboard.press('Tab');
      await visit.page.keyboard.press('Enter');
      await visit.page.locator('.turn').nth(1).waitFor();
      await visit.answered();
      expect(await visit.turn.locator('.question').innerText()).toContain(`Diệc Drive: ${OPEN}`);
      await visit.close();
    });

    it('is answered by typing, too, and then closed', async () => {
      const visit = await askedBack(size);
      const first = visit.page.locator('.turn').first();
      await scriptModel({ text: MEET });
      await visit.ask('Meet ạ');
      await visit.page.locator('.turn').nth(1).waitFor();
      await visit.answered();
      expect(await visit.answer.innerText()).toContain('8 lần');
      expect(await first.locator('.choice:disabled').count()).toBe(LABELS.length);
      await visit.close();
    });

    for (const colorScheme of ['light', 'dark'] as const) {
      it(`breaks no rule of axe-core in ${colorScheme} colours`, async () => {
        const visit = await askedBack(size, { colorScheme, reducedMotion: 'reduce' });
        expect(await violations(visit.page), 'open').toEqual([]);
        await visit.turn.locator('.choice').first().click();
        await visit.page.locator('.turn').nth(1).waitFor();
        await visit.answered();
        expect(await violations(visit.page), 'chosen').toEqual([]);
        await visit.close();
      });
    }
  });
}
