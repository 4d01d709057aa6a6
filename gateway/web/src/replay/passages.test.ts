import { expect, it } from 'vitest';

import { moveOf } from './passages.ts';
import type { Found } from './types.ts';

const found = (...chunks: string[]): Found[] =>
  chunks.map((chunk) => ({ chunk, collection: '', title: '', headings: [], url: '', source: '', score: 1 }));

it('tells what became of a passage', () => {
  const [before, after] = [found('a', 'b', 'c', 'd'), found('c', 'b', 'e', 'a')];
  expect(moveOf('a', before, after)).toEqual({ kind: 'moved', by: -3, to: 4 });
  expect(moveOf('b', before, after)).toEqual({ kind: 'kept' });
  expect(moveOf('c', before, after)).toEqual({ kind: 'moved', by: 2, to: 1 });
  expect(moveOf('d', before, after)).toEqual({ kind: 'lost' });
  expect(moveOf('e', before, after)).toEqual({ kind: 'gained' });
});
