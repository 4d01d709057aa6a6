// The dashboard as a site owner uses it.
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { violations } from '../support/axe.ts';
import { launch, SIZES, type Size, visitor, type Visitor } from '../support/browser.ts';
import { gateway, requiredVariable, scriptModel } from '../support/test-gateway.ts';

const TOKEN = requiredVariable('HOIDAP_TEST_ADMIN_TOKEN');
const QUESTION = 'Gói Pro của Diệc Mail giá bao nhiêu một tháng?';
const SESSION = `dashboard-${String(Date.now())}`;

interface Report {
  totals: { questions: number; conversations: number };
}

let browser: Browser;
let state: Awaited<ReturnType<BrowserContext['storageState']>>;
beforeAll(async () => {
  browser = await launch();
  await scriptModel({});
  const owner = await browser.newContext();
  await owner.request.post(`${gateway}/dashboard/login`, { data: { token: TOKEN } });
  state = await owner.storageState();
  await owner.close();
  // Test data: a helpful answer and a declined question.
  const job = await ask(QUESTION);
  await fetch(`${gateway}/api/chat/${job}/feedback`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-session-id': SESSION },
    body: JSON.stringify({ rating: 'up', comment: 'Rõ ràng.' }),
  });
  await ask('Ai vô địch Champions League năm ngoái?');
  await vi.waitUntil(async () => (await csv('conversations')).includes(QUESTION), { timeout: 30_000, interval: 500 });
});
afterAll(async () => {
  await browser.close();
});

async function ask(message: string): Promise<string> {
  const context = { url: 'https://www.diecxam.example/vi/mail/bang-gia.html', title: 'Bảng giá' };
  const response = await fetch(`${gateway}/api/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ message, session_id: SESSION, context }),
  });
  return ((await response.json()) as { job_id: string }).job_id;
}

async function csv(name: string): Promise<string> {
  const response = await fetch(`${gateway}/api/analytics/${name}.csv?days=7`, { headers: { 'x-admin-token': TOKEN } });
  return response.text();
}

/** One sign-in serves all tests but the one about it: the gateway counts them. */
async function signedIn(size: Size, more: object = {}): Promise<Visitor> {
  const visit = await visitor(browser, size, { ...more, storageState: state });
  await visit.page.goto(`${gateway}/dashboard`);
  await visit.page.locator('.tiles').waitFor();
  await visit.page.locator('canvas').first().waitFor();
  return visit;
}

for (const size of Object.keys(SIZES) as Size[]) {
  describe(`at ${String(SIZES[size].width)} px`, () => {
    it('lets in who has the token, and keeps it from the page', async () => {
      const visit = await visitor(browser, size);
      await visit.page.goto(`${gateway}/dashboard`);
      await visit.page.locator('#token').fill('nonsense');
      await visit.page.keyboard.press('Enter');
      await visit.page.locator('#token-problem:not(:empty)').waitFor();
      await visit.page.locator('#token').fill(TOKEN);
      await visit.page.keyboard.press('Enter');
      await visit.page.locator('.tiles').waitFor();
      const [cookie] = await visit.context.cookies();
      expect(cookie).toMatchObject({ name: 'hoidap_admin', httpOnly: true, sameSite: 'Strict' });
      expect(cookie?.value).not.toContain(TOKEN);
      expect(await visit.page.evaluate(() => document.cookie)).toBe('');
      await visit.page.reload();
      await visit.page.locator('.tiles').waitFor();
      await visit.page.getByRole('button', { name: 'Đăng xuất' }).click();
      await visit.page.locator('#token').waitFor();
      await visit.close();
    });

    it('shows the figures of the API, each chart in words and as a table too', async () => {
      const visit = await signedIn(size);
      const response = await visit.context.request.get(`${gateway}/api/analytics/report?days=7`);
      const { totals } = (await response.json()) as Report;
      expect(await visit.page.locator('.tiles').innerText()).toContain(String(totals.questions));
      const charts = visit.page.locator('.chart');
      for (const chart of await charts.all()) {
        await chart.locator('summary').click();
        expect(await chart.locator('table').isVisible()).toBe(true);
      }
      expect(await charts.count()).toBeGreaterThan(6);
      const wide = await visit.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide, 'no sideways scrolling').toBeLessThanOrEqual(0);
      expect(visit.errors).toEqual([]);
      await visit.close();
    });

    it('opens one conversation, with what was said of it', async () => {
      const visit = await signedIn(size);
      await visit.page.locator('#words').fill('Gói Pro của Diệc Mail');
      await visit.page.keyboard.press('Enter');
      await visit.page.locator(`[data-key="conversation-${SESSION}"]`).click();
      const heading = visit.page.locator('#conversation-heading');
      await heading.waitFor();
      await visit.page.getByText('Rõ ràng.').last().waitFor();
      await visit.close();
    });

    it('shows canaries only if there are any', async () => {
      const visit = await signedIn(size);
      const section = visit.page.locator('.canaries');
      expect(await section.isVisible()).toBe(false);
      const side = { jobs: 1200, errors: 60, median_ms: 8, p95_ms: 1625.5 };
      const canary = {
        stage: 'retriever',
        id: 'a',
        share: 0.05,
        since: '2026-01-31T08:00:00Z',
        release: '0.2.0',
        canary: side,
      };
      const none = { jobs: 0, errors: 0, median_ms: null, p95_ms: null };
      const reason = { over_ms: null, canary: { count: 60, of: 1200 }, stable: { count: 0, of: 20000 } };
      const slow = { over_ms: 512, canary: { count: 3, of: 8 }, stable: { count: 1, of: 200 } };
      await visit.page.route('**/api/analytics/report?*', async (route) => {
        const response = await route.fetch();
        const canaries = [
          { ...canary, state: 'stepped_back', reason, changes: ['<b>retriever</b>.depth=4'], stable: side },
          { ...canary, id: 'c', state: 'stepped_back', reason: slow, changes: [], stable: side },
          { ...canary, id: 'b', state: 'serving', reason: null, changes: [], stable: none },
        ];
        await route.fulfill({ json: { ...((await response.json()) as Report), canaries } });
      });
      await visit.page.reload();
      await section.waitFor();
      const text = await section.innerText();
      for (const part of [
        'lỗi 60/1.200 việc',
        '3/8 việc lâu hơn 512 ms',
        '<b>retriever</b>',
        'bản phát hành 0.2.0',
        '1,6 s',
        '–',
      ])
        expect(text).toContain(part);
      expect(await section.locator('b').count()).toBe(0);
      const wide = await visit.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide, 'no sideways scrolling').toBeLessThanOrEqual(0);
      await visit.page.locator('[aria-busy="true"]').waitFor({ state: 'detached' });
      expect(await violations(visit.page)).toEqual([]);
      expect(visit.errors).toEqual([]);
      await visit.close();
    });

    it('tells how many right answers to expect, and how true that was, with its numbers', async () => {
      const visit = await signedIn(size);
      expect(await visit.page.locator('.tiles').innerText()).toContain('Ước tính đúng');
      const bin = (from: number, answers: number, right: number) => {
        return { name: '', from, to: from + 0.1, answers, confidence: from + 0.05, right };
      };
      const few = {
        answers: 9,
        right: 6,
        expected_right: 7.15,
        error: 0.13,
        error_by_chance: 0.12,
        bins: [bin(0.7, 5, 3), bin(0.8, 4, 3)],
      };
      const none = { answers: 0, right: 0, expected_right: 0, error: null, error_by_chance: null, bins: [] };
      let labelled: object = none;
      await visit.page.route('**/api/analytics/report?*', async (route) => {
        const response = await route.fetch();
        const report = (await response.json()) as Report;
        await route.fulfill({ json: { ...report, rated: few, labelled, evaluations: [] } });
      });
      await visit.page.reload();
      const rated = visit.page.locator('.chart.rated');
      await rated
        .locator('.says')
        .filter({ hasText: '9 câu trả lời được đánh giá, 6 câu được khen, ước tính 7,2' })
        .waitFor();
      expect(await rated.locator('.says').innerText()).toContain('còn ít');
      expect(await rated.locator('tbody').textContent()).toContain('70% đến 80% (3/5)');
      const unknown = visit.page.locator('.chart.labelled');
      expect(await unknown.locator('.says').innerText()).toContain('--record');
      expect(await unknown.locator('.frame').isVisible()).toBe(false);
      labelled = { ...few, answers: 160, bins: [bin(0.7, 100, 70), bin(0.8, 60, 50)] };
      await visit.page.reload();
      await unknown.locator('.says').filter({ hasText: '160 câu trả lời cho câu hỏi mẫu' }).waitFor();
      expect(await unknown.locator('.says').innerText()).not.toContain('còn ít');
      const wide = await visit.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide, 'no sideways scrolling').toBeLessThanOrEqual(0);
      expect(visit.errors).toEqual([]);
      await visit.close();
    });

    it('narrows to a product', async () => {
      const visit = await signedIn(size);
      await visit.page.locator('#product').selectOption('meet');
      await visit.page.waitForResponse((response) => response.url().includes('product=meet'));
      expect(visit.page.url()).toContain('product=meet');
      expect(visit.errors).toEqual([]);
      await visit.close();
    });

    for (const colorScheme of ['light', 'dark'] as const) {
      it(`breaks no rule of axe-core in ${colorScheme} colours`, async () => {
        const visit = await signedIn(size, { colorScheme, reducedMotion: 'reduce', bypassCSP: true });
        expect(await violations(visit.page)).toEqual([]);
        await visit.close();
      });
    }
  });
}

const row = (session: string) => ({
  session_id: session,
  first: '2026-01-31T08:00:00Z',
  last: '2026-01-31T08:00:00Z',
  questions: 1,
  unanswered: 0,
  failed: 0,
  up: 0,
  down: 0,
  question: QUESTION,
  outcome: 'answered',
  product: 'mail',
  language: 'vi',
});

/** Makes the page load its figures again, as it does when it becomes visible. */
async function refresh({ page }: Visitor): Promise<void> {
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
}

describe('what is slow or fails', () => {
  it('leaves no figures of another period under the chosen one', async () => {
    const visit = await signedIn('desktop');
    const { page } = visit;
    const month = /\/analytics\/report\?.*days=30/;
    await page.route(month, (route) => route.fulfill({ status: 503, json: {} }));
    await page.locator('label[for="period-month"]').click();
    await page.locator('.notice:not(:empty)').waitFor();
    expect(await page.locator('.report, .list, .fresh').filter({ visible: true }).count()).toBe(0);
    await page.locator('#product').selectOption('meet');
    await page.waitForURL(/period=month&product=meet/);
    expect(await page.locator('#period-month').isChecked()).toBe(true);
    await page.unroute(month);
    await page.locator('.notice button').click();
    await page.locator('.tiles').waitFor();
    expect(await page.locator('.list').isVisible()).toBe(true);
    await visit.close();
  });

  it('is dropped when another conversation is opened', async () => {
    const visit = await signedIn('desktop');
    const { page } = visit;
    await page.route(/\/analytics\/conversations\?/, (route) =>
      route.fulfill({ json: { conversations: [row('slow'), row('quick')], next: null } }),
    );
    await page.route(/\/analytics\/conversations\/quick$/, (route) =>
      route.fulfill({ json: { session_id: 'quick', questions: [] } }),
    );
    await page.route(/\/analytics\/conversations\/slow$/, () => undefined);
    await page.reload();
    const asked = page.waitForRequest(/slow$/);
    const dropped = page.waitForEvent('requestfailed', (request) => request.url().endsWith('slow'));
    await page.locator('[data-key="conversation-slow"]').click();
    await asked;
    await page.keyboard.press('Escape');
    await dropped;
    await page.locator('[data-key="conversation-quick"]').click();
    await page.locator('dialog .note', { hasText: 'quick' }).waitFor();
    await visit.close();
  });

  it('searches for what was submitted, not for what is being typed', async () => {
    const visit = await signedIn('desktop');
    const { page } = visit;
    const searched = new Set<string>();
    await page.route(/\/analytics\/conversations\?/, async (route) => {
      const query = new URL(route.request().url()).searchParams;
      const words = query.get('q') ?? 'all';
      searched.add(words);
      if (words === 'fail') await route.fulfill({ status: 503, json: {} });
      else
        await route.fulfill({
          json: { conversations: [row(`${words}-${query.get('cursor') ?? ''}`)], next: '1.next' },
        });
    });
    await page.reload();
    await page.locator('[data-key="conversation-all-"]').waitFor();
    await page.locator('#words').fill('goi');
    await page.keyboard.press('Enter');
    await page.locator('[data-key="conversation-goi-"]').waitFor();
    await page.locator('#words').fill('goi cuoc');
    const again = page.waitForResponse(/\/analytics\/conversations\?/);
    await refresh(visit);
    await again;
    await page.locator('.list > button').click();
    await page.locator('[data-key="conversation-goi-1.next"]').waitFor();
    expect([...searched]).toEqual(['all', 'goi']);
    await page.locator('#words').fill('fail');
    await page.keyboard.press('Enter');
    await page.locator('.list [role="status"]', { hasText: 'ClickHouse' }).waitFor();
    expect(await page.locator('.conversations li').count(), 'rows of the search before').toBe(0);
    await visit.close();
  });

  it('does not come back after signing out, which the gateway must have done', async () => {
    const visit = await signedIn('desktop');
    const { page } = visit;
    let status = 502;
    await page.route('**/dashboard/logout', (route) => route.fulfill({ status }));
    const signOut = page.getByRole('button', { name: 'Đăng xuất' });
    await signOut.click();
    await page.locator('.notice:not(:empty)').waitFor();
    expect(await page.locator('.tiles').isVisible()).toBe(true);
    status = 204;
    await page.route(/\/analytics\/report\?/, () => undefined);
    const asked = page.waitForRequest(/\/report\?/);
    const dropped = page.waitForEvent('requestfailed', (request) => request.url().includes('/report?'));
    await refresh(visit);
    await asked;
    await signOut.click();
    await page.locator('#token').waitFor();
    await dropped;
    await visit.close();
  });
});

it('gives its figures as CSV', async () => {
  const [head, ...rows] = (await csv('conversations')).trim().split(/\r?\n/);
  expect(head).toContain('question');
  expect(rows.some((row) => row.includes(QUESTION))).toBe(true);
  expect((await csv('report')).split(/\r?\n/).length).toBeGreaterThan(5);
});
