//! Recognises messages that ask nothing (thanks, greetings, "ok"), and requests for a person.

use std::collections::HashMap;

use hoidap_shared::text::{fold, has_vietnamese_marks};

use super::word_counts::lower_words;
use crate::vietnamese::tone_marks::canonical_spelling;

const PHRASE_LIST: &str = include_str!("small_talk.txt");

/// Words after which a short "no" is still an answer, not a question.
const WORDS_BEFORE_NO: [&str; 5] = ["dạ", "vâng", "thôi", "ừ", "thưa"];

/// The role of a phrase in a sentence; see `small_talk.txt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PhraseRole {
    Says,
    EvenAsked,
    First,
    Beside,
    Person,
    Wish,
}

/// A message that asks nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NonQuestion {
    /// Thanks, a greeting, agreement, or a farewell.
    SmallTalk,
    /// A request for a person.
    HumanRequest,
}

/// A phrase: its words with diacritics and without.
#[derive(Clone, Debug)]
struct Phrase {
    role: PhraseRole,
    spelled: Vec<String>,
    folded: Vec<String>,
}

/// The known phrases, by their first word without diacritics.
#[derive(Clone, Debug)]
pub(super) struct SmallTalkPhrases {
    by_first: HashMap<String, Vec<Phrase>>,
}

/// What the phrases up to a word cover and say.
#[derive(Clone, Copy, Debug, Default)]
struct PhraseCoverage {
    covered: bool,
    is_small_talk: bool,
    asks_for_person: bool,
    has_wish: bool,
}

impl Default for SmallTalkPhrases {
    fn default() -> Self {
        let mut by_first: HashMap<String, Vec<Phrase>> = HashMap::new();
        for line in PHRASE_LIST.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, phrases)) = line.split_once(": ") else { continue };
            let role = match name {
                "says" => PhraseRole::Says,
                "even asked" => PhraseRole::EvenAsked,
                "first" => PhraseRole::First,
                "person" => PhraseRole::Person,
                "wish" => PhraseRole::Wish,
                _ => PhraseRole::Beside,
            };
            for phrase in phrases.split('|') {
                let words: Vec<String> = lower_words(phrase).collect();
                let spelled: Vec<String> =
                    words.iter().map(|word| squeeze_repeats(&canonical_spelling(word))).collect();
                let folded: Vec<String> = words.iter().map(|word| squeeze_repeats(&fold(word))).collect();
                let Some(first) = folded.first().cloned() else { continue };
                by_first.entry(first).or_default().push(Phrase { role, spelled, folded });
            }
        }
        Self { by_first }
    }
}

impl SmallTalkPhrases {
    /// Classifies a message that asks nothing; `None` for others. A message without words, such as a thumbs-up, is small talk.
    pub(super) fn classify(&self, text: &str) -> Option<NonQuestion> {
        let words: Vec<String> = lower_words(&text.replace('’', "'")).collect();
        if words.is_empty() {
            return (!text.trim().is_empty()).then_some(NonQuestion::SmallTalk);
        }
        let is_question = text.trim_end().ends_with('?');
        let whole = *self.coverage(&words, is_question).last()?;
        match whole {
            PhraseCoverage { covered: true, asks_for_person: true, .. } => Some(NonQuestion::HumanRequest),
            PhraseCoverage { covered: true, is_small_talk: true, has_wish: false, .. } => {
                Some(NonQuestion::SmallTalk)
            }
            _ => None,
        }
    }

    /// Whether a text consists of known phrases only, or is empty.
    pub(super) fn is_only_filler(&self, text: &str) -> bool {
        let words: Vec<String> = lower_words(text).collect();
        self.coverage(&words, false).last().is_some_and(|coverage| coverage.covered)
    }

    /// The text after leading thanks and greetings that end with punctuation; the whole text when nothing would be left.
    pub(super) fn without_greeting<'a>(&self, text: &'a str) -> &'a str {
        let mut rest = text;
        for (at, mark) in text.char_indices().filter(|(_, c)| matches!(c, ',' | '.' | '!' | ';' | ':')) {
            let (before, after) = (&text[..at], text[at + mark.len_utf8()..].trim_start());
            if after.chars().any(char::is_alphanumeric)
                && self.classify(before) == Some(NonQuestion::SmallTalk)
            {
                rest = after;
            }
        }
        rest
    }

    /// For each number of leading words: whether phrases cover them without a gap, and what they say.
    fn coverage(&self, words: &[String], is_question: bool) -> Vec<PhraseCoverage> {
        let typed: Vec<(String, String, bool)> = words
            .iter()
            .map(|word| {
                (
                    squeeze_repeats(&canonical_spelling(word)),
                    squeeze_repeats(&fold(word)),
                    has_vietnamese_marks(word),
                )
            })
            .collect();
        let mut coverage = vec![PhraseCoverage::default(); words.len() + 1];
        coverage[0].covered = true;
        for at in 0..words.len() {
            if !coverage[at].covered {
                continue;
            }
            let begins = at == 0
                || WORDS_BEFORE_NO
                    .iter()
                    .any(|word| typed[at - 1].0 == squeeze_repeats(&canonical_spelling(word)));
            for phrase in self.by_first.get(&typed[at].1).into_iter().flatten() {
                let end = at + phrase.spelled.len();
                let matches = end <= typed.len()
                    && typed[at..end].iter().zip(phrase.spelled.iter().zip(&phrase.folded)).all(
                        |((spelled, folded, marked), (known, bare))| {
                            spelled == known || (!marked && folded == bare)
                        },
                    );
                if matches {
                    coverage[end] = coverage[end].with(coverage[at], phrase.role, is_question, begins);
                }
            }
        }
        coverage
    }
}

impl PhraseCoverage {
    /// Extends `before` by a phrase. Of two covers of the same words, the more meaningful one is kept.
    fn with(self, before: Self, role: PhraseRole, is_question: bool, begins: bool) -> Self {
        let says = match role {
            PhraseRole::Says => !is_question,
            PhraseRole::EvenAsked => true,
            PhraseRole::First => begins && !is_question,
            PhraseRole::Beside | PhraseRole::Person | PhraseRole::Wish => false,
        };
        let fits = role != PhraseRole::First || begins;
        if !fits {
            return self;
        }
        let way = Self {
            covered: true,
            is_small_talk: before.is_small_talk || says,
            asks_for_person: before.asks_for_person || role == PhraseRole::Person,
            has_wish: before.has_wish || role == PhraseRole::Wish,
        };
        let worth = |coverage: Self| {
            (
                coverage.covered,
                coverage.asks_for_person,
                coverage.is_small_talk && !coverage.has_wish,
                !coverage.has_wish,
                coverage.is_small_talk,
            )
        };
        if worth(way) > worth(self) { way } else { self }
    }
}

/// Reduces repeated letters to one: "okkkk", "thanksss".
fn squeeze_repeats(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    letters.dedup();
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_nothing_is_small_talk() {
        let phrases = SmallTalkPhrases::default();
        for text in [
            "Thanks!",
            "Ok",
            "vâng",
            "vang a",
            "cảm ơn bạn nhé",
            "cam on shop nhieu",
            "tks",
            "dạ",
            "👍",
            "👍👍 :)",
            "bye",
            "no",
            "không cần nữa",
            "ko cần nữa",
            "okkkk",
            "Thank you so much!",
            "great, thanks",
            "dạ không ạ",
            "được rồi",
            "đúng rồi ạ",
            "alo?",
            "Thế à?",
            "no thanks, that's all",
            "Dạ em cảm ơn anh",
            "thôi không cần nữa, cảm ơn",
            "hihi",
            "ờ",
            "Cảm ơn shop đã hỗ trợ nhiệt tình",
            "got it, bye",
        ] {
            assert_eq!(phrases.classify(text), Some(NonQuestion::SmallTalk), "{text}");
        }
    }

    #[test]
    fn a_wish_for_a_person_is_seen() {
        let phrases = SmallTalkPhrases::default();
        for text in [
            "gặp người thật",
            "gap nguoi that",
            "tôi muốn nói chuyện với nhân viên",
            "cho mình gặp tư vấn viên với ạ",
            "talk to a human",
            "Can I speak to someone?",
            "human please",
            "I'd like to talk to a real person, thanks",
            "kết nối nhân viên hỗ trợ giúp em",
            "Có nhân viên nào đang trực không?",
        ] {
            assert_eq!(phrases.classify(text), Some(NonQuestion::HumanRequest), "{text}");
        }
    }

    #[test]
    fn what_asks_something_is_neither() {
        let phrases = SmallTalkPhrases::default();
        for text in [
            "được không?",
            "dc k",
            "ok không",
            "thật không?",
            "có không?",
            "bao nhiêu?",
            "Cảm ơn, máy S2 giá bao nhiêu?",
            "why?",
            "Thẻ nội địa có được không?",
            "and the filter?",
            "tốt không",
            "Làm sao thêm nhân viên vào nhóm?",
            "nhân viên làm việc mấy giờ",
            "How do I add a manager?",
            "còn gì nữa không?",
            "what does it cost",
            "",
        ] {
            assert_eq!(phrases.classify(text), None, "{text}");
        }
    }

    #[test]
    fn thanks_before_a_question_are_no_part_of_it() {
        let phrases = SmallTalkPhrases::default();
        assert_eq!(phrases.without_greeting("Ok cảm ơn, còn bảo hành thì sao?"), "còn bảo hành thì sao?");
        assert_eq!(phrases.without_greeting("Thanks! And the price?"), "And the price?");
        assert_eq!(phrases.without_greeting("Máy S2, bao nhiêu?"), "Máy S2, bao nhiêu?");
        assert_eq!(phrases.without_greeting("Thanks!"), "Thanks!");
    }
}
