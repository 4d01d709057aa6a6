//! Sentences that ask nothing: thanks, greetings, "ok"; and the wish for a person.

use std::collections::HashMap;

use hoidap_shared::text::{fold, has_vietnamese_marks};

use super::{spelling::spelling, words::tokens};

const PHRASES: &str = include_str!("courtesy.txt");

/// Words after which a short "no" still is one, and asks nothing.
const BEFORE_NO: [&str; 5] = ["dạ", "vâng", "thôi", "ừ", "thưa"];

/// What a phrase does in a sentence; see `courtesy.txt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Says,
    EvenAsked,
    First,
    Beside,
    Person,
    Wish,
}

/// What a sentence that asks nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Courtesy {
    /// Thanks, a greeting, agreement, a farewell.
    SmallTalk,
    /// The visitor wants a person.
    Person,
}

/// A phrase: the spellings of its words, with their marks and without.
#[derive(Clone, Debug)]
struct Phrase {
    role: Role,
    spelled: Vec<String>,
    folded: Vec<String>,
}

/// The phrases that ask nothing, by their first word without diacritics.
#[derive(Clone, Debug)]
pub(super) struct Phrases {
    by_first: HashMap<String, Vec<Phrase>>,
}

/// What the words up to some place have said.
#[derive(Clone, Copy, Debug, Default)]
struct So {
    far: bool,
    says: bool,
    person: bool,
    wish: bool,
}

impl Default for Phrases {
    fn default() -> Self {
        let mut by_first: HashMap<String, Vec<Phrase>> = HashMap::new();
        for line in PHRASES.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, phrases)) = line.split_once(": ") else { continue };
            let role = match name {
                "says" => Role::Says,
                "even asked" => Role::EvenAsked,
                "first" => Role::First,
                "person" => Role::Person,
                "wish" => Role::Wish,
                _ => Role::Beside,
            };
            for phrase in phrases.split('|') {
                let words: Vec<String> = tokens(phrase).collect();
                let spelled: Vec<String> = words.iter().map(|word| squeezed(&spelling(word))).collect();
                let folded: Vec<String> = words.iter().map(|word| squeezed(&fold(word))).collect();
                let Some(first) = folded.first().cloned() else { continue };
                by_first.entry(first).or_default().push(Phrase { role, spelled, folded });
            }
        }
        Self { by_first }
    }
}

impl Phrases {
    /// What the sentence is, if it asks nothing. One without any word, such as a thumb, is small talk.
    pub(super) fn judge(&self, text: &str) -> Option<Courtesy> {
        let words: Vec<String> = tokens(&text.replace('’', "'")).collect();
        if words.is_empty() {
            return (!text.trim().is_empty()).then_some(Courtesy::SmallTalk);
        }
        let asked = text.trim_end().ends_with('?');
        let whole = *self.cover(&words, asked).last()?;
        match whole {
            So { far: true, person: true, .. } => Some(Courtesy::Person),
            So { far: true, says: true, wish: false, .. } => Some(Courtesy::SmallTalk),
            _ => None,
        }
    }

    /// Whether a text is made of nothing but words that ask nothing, or has none.
    pub(super) fn says_nothing(&self, text: &str) -> bool {
        let words: Vec<String> = tokens(text).collect();
        self.cover(&words, false).last().is_some_and(|so| so.far)
    }

    /// The text behind thanks and greetings that it begins with, where a mark ends them; the whole text where nothing
    /// is left.
    pub(super) fn behind<'a>(&self, text: &'a str) -> &'a str {
        let mut rest = text;
        for (at, mark) in text.char_indices().filter(|(_, c)| matches!(c, ',' | '.' | '!' | ';' | ':')) {
            let (before, after) = (&text[..at], text[at + mark.len_utf8()..].trim_start());
            if after.chars().any(char::is_alphanumeric) && self.judge(before) == Some(Courtesy::SmallTalk) {
                rest = after;
            }
        }
        rest
    }

    /// For each number of first words: whether phrases make them up without a gap, and what these say.
    fn cover(&self, words: &[String], asked: bool) -> Vec<So> {
        let typed: Vec<(String, String, bool)> = words
            .iter()
            .map(|word| (squeezed(&spelling(word)), squeezed(&fold(word)), has_vietnamese_marks(word)))
            .collect();
        let mut so = vec![So::default(); words.len() + 1];
        so[0].far = true;
        for at in 0..words.len() {
            if !so[at].far {
                continue;
            }
            let begins = at == 0 || BEFORE_NO.iter().any(|word| typed[at - 1].0 == squeezed(&spelling(word)));
            for phrase in self.by_first.get(&typed[at].1).into_iter().flatten() {
                let end = at + phrase.spelled.len();
                let matches = end <= typed.len()
                    && typed[at..end].iter().zip(phrase.spelled.iter().zip(&phrase.folded)).all(
                        |((spelled, folded, marked), (known, bare))| {
                            spelled == known || (!marked && folded == bare)
                        },
                    );
                if matches {
                    so[end] = so[end].with(so[at], phrase.role, asked, begins);
                }
            }
        }
        so
    }
}

impl So {
    /// What is said when a phrase follows. Of two ways to one place the one that says more is kept.
    fn with(self, before: Self, role: Role, asked: bool, begins: bool) -> Self {
        let says = match role {
            Role::Says => !asked,
            Role::EvenAsked => true,
            Role::First => begins && !asked,
            Role::Beside | Role::Person | Role::Wish => false,
        };
        let fits = role != Role::First || begins;
        if !fits {
            return self;
        }
        let way = Self {
            far: true,
            says: before.says || says,
            person: before.person || role == Role::Person,
            wish: before.wish || role == Role::Wish,
        };
        let worth = |so: Self| (so.far, so.person, so.says && !so.wish, !so.wish, so.says);
        if worth(way) > worth(self) { way } else { self }
    }
}

/// Letters typed more than once count once: "okkkk", "thanksss".
fn squeezed(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    letters.dedup();
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_nothing_is_small_talk() {
        let phrases = Phrases::default();
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
            assert_eq!(phrases.judge(text), Some(Courtesy::SmallTalk), "{text}");
        }
    }

    #[test]
    fn a_wish_for_a_person_is_seen() {
        let phrases = Phrases::default();
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
            assert_eq!(phrases.judge(text), Some(Courtesy::Person), "{text}");
        }
    }

    #[test]
    fn what_asks_something_is_neither() {
        let phrases = Phrases::default();
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
            assert_eq!(phrases.judge(text), None, "{text}");
        }
    }

    #[test]
    fn thanks_before_a_question_are_no_part_of_it() {
        let phrases = Phrases::default();
        assert_eq!(phrases.behind("Ok cảm ơn, còn bảo hành thì sao?"), "còn bảo hành thì sao?");
        assert_eq!(phrases.behind("Thanks! And the price?"), "And the price?");
        assert_eq!(phrases.behind("Máy S2, bao nhiêu?"), "Máy S2, bao nhiêu?");
        assert_eq!(phrases.behind("Thanks!"), "Thanks!");
    }
}
