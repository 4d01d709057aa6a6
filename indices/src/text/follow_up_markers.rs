//! Estimates from a sentence's own words whether it is a follow-up.

use hoidap_shared::text::{Language, fold};

use super::{Interpretation, word_counts::lower_words};
use crate::{
    lexical::{Analyser, content_terms},
    vietnamese::tone_marks::canonical_spelling,
};

/// Beginnings that mark a follow-up.
const VIETNAMESE_LEAD_INS: [&str; 14] = [
    "thế còn",
    "vậy còn",
    "thế thì",
    "vậy thì",
    "nếu vậy thì",
    "nếu thế thì",
    "còn",
    "thế",
    "vậy",
    "rồi",
    "nhưng",
    "ngoài ra",
    "và",
    "ok",
];
const ENGLISH_LEAD_INS: [&str; 17] = [
    "what about",
    "how about",
    "and what about",
    "and how about",
    "and",
    "but",
    "or",
    "so",
    "then",
    "also",
    "ok and",
    "okay and",
    "what if",
    "same for",
    "ok",
    "okay",
    "and then",
];

/// Beginnings that look like a lead-in but belong to the question.
const VIETNAMESE_LEAD_IN_EXCEPTIONS: [&str; 18] = [
    "thế nào",
    "thế giới",
    "thế chấp",
    "thế hệ",
    "thế kỷ",
    "thế vận",
    "thế mạnh",
    "còn lại",
    "còn nợ",
    "còn hạn",
    "còn hiệu lực",
    "còn hàng",
    "còn chỗ",
    "còn trống",
    "còn bao nhiêu",
    "còn bao lâu",
    "còn mấy",
    "vậy nên",
];

/// Words that refer to something said before.
const VIETNAMESE_POINTERS: [&str; 16] = [
    "nó",
    "chúng nó",
    "đó",
    "đấy",
    "ấy",
    "kia",
    "cái này",
    "gói này",
    "việc này",
    "lỗi này",
    "tính năng này",
    "máy này",
    "mã này",
    "món này",
    "như vậy",
    "như thế",
];
const ENGLISH_POINTERS: [&str; 9] = ["it", "its", "they", "them", "that", "those", "these", "one", "ones"];

/// Most content words of a follow-up with a pointer; a longer question names its subject itself.
const MAX_POINTER_CONTENT_WORDS: usize = 5;
/// Most content words of a follow-up with a lead-in.
const MAX_LEAD_IN_CONTENT_WORDS: usize = 8;
/// Most content words of a possible follow-up without any marker.
const MAX_UNMARKED_CONTENT_WORDS: usize = 7;
/// Up to this many content words, a sentence is a fragment that needs its context.
const MAX_FRAGMENT_CONTENT_WORDS: usize = 2;
/// From this certainty on, restored diacritics are trusted when they rule out a marker.
const MIN_TRUSTED_CERTAINTY: f32 = 0.7;

/// Longest lead-in, in bytes.
const MAX_LEAD_IN_BYTES: usize = 64;

/// How likely a sentence is a follow-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FollowUpLikelihood {
    /// It stands alone.
    Standalone,
    /// It has no marker, but too few words to be sure.
    Unlikely,
    /// It may stand alone or not: the documents decide.
    Possible,
    /// It is a follow-up.
    Certain,
}

/// How likely the sentence is a follow-up. Typed diacritics count: "vay mua máy" does not begin with "vậy". When none were
/// typed, one marker alone is not enough.
pub(super) fn follow_up_likelihood(interpretation: &Interpretation, sentence: &str) -> FollowUpLikelihood {
    let analyser = Analyser::default();
    let analysed = analyser.content(sentence);
    let content = content_terms(&analysed).len();
    if content <= 1 {
        return FollowUpLikelihood::Certain;
    }
    let alone = if content <= MAX_UNMARKED_CONTENT_WORDS {
        FollowUpLikelihood::Unlikely
    } else {
        FollowUpLikelihood::Standalone
    };
    if interpretation.language == Language::En {
        let words = CanonicalWords::of(sentence);
        let leads = words.begin_with(&ENGLISH_LEAD_INS) && content <= MAX_LEAD_IN_CONTENT_WORDS;
        let points = words.contain(&ENGLISH_POINTERS) && content <= MAX_POINTER_CONTENT_WORDS;
        return if leads || points { FollowUpLikelihood::Certain } else { alone };
    }
    let words = CanonicalWords::of(sentence);
    let leads = words.begin_with(&VIETNAMESE_LEAD_INS)
        && !words.ask_whether_still_valid()
        && !words.begin_with(&VIETNAMESE_LEAD_IN_EXCEPTIONS);
    let points = words.contain(&VIETNAMESE_POINTERS) && content <= MAX_POINTER_CONTENT_WORDS;
    let what_of = words.contain(&["thì sao"]);
    if !interpretation.bare {
        return match (leads && content <= MAX_LEAD_IN_CONTENT_WORDS, points, what_of) {
            (true, ..) | (_, true, _) => FollowUpLikelihood::Certain,
            (.., true) if content <= MAX_FRAGMENT_CONTENT_WORDS => FollowUpLikelihood::Certain,
            (.., true) if content <= MAX_POINTER_CONTENT_WORDS => FollowUpLikelihood::Possible,
            _ => alone,
        };
    }
    let signs = usize::from(leads) + usize::from(points) + usize::from(what_of);
    match signs {
        2.. => FollowUpLikelihood::Certain,
        1 if content <= MAX_FRAGMENT_CONTENT_WORDS + 1 => FollowUpLikelihood::Certain,
        1 if content <= MAX_LEAD_IN_CONTENT_WORDS => FollowUpLikelihood::Possible,
        0 if interpretation.certainty < MIN_TRUSTED_CERTAINTY && content <= MAX_POINTER_CONTENT_WORDS => {
            let typed = CanonicalWords::of(&fold(&interpretation.text));
            let may = typed.begin_with_folded(&VIETNAMESE_LEAD_INS)
                && !typed.begin_with_folded(&VIETNAMESE_LEAD_IN_EXCEPTIONS);
            if may { FollowUpLikelihood::Possible } else { alone }
        }
        _ => alone,
    }
}

/// Whether a sentence has too few words to be understood by itself.
pub(super) fn is_fragment(sentence: &str) -> bool {
    content_terms(&Analyser::default().content(sentence)).len() <= MAX_FRAGMENT_CONTENT_WORDS
}

/// Whether a sentence adds at most one content word to an earlier one.
pub(super) fn adds_little(sentence: &str, to: &str) -> bool {
    added_content_words(sentence, to) <= 1
}

/// Whether a sentence adds no content word to an earlier one.
pub(super) fn adds_nothing(sentence: &str, to: &str) -> bool {
    added_content_words(sentence, to) == 0
}

fn added_content_words(sentence: &str, to: &str) -> usize {
    let analyser = Analyser::default();
    let (own, known) = (analyser.content(sentence), analyser.content(to));
    content_terms(&own).difference(&content_terms(&known)).count()
}

/// The text after the lead-in; the whole text when nothing would be left.
pub(super) fn without_lead_in(text: &str, language: Language) -> &str {
    let known: &[&str] = if language == Language::En { &ENGLISH_LEAD_INS } else { &VIETNAMESE_LEAD_INS };
    let mut longest = 0;
    for (end, _) in text.char_indices().filter(|(_, c)| !c.is_alphanumeric()) {
        if end > MAX_LEAD_IN_BYTES {
            break;
        }
        let start = CanonicalWords::of(&text[..end]);
        if known.iter().any(|lead| CanonicalWords::of(lead).0 == start.0) {
            longest = end;
        }
    }
    let rest = text[longest..].trim_start_matches(|c: char| !c.is_alphanumeric());
    if rest.is_empty() { text } else { rest }
}

/// The canonical spellings of a text's words, between single spaces.
struct CanonicalWords(String);

impl CanonicalWords {
    fn of(text: &str) -> Self {
        let words: Vec<String> = lower_words(text).map(|word| canonical_spelling(&word)).collect();
        Self(format!(" {} ", words.join(" ")))
    }

    fn begin_with(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.0.starts_with(&Self::of(phrase).0))
    }

    fn begin_with_folded(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.0.starts_with(&Self::of(&fold(phrase)).0))
    }

    fn contain(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.0.contains(&Self::of(phrase).0))
    }

    /// "Còn bảo hành không?" asks whether there still is one; "còn thứ bảy có mở không?" is a follow-up.
    fn ask_whether_still_valid(&self) -> bool {
        self.begin_with(&["còn"])
            && self.0.ends_with(&Self::of("không").0)
            && !self.contain(&["có", "thì", "được"])
    }
}
