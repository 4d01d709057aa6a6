import { type Browser, type BrowserContext, chromium as playwright, type Page } from 'playwright-core';

/** The browser's executable. */
const chromium = process.env.HOIDAP_TEST_CHROMIUM ?? '/usr/bin/chromium';

/** The screen sizes that the tests use. */
export const SIZES = {
  phone: { width: 390, height: 844 },
  desktop: { width: 1280, height: 800 },
} as const;
export type Size = keyof typeof SIZES;

export async function launch(): Promise<Browser> {
  return playwright.launch({
    executablePath: chromium,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

/** A visitor in a new browser context, whose page's errors are recorded. */
export async function visitor(browser: Browser, size: Size, more: object = {}): Promise<Visitor> {
  const context = await browser.newContext({ viewport: SIZES[size], locale: 'vi-VN', ...more });
  return new Visitor(context, await context.newPage());
}

export class Visitor {
  readonly errors: string[] = [];

  constructor(
    readonly context: BrowserContext,
    readonly page: Page,
  ) {
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' || /Content.Security.Policy/i.test(message.text()))
        this.errors.push(message.text());
    });
  }

  /** Goes to a page with the widget, and opens it. */
  async open(address: string): Promise<void> {
    await this.page.goto(address);
    await this.page.locator('.launcher').click();
    await this.field.waitFor({ state: 'visible' });
  }

  get field() {
    return this.page.locator('.composer textarea');
  }

  /** The latest turn of the conversation. */
  get turn() {
    return this.page.locator('.turn').last();
  }

  /** The latest answer, without its sources and buttons. */
  get answer() {
    return this.turn.locator('.answer');
  }

  async ask(question: string): Promise<void> {
    await this.field.fill(question);
    await this.page.locator('.send').click();
  }

  /** Waits until the latest answer is complete. */
  async answered(): Promise<void> {
    await this.turn.locator('.answer:not([aria-busy])').waitFor();
    await this.turn.locator('.tools').waitFor();
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}
