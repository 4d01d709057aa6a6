/** A block of a text. `key` is its source: blocks with the same source look the same. */
export type Block =
  | { kind: 'paragraph' | 'heading' | 'code'; key: string; text: string }
  | { kind: 'list'; key: string; ordered: boolean; start: number; items: string[] };

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}#{1,6}\s+([^]*)$/;
const ITEM = /^\s{0,12}(?:([-*+•])|(\d{1,4})[.)])\s+([^]*)$/;
const QUOTE = /^ {0,3}> ?/;

/** Splits a text into blocks in one pass over its lines. Nested lists are flattened. */
export function parseBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  const lines = text.replace(/\r\n?/g, '\n').split('\n');
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? '';
    if (line.trim() === '') at += 1;
    else if (FENCE.test(line)) at = readFence(lines, at, blocks);
    else if (ITEM.test(line)) at = readList(lines, at, blocks);
    else at = readParagraph(lines, at, blocks);
  }
  return blocks;
}

function readFence(lines: string[], from: number, blocks: Block[]): number {
  const fence = FENCE.exec(lines[from] ?? '')?.[1] ?? '```';
  let to = from + 1;
  while (to < lines.length && !(lines[to] ?? '').trimStart().startsWith(fence)) to += 1;
  const text = lines.slice(from + 1, to).join('\n');
  blocks.push({ kind: 'code', key: `code ${text}`, text });
  return to + 1;
}

function readList(lines: string[], from: number, blocks: Block[]): number {
  const [, bullet, number] = ITEM.exec(lines[from] ?? '') ?? [];
  const ordered = bullet === undefined;
  const items: string[][] = [];
  let to = from;
  for (; to < lines.length; to += 1) {
    const line = lines[to] ?? '';
    const item = ITEM.exec(line);
    if (item !== null) {
      const nested = /^\s{2}/.test(line);
      if (!nested && (item[1] === undefined) !== ordered) break;
      items.push([item[3] ?? '']);
    } else if (line.trim() === '') {
      if (!ITEM.test(lines[to + 1] ?? '')) break;
    } else if (FENCE.test(line) || HEADING.test(line)) break;
    else items.at(-1)?.push(line.trim());
  }
  const key = lines.slice(from, to).join('\n');
  blocks.push({ kind: 'list', key, ordered, start: Number(number ?? 1), items: items.map((item) => item.join('\n')) });
  return to;
}

function readParagraph(lines: string[], from: number, blocks: Block[]): number {
  const heading = HEADING.exec(lines[from] ?? '');
  if (heading !== null) {
    blocks.push({ kind: 'heading', key: lines[from] ?? '', text: heading[1] ?? '' });
    return from + 1;
  }
  let to = from + 1;
  while (to < lines.length && continuesParagraph(lines[to] ?? '')) to += 1;
  const text = lines.slice(from, to).map((line) => line.replace(QUOTE, '').trim());
  blocks.push({ kind: 'paragraph', key: lines.slice(from, to).join('\n'), text: text.join('\n') });
  return to;
}

/** Whether the line continues the paragraph before it. */
function continuesParagraph(line: string): boolean {
  return line.trim() !== '' && !FENCE.test(line) && !ITEM.test(line) && !HEADING.test(line);
}
