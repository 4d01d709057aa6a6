//! The words of a question that can be quoted back to the visitor.

use std::collections::HashMap;

use hoidap_indices::Analyser;
use hoidap_shared::{
    job::{Question, Sender},
    text::{fold, normalise},
};

/// Longest word, in characters. Anything longer is not a word.
const MAX_WORD_CHARS: usize = 24;
/// Most digits in adjacent words. More may be a phone number, a card number or a date of birth.
const MAX_ADJACENT_DIGITS: usize = 4;

/// Function words that may stand inside a topic. Other function words end it.
pub(super) const INNER_WORDS: &str = " a an the of in on at to from for with without by as into about and or my our your their its this that these those \
    của và với cho ở ra vào làm một các những này đó hoặc ";
/// Words by which visitors address the site, or say that they are asking.
pub(super) const ADDRESS_WORDS: &str = " hi hello hey please kindly ask asking wondering wonder know question help \
    em anh chị shop ad admin bên hỏi xin ơi dạ vâng thưa nhé nha nhỉ ạ giúp giùm biết ";

/// A word of a question.
pub(super) struct TopicWord {
    /// As the visitor typed it.
    pub(super) shown: String,
    /// As the classifier read it.
    pub(super) read: String,
    /// Whether it is a content word.
    pub(super) content: bool,
    /// Whether it directly follows the word before it.
    pub(super) joined: bool,
}

/// How the visitor typed each word, keyed by its folded form, latest first.
pub(super) fn spellings(question: &Question) -> HashMap<String, Vec<&str>> {
    let earlier = question.history.iter().rev().filter(|turn| turn.sender == Sender::User);
    let texts = [question.message.as_str()].into_iter().chain(earlier.map(|turn| turn.content.as_str()));
    let mut typed: HashMap<String, Vec<&str>> = HashMap::new();
    for word in texts.flat_map(str::split_whitespace).map(trim_punctuation).filter(|word| is_plain(word)) {
        typed.entry(fold(word)).or_default().push(word);
    }
    typed
}

/// The word as the visitor typed it: an exact match first, then one with other diacritics.
fn as_typed(word: &str, typed: &HashMap<String, Vec<&str>>) -> String {
    let spellings = typed.get(&fold(word)).map_or(&[][..], Vec::as_slice);
    let exact = spellings.iter().find(|typed| normalise(typed) == word);
    let same = spellings.iter().find(|typed| normalise(typed).to_lowercase() == word.to_lowercase());
    exact.or(same).or(spellings.first()).map_or_else(|| word.to_string(), |typed| normalise(typed))
}

/// A word without surrounding punctuation.
pub(super) fn trim_punctuation(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

/// The words of a text that can be quoted. Anything else, and the end of a clause, separates them.
pub(super) fn words(text: &str, typed: &HashMap<String, Vec<&str>>, analyser: &Analyser) -> Vec<TopicWord> {
    let text = normalise(text);
    let pieces: Vec<&str> = text.split_whitespace().collect();
    let is_private = are_private(&pieces);
    let mut words = Vec::new();
    let mut joined = false;
    for (piece, private) in pieces.into_iter().zip(is_private) {
        let (word, lower) = (trim_punctuation(piece), trim_punctuation(piece).to_lowercase());
        let is = |list: &str| list.contains(&format!(" {lower} "));
        let content = !is(ADDRESS_WORDS)
            && !is_contraction(&lower, analyser)
            && !analyser.content(&lower).folded.is_empty();
        if private || !is_plain(word) || !(content || is(INNER_WORDS) || is(ADDRESS_WORDS)) {
            joined = false;
            continue;
        }
        let begins = piece.starts_with(word);
        words.push(TopicWord {
            shown: as_typed(word, typed),
            read: word.into(),
            content,
            joined: joined && begins,
        });
        joined = piece.ends_with(word);
    }
    words
}

/// Whether a word consists of letters, digits, hyphens and apostrophes. Markdown and HTML do not interpret these.
fn is_plain(word: &str) -> bool {
    let sign = |c: char| matches!(c, '-' | '\'' | '’');
    let count = word.chars().count();
    (1..=MAX_WORD_CHARS).contains(&count) && word.chars().all(|c| c.is_alphanumeric() || sign(c))
}

/// Whether a word is a contraction of function words, such as "we're" or "isn't".
fn is_contraction(word: &str, analyser: &Analyser) -> bool {
    let parts = word.split_once(['\'', '’']);
    parts.is_some_and(|(first, rest)| rest == "t" || analyser.content(first).folded.is_empty())
}

/// For each piece, whether it belongs to a long run of digits.
fn are_private(pieces: &[&str]) -> Vec<bool> {
    let digits = |piece: &&str| piece.chars().filter(|c| c.is_numeric()).count();
    let mut private = Vec::with_capacity(pieces.len());
    for row in pieces.chunk_by(|a, b| (digits(a) > 0) == (digits(b) > 0)) {
        let many = row.iter().map(digits).sum::<usize>() > MAX_ADJACENT_DIGITS;
        private.extend(row.iter().map(|_| many));
    }
    private
}
