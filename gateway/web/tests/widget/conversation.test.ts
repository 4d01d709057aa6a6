// A visitor's conversation, from the first question to the next page.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launch, SIZES, type Size, visitor } from '../support/browser.ts';
import { Host } from '../support/host.ts';
import { gateway, modelStats, scriptModel } from '../support/test-gateway.ts';

const LIMITS = 'Hạn mức gửi thư mỗi ngày được tính thế nào?';
const BARE = 'han muc gui thu moi ngay duoc tinh the nao?';
/** Supported by the page on limits. */
const WORDS =
  'Hạn mức gửi mỗi ngày được tính theo 24 giờ trượt, không phải từ 0 giờ. Hạn mức gửi mỗi ngày được tính theo 24 giờ trượt, không phải từ 0 giờ.';
const slowly = { text: `${WORDS} ${WORDS}`, perSecond: 8 };

let browser: Browser;
let host: Host;
beforeAll(async () => {
  [browser, host] = await Promise.all([launch(), Host.start()]);
});
afterAll(async () => {
  await Promise.all([browser.close(), host.stop()]);
});
beforeEach(async () => scriptModel({}));

for (const size of Object.keys(SIZES) as Size[]) {
  describe(`at ${String(SIZES[size].width)} px`, () => {
    it('answers, and opens the passage behind a citation', async () => {
      await scriptModel({ text: WORDS });
      const visit = await visitor(browser, size);
      await visit.open(`${host.url}/`);
      await visit.ask(LIMITS);
      await visit.answered();
      expect(await visit.answer.innerText()).toContain('24 giờ trượt');
      expect(await visit.turn.locator('.source').count()).toBeGreaterThan(0);
      await visit.turn.locator('.cite').first().click();
      const passage = visit.page.locator('.passage');
      await passage.waitFor();
      expect(await passage.locator('blockquote').innerText()).toMatch(/24 giờ/);
      const link = passage.locator('a.open-page');
      expect(await link.getAttribute('href')).toBe('https://www.diecxam.example/vi/mail/gioi-han.html');
      expect(await link.getAttribute('rel')).toContain('noopener');
      await visit.page.keyboard.press('Escape');
      await passage.waitFor({ state: 'hidden' });
      expect(visit.errors).toEqual([]);
      await visit.close();
    });

    it('understands Vietnamese without diacritics', async () => {
      await scriptModel({ text: WORDS });
      const visit = await visitor(browser, size);
      await visit.open(`${host.url}/`);
      await visit.ask(BARE);
      await visit.answered();
      expect(await visit.answer.innerText()).toContain('24 giờ trượt');
      await visit.close();
    });

    it('stops, at the provider too', async () => {
      await scriptModel(slowly);
      const visit = await visitor(browser, size);
      await visit.open(`${host.url}/`);
      const before = await modelStats();
      await visit.ask(LIMITS);
      await visit.answer.getByText('Hạn mức').waitFor();
      await visit.page.getByRole('button', { name: 'Dừng trả lời' }).click();
      await visit.turn.getByText('Bạn đã dừng câu trả lời này.').waitFor();
      await expect.poll(async () => (await modelStats()).closedEarly).toBe(before.closedEarly + 1);
      expect((await visit.answer.innerText()).length).toBeLessThan(slowly.text.length);
      await visit.close();
    });

    it('goes on when the network is back', async () => {
      await scriptModel(slowly);
      const visit = await visitor(browser, size);
      await visit.open(`${host.url}/`);
      const before = await modelStats();
      await visit.ask(LIMITS);
      await visit.answer.getByText('Hạn mức').waitFor();
      await visit.context.setOffline(true);
      await visit.page.locator('.offline').waitFor();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await visit.context.setOffline(false);
      await visit.answered();
      expect(twice(await visit.answer.innerText(), 'từ 0 giờ')).toBe(4);
      expect((await modelStats()).calls).toBe(before.calls + 1);
      await visit.close();
    });

    it('asks what was typed without a network once there is one', async () => {
      await scriptModel({ text: WORDS });
      const visit = await visitor(browser, size);
      await visit.open(`${host.url}/`);
      await visit.context.setOffline(true);
      await visit.ask(LIMITS);
      await visit.turn.getByText('Đang chờ mạng').waitFor();
      await visit.context.setOffline(false);
      await visit.answered();
      expect(await visit.answer.innerText()).toContain('24 giờ trượt');
      await visit.close();
    });

    it('goes on after a reload in the middle of an answer', async () => {
      await scriptModel(slowly);
      const visit = await visitor(browser, size);
      await visit.open(`${host.url}/`);
      const before = await modelStats();
      await visit.ask(LIMITS);
      await visit.answer.getByText('24 giờ').first().waitFor();
      await visit.page.reload();
      await visit.answered();
      expect(await visit.turn.locator('.question').innerText()).toContain(LIMITS);
      expect(twice(await visit.answer.innerText(), 'từ 0 giờ')).toBe(4);
      expect((await modelStats()).calls).toBe(before.calls + 1);
      await visit.close();
    });

    it('keeps the conversation on the next page, and asks on from there', async () => {
      const visit = await visitor(browser, size);
      await visit.open(`${gateway}/vi/mail/gioi-han.html`);
      await visit.ask(LIMITS);
      await visit.answered();
      await visit.page.goto(`${gateway}/vi/drive/gioi-han.html`);
      await visit.page.locator('.turn').first().waitFor();
      await visit.ask('Tệp lớn nhất được tải lên là bao nhiêu?');
      await visit.answered();
      expect(await visit.page.locator('.turn').count()).toBe(2);
      const link = visit.turn.locator('.source').first();
      await link.click();
      expect(await visit.page.locator('a.open-page').getAttribute('href')).toContain('/vi/drive/');
      await visit.page.keyboard.press('Escape');
      await visit.page.getByRole('button', { name: 'Cuộc trò chuyện mới' }).click();
      expect(await visit.page.locator('.turn').count()).toBe(0);
      await visit.close();
    });

    it('takes thumbs, a reason and a copy', async () => {
      const visit = await visitor(browser, size);
      await visit.context.grantPermissions(['clipboard-read', 'clipboard-write']);
      await visit.open(`${host.url}/`);
      await visit.ask(LIMITS);
      await visit.answered();
      await visit.turn.getByRole('button', { name: 'Không hữu ích' }).click();
      await visit.turn.getByRole('radio', { name: 'Đã cũ' }).check();
      await visit.turn.locator('.feedback textarea').fill('Hạn mức đã đổi.');
      const sent = visit.page.waitForResponse((response) => response.url().endsWith('/feedback'));
      await visit.turn.getByRole('button', { name: 'Gửi góp ý' }).click();
      expect((await sent).status()).toBe(202);
      await visit.turn.getByRole('button', { name: 'Sao chép câu trả lời' }).click();
      const copied = await visit.page.evaluate(() => navigator.clipboard.readText());
      expect(copied.length).toBeGreaterThan(20);
      expect(visit.errors).toEqual([]);
      await visit.close();
    });

    it('says in words that the limit is reached', async () => {
      const visit = await visitor(browser, size);
      const problem = {
        ...{ type: 'urn:hoidap:problem:rate_limited', title: 'Too many questions', status: 429, code: 'rate_limited' },
        ...{ detail: 'The limit is 20 a minute.', retryable: true, instance: '/api/chat', request_id: 'r' },
      };
      await visit.page.route('**/api/chat', async (route) =>
        route.fulfill({
          status: 429,
          contentType: 'application/problem+json',
          headers: {
            'retry-after': '7',
            'access-control-allow-origin': '*',
            'access-control-expose-headers': 'retry-after',
          },
          body: JSON.stringify(problem),
        }),
      );
      await visit.open(`${host.url}/`);
      await visit.ask(LIMITS);
      await visit.turn.getByText(/hỏi tiếp sau \d+ giây/).waitFor();
      await visit.close();
    });
  });
}

function twice(text: string, part: string): number {
  return text.split(part).length - 1;
}
