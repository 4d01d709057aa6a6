import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

import { REPLAY_MARKER, REPLAY_PAGE, replayPage } from '../../build/replay.ts';

it('is what the worker holds; `npm run build:replay` rebuilds it', async () => {
  const built = await replayPage();
  const kept = await readFile(REPLAY_PAGE, 'utf8');
  expect(built === kept, 'workers/workbench/src/replay/page.html is not what the sources give').toBe(true);
  expect(kept.split(REPLAY_MARKER)).toHaveLength(2);
}, 60_000);

it('is self-contained', async () => {
  const page = await readFile(REPLAY_PAGE, 'utf8');
  expect(page).not.toMatch(/<(script|link|img)[^>]+(src|href)="(?!data:)/);
  expect(page).not.toMatch(/sourceMappingURL|@import|url\(/);
});
