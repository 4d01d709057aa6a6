import { parseBlocks } from './blocks.ts';
import { type Inline, parseInline } from './inline.ts';

/** The text without marks and citations, to be read out or copied. */
export function plainText(markdown: string): string {
  const blocks = parseBlocks(markdown).map((block) => {
    if (block.kind === 'code') return block.text;
    if (block.kind !== 'list') return plain(parseInline(block.text));
    return block.items
      .map((item, index) => `${block.ordered ? `${block.start + index}.` : '-'} ${plain(parseInline(item))}`)
      .join('\n');
  });
  return blocks.join('\n\n');
}

function plain(pieces: Inline[]): string {
  const words = pieces.map((piece) => {
    if (piece.kind === 'citation') return '';
    if (piece.kind === 'break') return '\n';
    return 'children' in piece ? plain(piece.children) : piece.text;
  });
  return words.join('').replace(/ +(?=\n|$)/g, '');
}
