import { describe, expect, it } from 'vitest';

import { DEFAULT_VIEW, parseViewState, isSameList, formatViewState } from './view-state.ts';

describe('the choice', () => {
  it('survives the address', () => {
    for (const hash of [
      '#',
      '#search=m%E1%BA%ADt+kh%E1%BA%A9u&kind=visible&order=time&part=3',
      '#first=retriever&aspect=answer&judged=worse&intent=how_to&product=a%26b&language=vi',
      '#job=0193-1',
    ]) {
      expect(formatViewState(parseViewState(hash))).toBe(hash);
    }
  });

  it('is everything when the address makes no sense', () => {
    expect(parseViewState('')).toEqual(DEFAULT_VIEW);
    expect(parseViewState('#order=sideways&part=-4&nonsense=1')).toEqual(DEFAULT_VIEW);
    expect(parseViewState('#part=many')).toEqual(DEFAULT_VIEW);
  });

  it('knows the same list by all but the open job', () => {
    expect(isSameList(DEFAULT_VIEW, { ...DEFAULT_VIEW, job: 'a' })).toBe(true);
    expect(isSameList(DEFAULT_VIEW, { ...DEFAULT_VIEW, part: 2 })).toBe(false);
  });
});
