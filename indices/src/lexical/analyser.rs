use std::collections::{BTreeSet, HashSet};

use frostem::{Algorithm, Stemmer};
use hoidap_shared::text::{fold, has_vietnamese_marks, is_folded_syllable, search_form};
use unicode_segmentation::UnicodeSegmentation;

/// Stop words: words that ask without naming the subject. They are not searched.
const STOP_WORDS: &str = include_str!("stop.txt");

/// The terms of a text, as the lexical index stores and searches them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LexicalTerms {
    /// Words without diacritics. Words that are not Vietnamese syllables are reduced to their English stem.
    pub folded: Vec<String>,
    /// Words with diacritics, as written.
    pub exact: Vec<String>,
    /// Pairs of neighbouring Vietnamese syllables: most Vietnamese words have two.
    pub pairs: Vec<String>,
}

/// Turns texts into terms. The same rules apply to documents and questions, in both languages.
pub struct Analyser {
    english: Stemmer,
    stop: HashSet<&'static str>,
}

impl Default for Analyser {
    fn default() -> Self {
        let stop = STOP_WORDS
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(str::split_whitespace)
            .collect();
        Self { english: Stemmer::new(Algorithm::English), stop }
    }
}

impl Analyser {
    /// All terms of a document's text.
    pub fn document(&self, text: &str) -> LexicalTerms {
        self.analyse(text, &HashSet::new())
    }

    /// The terms of a question without stop words. When nothing is left, all terms.
    pub fn question(&self, text: &str) -> LexicalTerms {
        let analysed = self.content(text);
        if analysed.folded.is_empty() { self.document(text) } else { analysed }
    }

    /// The terms of a text without stop words. It may be empty.
    pub fn content(&self, text: &str) -> LexicalTerms {
        self.analyse(text, &self.stop)
    }

    fn analyse(&self, text: &str, stop: &HashSet<&str>) -> LexicalTerms {
        let mut out = LexicalTerms::default();
        let text = &search_form(text);
        let mut before: Option<(usize, String)> = None;
        let mut compound: Option<(usize, String)> = None;
        for (at, word) in text.unicode_word_indices() {
            let lower = word.to_lowercase();
            let first = compound.replace((at + word.len(), fold(&lower)));
            if let Some((_, first)) = first.filter(|(end, _)| text[*end..at] == *"-")
                && let Some(joined) = joined_compound(&first, &fold(&lower))
            {
                out.folded.push(self.english.stem(&joined).to_string());
            }
            if stop.contains(lower.as_str()) {
                before = None;
                continue;
            }
            let folded = fold(&lower);
            if is_folded_syllable(&folded) {
                if let Some((end, first)) = before.take()
                    && text[end..at].chars().all(char::is_whitespace)
                {
                    out.pairs.push(format!("{first} {folded}"));
                }
                before = Some((at + word.len(), folded.clone()));
                out.folded.push(folded);
            } else {
                before = None;
                self.foreign(&folded, &mut out.folded);
            }
            if has_vietnamese_marks(&lower) {
                out.exact.push(lower);
            }
        }
        out.folded.extend(text.split_whitespace().filter_map(code));
        out
    }

    /// A word of another language, and the parts of a compound name such as `max_connections` or `sources.list`.
    fn foreign(&self, folded: &str, terms: &mut Vec<String>) {
        let parts: Vec<&str> =
            folded.split(['_', '.', '\'', '’', ':']).filter(|part| !part.is_empty()).collect();
        if parts.len() > 1 && !folded.contains(['\'', '’']) {
            terms.push(folded.to_string());
        }
        terms.extend(
            parts.into_iter().filter(|part| *part != "s").map(|part| self.english.stem(part).to_string()),
        );
    }
}

/// The spelling without a hyphen of a compound of two folded words: "wifi" for "Wi-Fi", "email" for "e-mail". `None` for
/// numbers and for two Vietnamese syllables.
fn joined_compound(first: &str, second: &str) -> Option<String> {
    let letters = [first, second].iter().all(|word| word.chars().all(char::is_alphabetic));
    let foreign = !(is_folded_syllable(first) && is_folded_syllable(second));
    (letters && foreign).then(|| format!("{first}{second}"))
}

/// Longest code that becomes a term of its own, in bytes.
const MAX_CODE_BYTES: usize = 40;

/// Punctuation around a code that is not part of it.
const OPENING_MARKS: [char; 10] = ['"', '\'', '(', '[', '{', '“', '‘', '«', '<', '|'];
const CLOSING_MARKS: [char; 15] =
    ['"', '\'', ')', ']', '}', '”', '’', '»', '>', '|', '.', ',', ';', ':', '?'];

/// Signs that a code may contain. Signs that only separate words or sentences are not listed.
const CODE_SIGNS: [char; 15] = ['#', '@', '%', '&', '*', '=', '+', '_', '$', '~', '^', '\\', '/', ':', '!'];

/// A code that people type with its signs, such as `###`, `.bak`, `err:522`, `ctrl+f6` or `--convert-to`: its words alone
/// mean something else, or nothing.
fn code(piece: &str) -> Option<String> {
    let code = piece.trim_start_matches(OPENING_MARKS).trim_end_matches(CLOSING_MARKS);
    let option = code.starts_with('.') || code.starts_with("--");
    let word = code.contains(char::is_alphanumeric);
    let signs = code.contains(CODE_SIGNS) || (option && word);
    (signs && code.len() <= MAX_CODE_BYTES).then(|| fold(&code.to_lowercase()))
}

/// The distinct terms of a question that name its subject.
pub(crate) fn content_terms(analysed: &LexicalTerms) -> BTreeSet<&str> {
    analysed.folded.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diacritics_fold_and_stay() {
        let analysed = Analyser::default().document("Đặt lại mật khẩu");
        assert_eq!(analysed.folded, ["dat", "lai", "mat", "khau"]);
        assert_eq!(analysed.exact, ["đặt", "lại", "mật", "khẩu"]);
        assert_eq!(analysed.pairs, ["dat lai", "lai mat", "mat khau"]);
    }

    #[test]
    fn codes_keep_their_signs() {
        let codes = |text: &str| text.split_whitespace().filter_map(code).collect::<Vec<_>>();
        assert_eq!(codes("ô hiện ### hoặc “Err:522”, rồi Ctrl+F6."), ["###", "err:522", "ctrl+f6"]);
        assert_eq!(codes("đuôi .BAK hay (.odt)? dùng --convert-to"), [".bak", ".odt", "--convert-to"]);
        assert_eq!(codes("chọn _blank & #REF!"), ["_blank", "&", "#ref!"]);
        assert!(codes("e-mail của tôi: 1.000 đồng, don't - nghe nhìn… 12,5").is_empty());
    }

    #[test]
    fn english_words_meet_by_their_stem() {
        let analyser = Analyser::default();
        assert_eq!(
            analyser.document("installing packages").folded,
            analyser.document("installed package").folded
        );
        assert!(analyser.document("set max_connections").folded.contains(&"connect".to_string()));
    }

    #[test]
    fn a_compound_meets_its_spelling_without_a_hyphen() {
        let analyser = Analyser::default();
        for (compound, joined) in [("Wi-Fi", "wifi"), ("e-mails", "email"), ("check-in", "checkin")] {
            assert!(analyser.document(compound).folded.contains(&joined.to_string()), "{compound}");
            assert!(analyser.content(compound).folded.contains(&joined.to_string()), "{compound}");
        }
        assert_eq!(analyser.document("Hà-Nội 2024-25").folded, ["ha", "noi", "2024", "25"]);
    }

    #[test]
    fn look_alikes_and_invisible_marks_make_no_other_term() {
        let analyser = Analyser::default();
        let plain = analyser.document("Đại lý Đà Lạt, đường Đống Đa, mã SL-1010, certificate, 50 m2");
        let copied =
            "Ðại lý Ðà\u{A0}Lạt, ðườ\u{AD}ng Ðống\u{200B} Ða, mã SL\u{2011}1010, certiﬁcаte, 50\u{202F}m²";
        assert_eq!(analyser.document(copied), plain);
    }

    #[test]
    fn a_question_is_its_subject() {
        let analyser = Analyser::default();
        assert_eq!(analyser.question("How do I reset my password?").folded, ["reset", "password"]);
        assert_eq!(analyser.question("Làm thế nào để đổi mật khẩu?").folded, ["doi", "mat", "khau"]);
        assert!(!analyser.question("how do I").folded.is_empty());
    }
}
