import { describe, expect, it } from 'vitest';

import { EVERYTHING, readChoice, sameList, writeChoice } from './view-state.ts';

describe('the choice', () => {
  it('survives the address', () => {
    for (const hash of [
      '#',
      '#search=m%E1%BA%ADt+kh%E1%BA%A9u&kind=visible&order=time&part=3',
      '#first=retriever&aspect=answer&judged=worse&intent=how_to&product=a%26b&language=vi',
      '#job=0193-1',
    ]) {
      expect(writeChoice(readChoice(hash))).toBe(hash);
    }
  });

  it('is everything when the address makes no sense', () => {
    expect(readChoice('')).toEqual(EVERYTHING);
    expect(readChoice('#order=sideways&part=-4&nonsense=1')).toEqual(EVERYTHING);
    expect(readChoice('#part=many')).toEqual(EVERYTHING);
  });

  it('knows the same list by all but the open job', () => {
    expect(sameList(EVERYTHING, { ...EVERYTHING, job: 'a' })).toBe(true);
    expect(sameList(EVERYTHING, { ...EVERYTHING, part: 2 })).toBe(false);
  });
});
