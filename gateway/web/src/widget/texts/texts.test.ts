import { describe, expect, it } from 'vitest';

import { english } from './en.ts';
import { textsFor } from './texts.ts';
import { vietnamese } from './vi.ts';

describe('the texts', () => {
  it.each([
    ['vi', 'vi', vietnamese],
    ['vi-VN', 'vi-VN', vietnamese],
    ['vi_VN', 'vi-VN', vietnamese],
    ['EN-us', 'EN-us', english],
    ['fr', 'en', english],
    ['fr_CA', 'en', english],
  ])('of %s name the language that they are in', (asked, language, texts) => {
    expect(textsFor(asked, {})).toEqual({ language, texts });
  });

  it("of a page's own dictionary are in the language asked for", () => {
    expect(textsFor('fr_CA', { send: 'Envoyer' })).toEqual({
      language: 'fr-CA',
      texts: { ...english, send: 'Envoyer' },
    });
  });
});
