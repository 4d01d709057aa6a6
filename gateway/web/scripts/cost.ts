// What the widget costs the page it is put on: `npm run cost`, against a running Hoidap (HOIDAP_TEST_URL).
import { readdir, readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { violations } from '../tests/support/axe.ts';
import { launch, visitor } from '../tests/support/browser.ts';
import { Host } from '../tests/support/host.ts';

/** The CPU slowdown of the simulated visitor. */
const SLOWER = 4;
/** Runs in the page first; a string, so that it needs no helpers of the compiler. */
const WATCH = `
  window.figures = { largestPaint: 0, shift: 0, blocked: 0 };
  const watch = (type, take) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
  watch('largest-contentful-paint', (entry) => (figures.largestPaint = entry.startTime));
  watch('layout-shift', (entry) => (figures.shift += entry.value));
  watch('longtask', (entry) => (figures.blocked += Math.max(0, entry.duration - 50)));
`;
/** Loads of each page; the median counts. */
const LOADS = 5;
const dist = fileURLToPath(new URL('../dist/', import.meta.url));

await sizes();
const [browser, host] = [await launch(), await Host.start()];
await axe(browser, host);
await loads(browser, host);
await Promise.all([browser.close(), host.stop()]);

async function sizes(): Promise<void> {
  const assets = (await readdir(`${dist}assets`)).filter((name) => /^widget-.*\.(js|css)$/.test(name));
  const files = ['widget.js', ...assets.map((name) => `assets/${name}`)];
  const total = { raw: 0, gzip: 0, brotli: 0 };
  for (const file of files) {
    total.raw += (await readFile(dist + file)).length;
    total.gzip += (await stat(`${dist}${file}.gz`)).size;
    total.brotli += (await stat(`${dist}${file}.br`)).size;
  }
  console.log(
    `size      ${kB(total.raw)}, gzip ${kB(total.gzip)}, brotli ${kB(total.brotli)} in ${String(files.length)} files`,
  );
}

async function axe(browser: Browser, host: Host): Promise<void> {
  const visit = await visitor(browser, 'phone');
  await visit.open(`${host.url}/`);
  await visit.ask('Hạn mức gửi thư mỗi ngày được tính thế nào?');
  await visit.answered();
  const broken = await violations(visit.page);
  console.log(`axe-core  ${String(broken.length)} violations with an answer open`);
  broken.forEach((violation) => {
    console.log(`          ${violation}`);
  });
  await visit.close();
}

interface Load {
  requests: number;
  bytes: number;
  firstPaint: number;
  largestPaint: number;
  shift: number;
  blocked: number;
}

async function loads(browser: Browser, host: Host): Promise<void> {
  console.log(`load      a page at 390 px, the processor ${String(SLOWER)} times slower, median of ${String(LOADS)}`);
  for (const [name, path] of [
    ['without', '/bare'],
    ['with', '/'],
  ] as const) {
    const all: Load[] = [];
    for (let n = 0; n < LOADS; n += 1) all.push(await load(browser, host.url + path));
    const of = (key: keyof Load) => all.map((one) => one[key]).sort((a, b) => a - b)[Math.floor(LOADS / 2)] ?? NaN;
    const times = `first paint ${ms(of('firstPaint'))}, largest ${ms(of('largestPaint'))}, blocked ${ms(of('blocked'))}`;
    const weight = `${String(of('requests'))} requests, ${kB(of('bytes'))}`;
    console.log(`  ${name.padEnd(8)}${weight}, ${times}, layout shift ${of('shift').toFixed(3)}`);
  }
}

async function load(browser: Browser, address: string): Promise<Load> {
  const visit = await visitor(browser, 'phone');
  const cdp = await visit.context.newCDPSession(visit.page);
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
  await cdp.send('Network.enable');
  const seen = { requests: 0, bytes: 0 };
  cdp.on('Network.requestWillBeSent', () => (seen.requests += 1));
  cdp.on('Network.loadingFinished', ({ encodedDataLength }) => (seen.bytes += encodedDataLength));
  await visit.page.addInitScript({ content: WATCH });
  await visit.page.goto(address);
  await visit.page.waitForTimeout(2_500);
  const figures = await visit.page.evaluate(() => ({
    ...(window as unknown as { figures: Omit<Load, 'requests' | 'bytes' | 'firstPaint'> }).figures,
    firstPaint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
  }));
  await visit.close();
  // Without figures, the page would look free of cost.
  if (seen.bytes === 0 || figures.firstPaint === 0) throw new Error(`no figures of ${address}: was it painted?`);
  return { ...seen, ...figures };
}

function kB(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(0)} ms`;
}
