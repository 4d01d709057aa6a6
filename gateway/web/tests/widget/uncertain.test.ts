// A refusal that quotes the closest passages: each with its source.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { violations } from '../support/axe.ts';
import { launch, SIZES, type Size, visitor } from '../support/browser.ts';
import { Host } from '../support/host.ts';
import { modelStats, scriptModel } from '../support/test-gateway.ts';

/** Answered by no page, and about something that several pages mention. */
const UNANSWERED = 'Mua tên miền .com ở đâu rẻ nhất?';

let browser: Browser;
let host: Host;
beforeAll(async () => {
  [browser, host] = await Promise.all([launch(), Host.start()]);
  await scriptModel({});
});
afterAll(async () => {
  await Promise.all([browser.close(), host.stop()]);
});

for (const size of Object.keys(SIZES) as Size[]) {
  describe(`at ${String(SIZES[size].width)} px`, () => {
    it('shows the closest passages with their sources, also after a reload', async () => {
      const before = await modelStats();
      const visit = await visitor(browser, size);
      await visit.open(`${host.url}/home`);
      await visit.ask(UNANSWERED);
      await visit.answered();
      expect((await modelStats()).calls, 'no model is asked').toBe(before.calls);
      const passages = visit.turn.locator('.answer li:has(.cite)');
      await passages.first().waitFor();
      const texts = await passages.allInnerTexts();
      expect(texts.length).toBeGreaterThanOrEqual(1);
      expect(texts.length).toBeLessThanOrEqual(3);
      expect(new Set(texts).size).toBe(texts.length);
      expect(await visit.turn.locator('.source').count(), 'a source for each').toBe(texts.length);
      const box = await passages.first().boundingBox();
      expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(SIZES[size].width);
      expect(await violations(visit.page)).toEqual([]);
      await visit.page.reload();
      await passages.first().waitFor();
      expect(await passages.allInnerTexts()).toEqual(texts);
      expect(visit.errors).toEqual([]);
      await visit.close();
    });
  });
}
