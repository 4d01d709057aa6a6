import { el } from '../view/dom.ts';
import { type Block, parseBlocks } from './blocks.ts';
import { type Inline, parseInline } from './inline.ts';

/** Renders `[n]`, or returns `null` if there is no such citation. */
export type CitationRenderer = (n: number) => Node | null;

/** Shows a growing text; unchanged blocks keep their nodes. */
export class MarkdownView {
  readonly element = el('div', { class: 'text' });
  private shown: { key: string; node: HTMLElement }[] = [];

  constructor(private readonly citation: CitationRenderer) {}

  /** Shows the text. `version` identifies the citations it depends on. */
  show(text: string, version: string): void {
    const blocks = parseBlocks(text);
    const next = blocks.map((block, index) => {
      const key = `${version} ${block.kind} ${block.key}`;
      const old = this.shown[index];
      return old?.key === key ? old : { key, node: renderBlock(block, this.citation) };
    });
    this.shown.slice(next.length).forEach(({ node }) => {
      node.remove();
    });
    next.forEach(({ node }, index) => {
      const old = this.shown[index]?.node;
      if (old === undefined) this.element.append(node);
      else if (old !== node) old.replaceWith(node);
    });
    this.shown = next;
  }
}

function renderBlock(block: Block, citation: CitationRenderer): HTMLElement {
  const inline = (text: string) => renderInline(parseInline(text), citation);
  switch (block.kind) {
    case 'paragraph':
      return el('p', {}, ...inline(block.text));
    case 'heading':
      return el('p', {}, el('strong', {}, ...inline(block.text)));
    case 'code':
      return el('pre', { tabindex: '0' }, el('code', {}, block.text));
    case 'list': {
      const items = block.items.map((item) => el('li', {}, ...inline(item)));
      if (!block.ordered) return el('ul', {}, ...items);
      return el('ol', { start: String(block.start) }, ...items);
    }
  }
}

function renderInline(pieces: Inline[], citation: CitationRenderer): Node[] {
  return pieces.map((piece) => {
    switch (piece.kind) {
      case 'text':
        return document.createTextNode(piece.text);
      case 'break':
        return el('br');
      case 'code':
        return el('code', {}, piece.text);
      case 'strong':
      case 'em':
        return el(piece.kind, {}, ...renderInline(piece.children, citation));
      case 'link':
        return renderLink(piece.href, piece.text);
      case 'citation':
        return citation(piece.n) ?? document.createTextNode(`[${piece.n}]`);
    }
  });
}

/** A link that shows its host, because its text may be misleading. */
function renderLink(href: string, text: string): HTMLElement {
  const { host } = new URL(href);
  const words = text === '' ? host : text;
  const link = el('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, words);
  if (!words.includes(host)) link.append(el('span', { class: 'host' }, ` (${host})`));
  return link;
}
