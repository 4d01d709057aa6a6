import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

const source = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Waits until what fades in or out has done so: colours are measured as they are painted. */
async function fadesEnd(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const ends = (fade: Animation) => Number.isFinite(Number(fade.effect?.getComputedTiming().endTime));
    await Promise.allSettled(
      document
        .getAnimations()
        .filter(ends)
        .map(async (fade) => fade.finished),
    );
  });
}

/** The rules of axe-core that a page breaks, each with its places. It looks into shadow roots by itself. */
export async function violations(page: Page): Promise<string[]> {
  await fadesEnd(page);
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(await source);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<AxeResults> } };
    return axe.run();
  });
  return found.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(' ')}`);
}
