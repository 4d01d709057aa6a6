const MARKS = /\p{M}/gu;

/** A text without case and diacritics: “Mật khẩu Đúng” becomes “mat khau dung”. */
export function fold(text: string): string {
  return text.normalize('NFD').replace(MARKS, '').toLowerCase().replaceAll('đ', 'd');
}

/** The words that are searched for. */
export function wordsOf(search: string): string[] {
  return fold(search).split(/\s+/).filter(Boolean);
}

/** A piece of a text, and whether it was searched for. */
export interface Marked {
  text: string;
  hit: boolean;
}

/** Cuts a text where its words are those that are searched for. */
export function mark(text: string, words: string[]): Marked[] {
  if (words.length === 0) return [{ text, hit: false }];
  const { folded, places } = placed(text);
  const hits = new Uint8Array(text.length);
  for (const word of words) {
    for (let at = folded.indexOf(word); at >= 0; at = folded.indexOf(word, at + word.length)) {
      hits.fill(1, places[at], places[at + word.length] ?? text.length);
    }
  }
  const pieces: Marked[] = [];
  let from = 0;
  for (let at = 1; at <= text.length; at += 1) {
    if (at < text.length && hits[at] === hits[from]) continue;
    pieces.push({ text: text.slice(from, at), hit: hits[from] === 1 });
    from = at;
  }
  return pieces;
}

/** A few words around the first hit in a text; none where there is no hit. */
export function excerpt(text: string, words: string[], around = 70): string | undefined {
  const { folded, places } = placed(text);
  const first = words.map((word) => folded.indexOf(word)).filter((at) => at >= 0);
  if (first.length === 0) return undefined;
  const hit = places[Math.min(...first)] ?? 0;
  const from = Math.max(0, text.lastIndexOf(' ', Math.max(0, hit - around / 2)) + 1);
  const to = Math.min(text.length, hit + around);
  return `${from > 0 ? '…' : ''}${text.slice(from, to)}${to < text.length ? '…' : ''}`;
}

/** A text folded letter by letter, with the place in the text of each letter. */
function placed(text: string): { folded: string; places: number[] } {
  const places: number[] = [];
  let folded = '';
  let at = 0;
  for (const letter of text) {
    const plain = fold(letter);
    places.push(...new Array<number>(plain.length).fill(at));
    folded += plain;
    at += letter.length;
  }
  places.push(at);
  return { folded, places };
}
