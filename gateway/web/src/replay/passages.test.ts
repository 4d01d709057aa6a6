import { expect, it } from 'vitest';

import { rankChange } from './passages.ts';
import type { Passage } from './types.ts';

const found = (...chunks: string[]): Passage[] =>
  chunks.map((chunk) => ({ chunk, collection: '', title: '', headings: [], url: '', source: '', score: 1 }));

it('says what changed for a passage', () => {
  const [before, after] = [found('a', 'b', 'c', 'd'), found('c', 'b', 'e', 'a')];
  expect(rankChange('a', before, after)).toEqual({ kind: 'moved', by: -3, to: 4 });
  expect(rankChange('b', before, after)).toEqual({ kind: 'kept' });
  expect(rankChange('c', before, after)).toEqual({ kind: 'moved', by: 2, to: 1 });
  expect(rankChange('d', before, after)).toEqual({ kind: 'lost' });
  expect(rankChange('e', before, after)).toEqual({ kind: 'gained' });
});
