import { describe, expect, it } from 'vitest';

import { DEFAULT_VIEW, parseViewState, isSameList, formatViewState } from './view-state.ts';

describe('the view', () => {
  it('survives a round trip through the URL', () => {
    for (const hash of [
      '#',
      '#search=m%E1%BA%ADt+kh%E1%BA%A9u&kind=visible&order=time&part=3',
      '#first=retriever&aspect=answer&judged=worse&intent=how_to&product=a%26b&language=vi',
      '#job=0193-1',
    ]) {
      expect(formatViewState(parseViewState(hash))).toBe(hash);
    }
  });

  it('falls back to the defaults for an invalid URL', () => {
    expect(parseViewState('')).toEqual(DEFAULT_VIEW);
    expect(parseViewState('#order=sideways&part=-4&nonsense=1')).toEqual(DEFAULT_VIEW);
    expect(parseViewState('#part=many')).toEqual(DEFAULT_VIEW);
  });

  it('knows the same list by all but the open job', () => {
    expect(isSameList(DEFAULT_VIEW, { ...DEFAULT_VIEW, job: 'a' })).toBe(true);
    expect(isSameList(DEFAULT_VIEW, { ...DEFAULT_VIEW, part: 2 })).toBe(false);
  });
});
