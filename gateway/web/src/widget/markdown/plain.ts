import { parseBlocks } from './blocks.ts';
import { type Inline, parseInline } from './inline.ts';

/** Stands for a citation until it is removed with the space before it. */
const CITATION_PLACEHOLDER = '\uE000';

/** The text without markup and citations, for copying and screen readers. */
export function plainText(markdown: string): string {
  const blocks = parseBlocks(markdown).map((block) => {
    if (block.kind === 'code') return block.text;
    if (block.kind !== 'list') return inlineText(parseInline(block.text));
    return block.items
      .map((item, index) => `${block.ordered ? `${block.start + index}.` : '-'} ${inlineText(parseInline(item))}`)
      .join('\n');
  });
  return blocks.join('\n\n');
}

function inlineText(pieces: Inline[]): string {
  const words = pieces.map((piece) => {
    if (piece.kind === 'citation') return CITATION_PLACEHOLDER;
    if (piece.kind === 'break') return '\n';
    return 'children' in piece ? inlineText(piece.children) : piece.text;
  });
  return words.join('').replace(new RegExp(` *${CITATION_PLACEHOLDER}`, 'g'), '');
}
