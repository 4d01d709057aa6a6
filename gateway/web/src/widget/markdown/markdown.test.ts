import { describe, expect, it } from 'vitest';

import { parseBlocks } from './blocks.ts';
import { parseInline } from './inline.ts';
import { plainText } from './plain.ts';

describe('running text', () => {
  it('knows bold, italic, code, links and citations', () => {
    expect(parseInline('**Gói _Pro_**: `0 đ` [1], [giá](https://site.example/gia)')).toEqual([
      {
        kind: 'strong',
        children: [
          { kind: 'text', text: 'Gói ' },
          { kind: 'em', children: [{ kind: 'text', text: 'Pro' }] },
        ],
      },
      { kind: 'text', text: ': ' },
      { kind: 'code', text: '0 đ' },
      { kind: 'text', text: ' ' },
      { kind: 'citation', n: 1 },
      { kind: 'text', text: ', ' },
      { kind: 'link', href: 'https://site.example/gia', text: 'giá' },
    ]);
  });

  it('takes HTML, images and links that lead nowhere safe for text', () => {
    for (const [said, shown] of [
      ['<script>alert(1)</script>', '<script>alert(1)</script>'],
      ['<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
      ['![chart](https://site.example/a.png)', 'chart'],
      ['[here](javascript:alert%281%29)', 'here'],
      ['[here](data:text/html,hello)', 'here'],
    ]) {
      expect(parseInline(said ?? '')).toEqual([{ kind: 'text', text: shown }]);
    }
  });

  it('ends an address before the mark that ends the sentence', () => {
    expect(parseInline('Xem https://site.example/a.')).toEqual([
      { kind: 'text', text: 'Xem ' },
      { kind: 'link', href: 'https://site.example/a', text: 'https://site.example/a' },
      { kind: 'text', text: '.' },
    ]);
  });

  it('leaves marks that nothing closes, and those within a word, as they are', () => {
    for (const text of ['2 * 3 * 4', 'half **bold', 'snake_case_name', '`open', '[1', '[a](b']) {
      expect(parseInline(text)).toEqual([{ kind: 'text', text }]);
    }
  });

  it('keeps every character of a text made of marks, however long', () => {
    for (const mark of ['**a ', ' _', '[a](', '![']) {
      const text = `x${mark.repeat(20_000)}x`;
      expect(plainText(text) === text, mark).toBe(true);
    }
  });
});

describe('blocks', () => {
  it('cuts a text into paragraphs, headings, lists and code', () => {
    const blocks = parseBlocks('# Giá\n\nHai gói:\n- một\n- hai\n\n3. ba\n4. bốn\n\n```sh\nls -l\n```\nxong');
    expect(blocks).toMatchObject([
      { kind: 'heading', text: 'Giá' },
      { kind: 'paragraph', text: 'Hai gói:' },
      { kind: 'list', ordered: false, start: 1, items: ['một', 'hai'] },
      { kind: 'list', ordered: true, start: 3, items: ['ba', 'bốn'] },
      { kind: 'code', text: 'ls -l' },
      { kind: 'paragraph', text: 'xong' },
    ]);
  });

  it('shows an unfinished code block', () => {
    expect(parseBlocks('```\nls')).toMatchObject([{ kind: 'code', text: 'ls' }]);
  });

  it('gives a block that did not change the same key while the text grows', () => {
    const [before] = parseBlocks('Một câu.\n\nCâu h');
    const [after] = parseBlocks('Một câu.\n\nCâu hai.');
    expect(after).toEqual(before);
  });
});

describe('the text that is copied and read out', () => {
  it('has no marks and no citations', () => {
    expect(plainText('**Pro** costs `39.000 đ` [1].\n\n1. sign in\n2. pay [2]')).toBe(
      'Pro costs 39.000 đ.\n\n1. sign in\n2. pay',
    );
  });
});
