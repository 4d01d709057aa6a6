import { toHttpUrl } from '../client/wire.ts';

/** A piece of running text. */
export type Inline =
  | { kind: 'text' | 'code'; text: string }
  | { kind: 'break' }
  | { kind: 'strong' | 'em'; children: Inline[] }
  | { kind: 'link'; href: string; text: string }
  | { kind: 'citation'; n: number };

/** Matches one token at `lastIndex`. Each alternative is bounded and excludes its own opening, so that
 * every text is parsed in linear time. */
const TOKEN = new RegExp(
  [
    String.raw`\\([\\\`*_[\](){}#+\-.!<>|~])`,
    String.raw`(\`{1,2})(?!\`)`,
    String.raw`!?\[([^[\]\n]{0,300})\]\(\s?<?([^()\s<>]{1,2000})>?(?:\s"[^"\n]{0,200}")?\s?\)`,
    String.raw`\[(\d{1,2})\]`,
    String.raw`(https?:\/\/[^\s<>()[\]"'\`*]{1,2000})`,
    String.raw`(\*\*|__|\*|_)`,
    String.raw`(\n)`,
  ].join('|'),
  'y',
);
/** Where a token can begin. */
const TOKEN_START = /[\\`![h*_\n]/g;
const LETTER = /[\p{L}\p{N}]/u;
/** Deepest nesting of bold and italic text. */
const MAX_DEPTH = 6;

interface Frame {
  mark: string;
  children: Inline[];
}

/** Parses the inline text of one paragraph. Everything else stays text, including HTML. */
export function parseInline(text: string): Inline[] {
  const frames: Frame[] = [{ mark: '', children: [] }];
  const unclosedTicks = new Set<string>();
  let at = 0;
  while (at < text.length) {
    TOKEN_START.lastIndex = at;
    const tokenStart = TOKEN_START.exec(text)?.index ?? text.length;
    if (tokenStart > at) appendText(frames, text.slice(at, tokenStart));
    at = tokenStart;
    if (at < text.length) at = readToken(text, at, frames, unclosedTicks);
  }
  while (frames.length > 1) closeUnmatched(frames);
  return frames[0]?.children ?? [];
}

/** Parses the token at `at` and returns the position after it. */
function readToken(text: string, at: number, frames: Frame[], unclosedTicks: Set<string>): number {
  TOKEN.lastIndex = at;
  const token = TOKEN.exec(text);
  if (token === null) {
    appendText(frames, text.charAt(at));
    return at + 1;
  }
  const [whole, escaped, ticks, label, target, cited, address, mark, line] = token;
  const end = at + whole.length;
  const push = (piece: Inline) => frames[frames.length - 1]?.children.push(piece);
  if (escaped !== undefined) appendText(frames, escaped);
  else if (line !== undefined) push({ kind: 'break' });
  else if (cited !== undefined) push({ kind: 'citation', n: Number(cited) });
  else if (ticks !== undefined) return readCode(text, end, ticks, frames, unclosedTicks);
  else if (mark !== undefined) readMark(text, at, end, mark, frames);
  else if (address !== undefined) return readAddress(address, at, frames);
  else if (whole.startsWith('!')) appendText(frames, label ?? '');
  else {
    const href = toHttpUrl(target);
    if (href === null) appendText(frames, label ?? '');
    else push({ kind: 'link', href, text: (label ?? '').trim() });
  }
  return end;
}

function readCode(text: string, from: number, ticks: string, frames: Frame[], unclosedTicks: Set<string>): number {
  const close = unclosedTicks.has(ticks) ? -1 : text.indexOf(ticks, from);
  if (close < 0) {
    unclosedTicks.add(ticks);
    appendText(frames, ticks);
    return from;
  }
  frames[frames.length - 1]?.children.push({ kind: 'code', text: text.slice(from, close).trim() });
  return close + ticks.length;
}

function readAddress(address: string, at: number, frames: Frame[]): number {
  const trimmed = address.replace(/[.,;:!?]{1,9}$/, '');
  const href = toHttpUrl(trimmed);
  if (href === null) appendText(frames, trimmed);
  else frames[frames.length - 1]?.children.push({ kind: 'link', href, text: trimmed });
  return at + trimmed.length;
}

/** Opens or closes bold or italic text; any other mark is plain text. */
function readMark(text: string, at: number, end: number, mark: string, frames: Frame[]): void {
  const before = text.charAt(at - 1);
  const after = text.charAt(end);
  const inWord = mark.startsWith('_') && LETTER.test(before) && LETTER.test(after);
  const open = frames.findLastIndex((frame) => frame.mark === mark);
  if (open > 0 && !inWord && before.trim() !== '') {
    while (frames.length - 1 > open) closeUnmatched(frames);
    const children = frames.pop()?.children ?? [];
    frames[frames.length - 1]?.children.push({ kind: mark.length === 2 ? 'strong' : 'em', children });
  } else if (open < 0 && !inWord && after.trim() !== '' && frames.length <= MAX_DEPTH) {
    frames.push({ mark, children: [] });
  } else appendText(frames, mark);
}

/** Turns the innermost unclosed mark back into text. */
function closeUnmatched(frames: Frame[]): void {
  const frame = frames.pop();
  if (frame === undefined) return;
  appendText(frames, frame.mark);
  const into = frames[frames.length - 1]?.children;
  for (const child of frame.children) {
    if (child.kind === 'text') appendText(frames, child.text);
    else into?.push(child);
  }
}

function appendText(frames: Frame[], text: string): void {
  const children = frames[frames.length - 1]?.children;
  const last = children?.at(-1);
  if (last?.kind === 'text') last.text += text;
  else children?.push({ kind: 'text', text });
}
