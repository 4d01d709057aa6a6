//! What kind of answer a question asks for, and whether a sentence holds one.

use hoidap_shared::text::fold;
use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    content::Content,
    figures::{Figure, grounded},
};

/// A kind of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// An amount of money.
    Money,
    /// A date, a year, an hour or a span of time.
    Time,
    /// Another number.
    Number,
    /// Somebody.
    Person,
    /// A place.
    Place,
    /// A reason.
    Reason,
}

use Wanted::{Money, Number, Person, Place, Reason, Time};

/// What a kind is asked for by, folded, a word or words in a row. The first kind that is asked for counts.
const ASKED_BY: [(Wanted, &[&str]); 6] = [
    (
        Reason,
        &[
            "why",
            "how come",
            "for what reason",
            "what caused",
            "vi sao",
            "tai sao",
            "sao lai",
            "ly do",
            "nguyen nhan",
        ],
    ),
    (
        Time,
        &[
            "when",
            "what time",
            "what year",
            "which year",
            "what date",
            "what day",
            "how long",
            "how often",
            "how soon",
            "khi nao",
            "bao gio",
            "may gio",
            "nam nao",
            "ngay nao",
            "thang nao",
            "luc nao",
            "bao lau",
            "may ngay",
            "may thang",
            "bao nhieu nam",
            "bao nhieu ngay",
            "bao nhieu phut",
            "bao nhieu gio",
            "the ky nao",
            "hom nao",
            "chung nao",
        ],
    ),
    (
        Money,
        &[
            "how much does it cost",
            "how much is",
            "how much are",
            "cost",
            "costs",
            "price",
            "prices",
            "fee",
            "fees",
            "charge",
            "gia bao nhieu",
            "bao nhieu tien",
            "gia",
            "phi",
            "cuoc",
            "ton bao nhieu",
            "het bao nhieu",
        ],
    ),
    (
        Number,
        &[
            "how many",
            "how much",
            "how big",
            "how large",
            "how far",
            "how tall",
            "how high",
            "how deep",
            "how old",
            "how fast",
            "what number",
            "what percentage",
            "what percent",
            "maximum",
            "minimum",
            "at most",
            "limit",
            "bao nhieu",
            "toi da",
            "toi thieu",
            "bao xa",
            "bao cao",
            "phan tram",
            "gioi han",
            "bao lon",
            "rong bao",
            "dai bao",
            "nang bao",
        ],
    ),
    (
        Person,
        &[
            "who",
            "whom",
            "whose",
            "nguoi nao",
            "nhung ai",
            "ai la",
            "cua ai",
            "do ai",
            "boi ai",
            "ai da",
            "la ai",
            "ai",
        ],
    ),
    (
        Place,
        &[
            "where",
            "which city",
            "what city",
            "which country",
            "what country",
            "o dau",
            "noi nao",
            "cho nao",
            "dau",
            "nuoc nao",
        ],
    ),
];
/// Folded words that speak of a reason.
const REASONS: [&str; 17] = [
    "because",
    "since",
    "due",
    "therefore",
    "so that",
    "reason",
    "caused",
    "causes",
    "as a result",
    "vi",
    "do",
    "boi",
    "nen",
    "nham",
    "de tranh",
    "ly do",
    "nguyen nhan",
];
/// Folded words that name a time without a number.
const TIMES: [&str; 22] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "sunday",
    "century",
    "the ky",
    "thu hai",
    "chu nhat",
    "immediately",
    "daily",
    "hang ngay",
    "ngay lap tuc",
];

impl Wanted {
    /// What a question asks for, when it asks for one of the kinds.
    pub(crate) fn by(question: &str) -> Option<Self> {
        let text = spaced(question);
        let asks = |words: &&[&str]| words.iter().any(|words| text.contains(&format!(" {words} ")));
        let known = ASKED_BY.iter().find(|(_, words)| asks(words)).map(|(kind, _)| *kind);
        // Without its diacritics it may be a machine.
        known.or_else(|| question.to_lowercase().unicode_words().any(|word| word == "mấy").then_some(Number))
    }

    /// Whether a sentence holds what is asked for, beside what the question itself says.
    pub(crate) fn is_in(self, text: &str, content: &Content, asked: &Content) -> bool {
        let mut new = content.figures.iter().filter(|figure| !grounded(figure, &asked.figures));
        match self {
            Money => new.any(|figure| figure.dimension() == Some("money")),
            Number => {
                new.any(|figure| !figure.is_code())
                    || content.besides.iter().any(|figure| figure.amount().is_some())
            }
            Time => {
                let times = |figure: &Figure| {
                    figure.dimension() == Some("time")
                        || figure.dimension().is_none()
                            && figure.amount().is_some_and(|(value, _)| (1_000.0..2_200.0).contains(&value))
                };
                new.any(times) || has_any(text, &TIMES)
            }
            Person | Place => names(text).any(|name| !asked.terms.contains(&name)),
            Reason => has_any(text, &REASONS),
        }
    }
}

fn has_any(text: &str, words: &[&str]) -> bool {
    let text = spaced(text);
    words.iter().any(|word| text.contains(&format!(" {word} ")))
}

/// A text's folded words between single spaces.
fn spaced(text: &str) -> String {
    let folded = fold(text);
    format!(" {} ", folded.unicode_words().collect::<Vec<_>>().join(" "))
}

/// Folded words with a capital that do not begin a text.
fn names(text: &str) -> impl Iterator<Item = String> {
    let capital = |word: &&str| word.starts_with(char::is_uppercase) && word.chars().count() > 1;
    text.unicode_words().skip(1).filter(capital).map(fold)
}

#[cfg(test)]
mod tests {
    use hoidap_indices::Analyser;

    use super::*;

    #[test]
    fn the_kind_of_answer_is_seen_with_and_without_diacritics() {
        for (question, kind) in [
            ("Gói Pro giá bao nhiêu một tháng?", Some(Money)),
            ("goi pro bao nhieu GB", Some(Number)),
            ("Gói Pro gửi được mấy thư?", Some(Number)),
            ("may tinh nao dung duoc", None),
            ("how long do I have to wait", Some(Time)),
            ("Trận đánh diễn ra năm nào?", Some(Time)),
            ("Ai là người sáng lập trường?", Some(Person)),
            ("o dau ban ve", Some(Place)),
            ("tại sao thư không gửi được", Some(Reason)),
            ("làm thế nào để đổi tên", None),
        ] {
            assert_eq!(Wanted::by(question), kind, "{question}");
        }
    }

    #[test]
    fn a_sentence_holds_what_is_asked_for_beside_the_questions_own_words() {
        let analyser = Analyser::default();
        let holds = |kind: Wanted, question: &str, text: &str| {
            kind.is_in(text, &Content::of(text, &analyser), &Content::of(question, &analyser))
        };
        assert!(holds(Money, "gói Pro giá bao nhiêu", "Gói Pro có giá 39.000 đ mỗi tháng."));
        assert!(!holds(Money, "gói Pro giá bao nhiêu", "Gói Pro có 500 GB."));
        assert!(holds(Time, "when was it built", "The tower was built in 1889."));
        assert!(!holds(Number, "how many of the 12 rooms", "The 12 rooms are closed."));
        assert!(holds(Person, "who founded Teshk", "The town of Teshk was founded by Oruman."));
        assert!(!holds(Person, "who founded Teshk", "The town of Teshk is old."));
    }
}
