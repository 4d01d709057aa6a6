// Pictures of the widget and the dashboard for the documentation: `npm run screenshots`, against a running Hoidap
// (HOIDAP_TEST_URL; HOIDAP_TEST_ADMIN_TOKEN for the dashboard).
import { fileURLToPath } from 'node:url';
import { launch, SIZES, type Size, visitor, type Visitor } from '../tests/support/browser.ts';
import { gateway } from '../tests/support/test-gateway.ts';

const folder = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
const PAGE = `${gateway}/vi/mail/gioi-han.html`;
const HOME = `${gateway}/vi/index.html`;
const OPEN = 'Nhập sai mật khẩu mấy lần thì bị khoá?';
const QUESTION = 'Hạn mức gửi thư mỗi ngày được tính thế nào?';
const token = process.env.HOIDAP_TEST_ADMIN_TOKEN ?? '';

const browser = await launch();
for (const size of Object.keys(SIZES) as Size[]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    const visit = await visitor(browser, size, { colorScheme, reducedMotion: 'reduce', deviceScaleFactor: 1 });
    await widget(visit, `${colorScheme}-${size}`);
    if (token !== '') await dashboard(visit, `${colorScheme}-${size}`);
    await visit.close();
  }
}
await browser.close();

async function widget(visit: Visitor, name: string): Promise<void> {
  await visit.open(PAGE);
  if (name === 'light-desktop') await save(visit, 'widget-greeting');
  await visit.ask(QUESTION);
  await visit.answered();
  await save(visit, `widget-${name}`);
  await visit.turn.locator('.cite').first().click();
  await visit.page.locator('.passage').waitFor();
  if (!name.startsWith('light')) return;
  await save(visit, `widget-passage-${name}`);
  await visit.page.keyboard.press('Escape');
  await visit.page.getByRole('button', { name: 'Cuộc trò chuyện mới' }).click();
  await visit.page.goto(HOME);
  await visit.field.waitFor({ state: 'visible' });
  await visit.ask(OPEN);
  await visit.answered();
  await save(visit, `widget-choices-${name}`);
}

async function dashboard(visit: Visitor, name: string): Promise<void> {
  await visit.context.request.post(`${gateway}/dashboard/login`, { data: { token } });
  await visit.page.goto(`${gateway}/dashboard`);
  await visit.page.locator('canvas').first().waitFor();
  await visit.page.setViewportSize({ width: visit.page.viewportSize()?.width ?? 1280, height: 1500 });
  await visit.page.waitForLoadState('networkidle');
  await save(visit, `dashboard-${name}`);
}

async function save(visit: Visitor, name: string): Promise<void> {
  await visit.page.screenshot({ path: `${folder}${name}.png` });
  console.log(`docs/images/${name}.png`);
}
