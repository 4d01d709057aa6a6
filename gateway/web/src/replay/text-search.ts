const COMBINING_MARKS = /\p{M}/gu;

/** A text in lower case without diacritics: “Mật khẩu Đúng” becomes “mat khau dung”. */
export function fold(text: string): string {
  return text.normalize('NFD').replace(COMBINING_MARKS, '').toLowerCase().replaceAll('đ', 'd');
}

/** The search terms, folded. */
export function searchTerms(search: string): string[] {
  return fold(search).split(/\s+/).filter(Boolean);
}

/** A piece of a text, and whether it matches the search. */
export interface HighlightedPiece {
  text: string;
  hit: boolean;
}

/** Splits a text into pieces that match the search terms and pieces that do not. */
export function highlight(text: string, terms: string[]): HighlightedPiece[] {
  if (terms.length === 0) return [{ text, hit: false }];
  const { folded, offsets } = foldWithOffsets(text);
  const hits = new Uint8Array(text.length);
  for (const term of terms) {
    for (let at = folded.indexOf(term); at >= 0; at = folded.indexOf(term, at + term.length)) {
      hits.fill(1, offsets[at], offsets[at + term.length] ?? text.length);
    }
  }
  const pieces: HighlightedPiece[] = [];
  let from = 0;
  for (let at = 1; at <= text.length; at += 1) {
    if (at < text.length && hits[at] === hits[from]) continue;
    pieces.push({ text: text.slice(from, at), hit: hits[from] === 1 });
    from = at;
  }
  return pieces;
}

/** A few words around the first hit in a text, or `undefined` if there is none. */
export function excerpt(text: string, terms: string[], around = 70): string | undefined {
  const { folded, offsets } = foldWithOffsets(text);
  const first = terms.map((term) => folded.indexOf(term)).filter((at) => at >= 0);
  if (first.length === 0) return undefined;
  const hit = offsets[Math.min(...first)] ?? 0;
  const from = Math.max(0, text.lastIndexOf(' ', Math.max(0, hit - around / 2)) + 1);
  const to = Math.min(text.length, hit + around);
  return `${from > 0 ? '…' : ''}${text.slice(from, to)}${to < text.length ? '…' : ''}`;
}

/** A text folded letter by letter, with the offset of each folded letter in the original. */
function foldWithOffsets(text: string): { folded: string; offsets: number[] } {
  const offsets: number[] = [];
  let folded = '';
  let at = 0;
  for (const letter of text) {
    const plain = fold(letter);
    offsets.push(...new Array<number>(plain.length).fill(at));
    folded += plain;
    at += letter.length;
  }
  offsets.push(at);
  return { folded, offsets };
}
