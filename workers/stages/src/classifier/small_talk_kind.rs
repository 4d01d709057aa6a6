//! Tells kinds of small talk apart, so that thanks are not answered with a greeting.

use hoidap_shared::phrases::SmallTalk;

use super::phrase_match::FoldedWords;
use SmallTalk::{Farewell, Thanks, Understood, WhoAnswers};

/// Folded phrases of each kind; the first match counts.
const PHRASES: [(SmallTalk, &[&str]); 4] = [
    (
        WhoAnswers,
        &[
            "human",
            "robot",
            "bot",
            "real person",
            "who are you",
            "what are you",
            "your name",
            "machine",
            "ban la ai",
            "nguoi that",
            "nguoi hay may",
            "may hay nguoi",
            "la may",
            "ten gi",
            "ten la gi",
            "ai vay",
            "chatbot",
        ],
    ),
    (Thanks, &["thanks", "thank", "thx", "tks", "cheers", "cam on", "cam on ban", "camon"]),
    (
        Farewell,
        &[
            "bye",
            "goodbye",
            "see you",
            "good night",
            "have a nice",
            "tam biet",
            "hen gap lai",
            "ngu ngon",
            "minh di day",
            "chao nhe",
        ],
    ),
    (
        Understood,
        &[
            "ok", "okay", "oke", "okie", "da", "vang", "u", "uh", "hieu roi", "duoc roi", "got it", "i see",
            "alright", "great", "cool", "tot qua",
        ],
    ),
];

pub(super) fn detect_kind(text: &str) -> SmallTalk {
    let words = FoldedWords::of(text);
    let known = PHRASES.iter().find(|(_, phrases)| words.contain_any(phrases));
    known.map_or(SmallTalk::Greeting, |(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_small_talk_has_its_own_answer() {
        for (text, expected) in [
            ("thanks", Thanks),
            ("Cảm ơn bạn nhiều", Thanks),
            ("ok cam on shop", Thanks),
            ("bye", Farewell),
            ("Tạm biệt nhé", Farewell),
            ("are you human?", WhoAnswers),
            ("bạn là ai vậy", WhoAnswers),
            ("Ok để mình thử", Understood),
            ("hello", SmallTalk::Greeting),
            ("Chào shop ạ", SmallTalk::Greeting),
        ] {
            assert_eq!(detect_kind(text), expected, "{text}");
        }
    }
}
