import { expect, it } from 'vitest';

import { REPLAY_MARKER, replayPage } from '../../build/replay.ts';

it('is self-contained and has one place for the report', async () => {
  const page = await replayPage();
  expect(page.split(REPLAY_MARKER)).toHaveLength(2);
  expect(page).not.toMatch(/<(script|link|img)[^>]+(src|href)="(?!data:)/);
  expect(page).not.toMatch(/sourceMappingURL|@import|url\(/);
}, 60_000);
