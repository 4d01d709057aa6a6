import { describe, expect, it } from 'vitest';

import { excerpt, fold, highlight, searchTerms } from './text-search.ts';

describe('folding', () => {
  it('takes case and Vietnamese diacritics away', () => {
    expect(fold('Mật khẩu ĐÚNG, ưu đãi, thuở, ngữ')).toBe('mat khau dung, uu dai, thuo, ngu');
    expect(fold('Mật'.normalize('NFD'))).toBe('mat');
    expect(searchTerms('  Mật   KHẨU ')).toEqual(['mat', 'khau']);
  });
});

describe('marks', () => {
  const shown = (text: string, search: string) =>
    highlight(text, searchTerms(search))
      .map(({ text, hit }) => (hit ? `[${text}]` : text))
      .join('');

  it('are where the words are, and lose no letter', () => {
    expect(shown('Quên mật khẩu thì sao?', 'mat khau')).toBe('Quên [mật] [khẩu] thì sao?');
    expect(shown('Đăng nhập, đăng xuất', 'dang')).toBe('[Đăng] nhập, [đăng] xuất');
    expect(shown('mật khẩu'.normalize('NFD'), 'khau')).toBe('mật [khẩu]'.normalize('NFD'));
    expect(shown('😀 mật', 'mat')).toBe('😀 [mật]');
    expect(shown('Không có', 'mat')).toBe('Không có');
    expect(shown('Không có', '')).toBe('Không có');
    expect(shown('', 'mat')).toBe('');
  });

  it('stand in an excerpt of a long text', () => {
    const text = `${'chữ '.repeat(50)}mật khẩu ${'chữ '.repeat(50)}`;
    const part = excerpt(text, ['khau']);
    expect(part).toContain('mật khẩu');
    expect(part?.length).toBeLessThan(130);
    expect(part?.startsWith('…chữ')).toBe(true);
    expect(excerpt(text, ['hoa'])).toBeUndefined();
  });
});
