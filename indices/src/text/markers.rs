//! Whether a sentence goes on with what was said before, by its own words.

use hoidap_shared::text::{Language, fold};

use super::{Understood, spelling::spelling, words::tokens};
use crate::lexical::{Analyser, content_terms};

/// Beginnings that go on with what was said.
const LEAD_INS: [&str; 14] = [
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

/// Beginnings with the letters of a lead-in that belong to what is asked.
const NO_LEAD_INS: [&str; 18] = [
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

/// Words that stand for something said before.
const POINTERS: [&str; 16] = [
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

/// With more content words than this a question says itself what it is about, whatever it points at.
const SPEAKS_FOR_ITSELF: usize = 5;
/// The same of a question that begins as if it went on.
const LONG: usize = 8;
/// The same of a question that shows no sign of going on.
const LONG_ENOUGH: usize = 7;
/// With so many content words or fewer a sentence is part of something said before.
const FEW: usize = 2;
/// From this certainty on, the diacritics that were put back are believed against a marker.
const CERTAIN: f32 = 0.7;

/// No lead-in ends behind so many bytes.
const LONGEST_LEAD_IN: usize = 64;

/// How surely a sentence goes on with what was said before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Link {
    /// It stands alone.
    None,
    /// Nothing says that it goes on, but it has too few words to be sure.
    Unlikely,
    /// It may do either: the documents decide.
    Possible,
    /// It does.
    Certain,
}

/// How surely the sentence goes on. Typed diacritics count: "vay mua máy" does not begin with "vậy". Where none were
/// typed, a marker needs something beside it.
pub(super) fn link(understood: &Understood, sentence: &str) -> Link {
    let analyser = Analyser::default();
    let analysed = analyser.content(sentence);
    let content = content_terms(&analysed).len();
    if content <= 1 {
        return Link::Certain;
    }
    let alone = if content <= LONG_ENOUGH { Link::Unlikely } else { Link::None };
    if understood.language == Language::En {
        let words = Words::of(sentence);
        let leads = words.begin_with(&ENGLISH_LEAD_INS) && content <= LONG;
        let points = words.hold(&ENGLISH_POINTERS) && content <= SPEAKS_FOR_ITSELF;
        return if leads || points { Link::Certain } else { alone };
    }
    let words = Words::of(sentence);
    let leads = words.begin_with(&LEAD_INS) && !words.ask_whether_still() && !words.begin_with(&NO_LEAD_INS);
    let points = words.hold(&POINTERS) && content <= SPEAKS_FOR_ITSELF;
    let what_of = words.hold(&["thì sao"]);
    if !understood.bare {
        return match (leads && content <= LONG, points, what_of) {
            (true, ..) | (_, true, _) => Link::Certain,
            (.., true) if content <= FEW => Link::Certain,
            (.., true) if content <= SPEAKS_FOR_ITSELF => Link::Possible,
            _ => alone,
        };
    }
    let signs = usize::from(leads) + usize::from(points) + usize::from(what_of);
    match signs {
        2.. => Link::Certain,
        1 if content <= FEW + 1 => Link::Certain,
        1 if content <= LONG => Link::Possible,
        0 if understood.certainty < CERTAIN && content <= SPEAKS_FOR_ITSELF => {
            let typed = Words::of(&fold(&understood.text));
            let may = typed.begin_with_folded(&LEAD_INS) && !typed.begin_with_folded(&NO_LEAD_INS);
            if may { Link::Possible } else { alone }
        }
        _ => alone,
    }
}

/// Whether a sentence has too few words to say by itself what it asks.
pub(super) fn is_fragment(sentence: &str) -> bool {
    content_terms(&Analyser::default().content(sentence)).len() <= FEW
}

/// Whether a sentence adds next to nothing to an earlier one: a word at most that this one lacks.
pub(super) fn adds_little(sentence: &str, to: &str) -> bool {
    let analyser = Analyser::default();
    let (own, known) = (analyser.content(sentence), analyser.content(to));
    content_terms(&own).difference(&content_terms(&known)).count() <= 1
}

/// The text behind the lead-in; the whole text when that leaves nothing.
pub(super) fn without_lead_in(text: &str, language: Language) -> &str {
    let known: &[&str] = if language == Language::En { &ENGLISH_LEAD_INS } else { &LEAD_INS };
    let mut longest = 0;
    for (end, _) in text.char_indices().filter(|(_, c)| !c.is_alphanumeric()) {
        if end > LONGEST_LEAD_IN {
            break;
        }
        let start = Words::of(&text[..end]);
        if known.iter().any(|lead| Words::of(lead).0 == start.0) {
            longest = end;
        }
    }
    let rest = text[longest..].trim_start_matches(|c: char| !c.is_alphanumeric());
    if rest.is_empty() { text } else { rest }
}

/// The spellings of a text's words, between single spaces.
struct Words(String);

impl Words {
    fn of(text: &str) -> Self {
        let words: Vec<String> = tokens(text).map(|word| spelling(&word)).collect();
        Self(format!(" {} ", words.join(" ")))
    }

    fn begin_with(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.0.starts_with(&Self::of(phrase).0))
    }

    fn begin_with_folded(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.0.starts_with(&Self::of(&fold(phrase)).0))
    }

    fn hold(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.0.contains(&Self::of(phrase).0))
    }

    /// "Còn bảo hành không?" asks whether there still is one; "còn thứ bảy có mở không?" goes on.
    fn ask_whether_still(&self) -> bool {
        self.begin_with(&["còn"])
            && self.0.ends_with(&Self::of("không").0)
            && !self.hold(&["có", "thì", "được"])
    }
}
