//! The type of answer that a question expects, and whether a sentence contains one.

use hoidap_shared::text::{fold, has_vietnamese_marks};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::generator::text::{
    content::TextContent,
    quantities::{Quantity, contains_quantity},
};

/// An expected answer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerType {
    /// An amount of money.
    Money,
    /// A date, a year, an hour or a span of time.
    Time,
    /// Another number.
    Number,
    /// A person.
    Person,
    /// A place.
    Place,
    /// A reason.
    Reason,
}

use AnswerType::{Money, Number, Person, Place, Reason, Time};

/// Phrases that ask for each type, in English and in Vietnamese. The first matching type counts.
const QUESTION_PHRASES: [(AnswerType, &[&str], &[&str]); 6] = [
    (
        Reason,
        &["why", "how come", "for what reason", "what caused"],
        &["vì sao", "tại sao", "sao lại", "lý do", "lí do", "nguyên nhân"],
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
        ],
        &[
            "khi nào",
            "bao giờ",
            "mấy giờ",
            "năm nào",
            "ngày nào",
            "tháng nào",
            "lúc nào",
            "bao lâu",
            "mấy ngày",
            "mấy tháng",
            "bao nhiêu năm",
            "bao nhiêu ngày",
            "bao nhiêu phút",
            "bao nhiêu giờ",
            "thế kỷ nào",
            "thế kỉ nào",
            "hôm nào",
            "chừng nào",
        ],
    ),
    (
        Money,
        &["how much does it cost", "how much is", "how much are"],
        &["giá bao nhiêu", "bao nhiêu tiền", "tốn bao nhiêu", "hết bao nhiêu"],
    ),
    (
        Number,
        &[
            "how many",
            "how much",
            "number of",
            "speed",
            "size",
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
        ],
        &[
            "bao nhiêu",
            "số lượng",
            "tốc độ",
            "tối đa",
            "tối thiểu",
            "bao xa",
            "bao cao",
            "phần trăm",
            "giới hạn",
            "bao lớn",
            "rộng bao",
            "dài bao",
            "nặng bao",
            "mấy",
        ],
    ),
    (
        Person,
        &["who", "whom", "whose"],
        &["người nào", "những ai", "ai là", "của ai", "do ai", "bởi ai", "ai đã", "là ai", "ai"],
    ),
    (
        Place,
        &["where", "which city", "what city", "which country", "what country"],
        &["ở đâu", "nơi nào", "chỗ nào", "đâu", "nước nào"],
    ),
];
/// Words for a price, in English and in Vietnamese. A question with one asks for an amount of money unless it asks for
/// something else about it ([`ASKS_ELSE`], "which documents", "who").
const PRICE_WORDS: [&[&str]; 2] =
    [&["cost", "costs", "price", "prices", "fee", "fees", "charge", "charges"], &["giá", "phí", "cước"]];
/// Phrases that ask for an amount, whatever else the question contains.
const AMOUNT_PHRASES: [&[&str]; 2] = [&["how much", "how many"], &["bao nhiêu", "mấy"]];
/// Phrases that ask for a way, a place or a thing, in English and in Vietnamese.
const ASKS_ELSE: [&[&str]; 2] = [
    &[
        "how do",
        "how can",
        "how to",
        "how should",
        "how could",
        "where",
        "who",
        "what happens",
        "what documents",
    ],
    &["làm sao", "làm thế nào", "cách", "ở đâu", "chỗ nào", "nơi nào", "gì", "những ai"],
];
/// Skipped in Vietnamese questions without diacritics, where it is usually another word ("máy").
const AMBIGUOUS_WITHOUT_MARKS: [&str; 1] = ["mấy"];
/// "To rate", which ends in the word for "price".
const RATING_PHRASE: &str = " đánh giá ";
/// Words that introduce a reason, in English and in Vietnamese.
const REASON_WORDS: [&[&str]; 2] = [
    &["because", "since", "due", "therefore", "so that", "reason", "caused", "causes", "as a result"],
    &["vì", "do", "bởi", "nên", "nhằm", "để tránh", "lý do", "lí do", "nguyên nhân"],
];
/// English months, in lower case.
pub(crate) const MONTHS: [&str; 12] = [
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
];
/// Words that name a time without a number, besides the months.
const TIME_WORDS: [&[&str]; 2] = [
    &[
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "century",
        "immediately",
        "daily",
    ],
    &[
        "thế kỷ",
        "thế kỉ",
        "thứ hai",
        "thứ ba",
        "thứ tư",
        "thứ năm",
        "thứ sáu",
        "thứ bảy",
        "chủ nhật",
        "hằng ngày",
        "hàng ngày",
        "ngay lập tức",
    ],
];

impl AnswerType {
    /// The answer type that a question asks for, if any.
    pub(crate) fn detect(question: &str) -> Option<Self> {
        let marked = has_vietnamese_marks(question);
        let text = if marked { spaced(&question.to_lowercase()) } else { spaced(&fold(question)) };
        let text = text.replace(RATING_PHRASE, " ");
        let has = |words: &str| text.contains(&format!(" {words} "));
        let asks = |english: &[&str], vietnamese: &[&str]| {
            if marked {
                return vietnamese.iter().any(|words| has(words));
            }
            let mut clear = vietnamese.iter().filter(|words| !AMBIGUOUS_WITHOUT_MARKS.contains(words));
            english.iter().any(|words| has(words)) || clear.any(|words| has(&fold(words)))
        };
        let asks_any = |[english, vietnamese]: [&[&str]; 2]| asks(english, vietnamese);
        let price = asks_any(PRICE_WORDS) && (asks_any(AMOUNT_PHRASES) || !asks_any(ASKS_ELSE));
        let named = |kind: Self| kind == Money && price;
        let mut kinds = QUESTION_PHRASES.iter();
        kinds
            .find(|(kind, english, vietnamese)| asks(english, vietnamese) || named(*kind))
            .map(|(kind, ..)| *kind)
    }

    /// Whether the answer is a quantity.
    pub(crate) fn is_quantity(self) -> bool {
        matches!(self, Money | Time | Number)
    }

    /// Whether a sentence contains an answer of this type that the question itself does not contain.
    pub(crate) fn is_answered_by(self, text: &str, content: &TextContent, question: &TextContent) -> bool {
        let mut new =
            content.quantities.iter().filter(|quantity| !contains_quantity(quantity, &question.quantities));
        match self {
            Money => new.any(|quantity| quantity.dimension() == Some("money")) || is_free_of_charge(text),
            Number => {
                new.any(|quantity| !quantity.is_code())
                    || content.implied.iter().any(|quantity| quantity.amount().is_some())
            }
            Time => {
                let times = |quantity: &Quantity| {
                    quantity.dimension() == Some("time")
                        || quantity.dimension().is_none()
                            && quantity.amount().is_some_and(|(value, _)| (1_000.0..2_200.0).contains(&value))
                };
                new.any(times) || has_any_phrase(text, &TIME_WORDS) || has_any_phrase(text, &[&MONTHS, &[]])
            }
            Person | Place => proper_names(text).any(|name| !question.terms.contains(&name)),
            Reason => has_any_phrase(text, &REASON_WORDS),
        }
    }
}

/// Whether a text contains one of the phrases of its language.
fn has_any_phrase(text: &str, words: &[&[&str]; 2]) -> bool {
    let of_language = words[usize::from(has_vietnamese_marks(text))];
    let text = spaced(&text.to_lowercase());
    of_language.iter().any(|word| text.contains(&format!(" {word} ")))
}

/// Whether a text says that something costs nothing. "Free" with a capital is usually a plan's name.
fn is_free_of_charge(text: &str) -> bool {
    const OTHERWISE: [&str; 6] = ["up", "space", "disk", "storage", "from", "to"];
    let words: Vec<&str> = text.unicode_words().collect();
    let free = |at: usize| {
        words[at] == "free"
            && at.checked_sub(1).is_none_or(|before| !words[before].eq_ignore_ascii_case("feel"))
            && words.get(at + 1).is_none_or(|next| !OTHERWISE.contains(next))
    };
    (0..words.len()).any(free)
        || has_any_phrase(text, &[&["no charge", "at no cost"], &["miễn phí", "không mất phí"]])
}

/// A text's words, separated by single spaces.
fn spaced(text: &str) -> String {
    format!(" {} ", text.unicode_words().collect::<Vec<_>>().join(" "))
}

/// Folded capitalised words, except the first word.
fn proper_names(text: &str) -> impl Iterator<Item = String> {
    let capital = |word: &&str| word.starts_with(char::is_uppercase) && word.chars().count() > 1;
    text.unicode_words().skip(1).filter(capital).map(fold)
}

/// Whether a text has the name of a person or a place of several words: two capitalised ones beside each other.
pub(crate) fn has_full_name(text: &str) -> bool {
    let is_capital = |word: &str| word.starts_with(char::is_uppercase) && word.chars().count() > 1;
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).any(|pair| {
        is_capital(pair[0])
            && is_capital(pair[1])
            && pair[0].ends_with(|c: char| c.is_alphabetic() || c == '.')
    })
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
            ("gia đình có được dùng chung không", None),
            ("đánh giá cửa hàng ở trang nào", None),
            ("máy tính nào dùng được", None),
            ("How do I pay the garden fee?", None),
            ("làm sao để nộp học phí", None),
            ("cach nop hoc phi", None),
            ("Hồ sơ miễn giảm học phí gồm những gì?", None),
            ("Where can I pay the parking fee?", Some(Place)),
            ("who pays the delivery charge?", Some(Person)),
            ("what is the late fee", Some(Money)),
            ("how do I find out how much the fee is", Some(Money)),
            ("phí giao hàng thế nào", Some(Money)),
            ("is there a booking fee?", Some(Money)),
        ] {
            assert_eq!(AnswerType::detect(question), kind, "{question}");
        }
    }

    #[test]
    fn a_sentence_holds_what_is_asked_for_beside_the_questions_own_words() {
        let analyser = Analyser::default();
        let holds = |kind: AnswerType, question: &str, text: &str| {
            kind.is_answered_by(
                text,
                &TextContent::parse(text, &analyser),
                &TextContent::parse(question, &analyser),
            )
        };
        assert!(holds(Money, "gói Pro giá bao nhiêu", "Gói Pro có giá 39.000 đ mỗi tháng."));
        assert!(!holds(Money, "gói Pro giá bao nhiêu", "Gói Pro có 500 GB."));
        assert!(holds(Money, "how much is bicycle parking", "Bicycles park free."));
        assert!(holds(Money, "phí gửi xe", "Gửi xe đạp miễn phí."));
        assert!(!holds(Money, "how much is it", "Free has 2 GB. Feel free to free up space."));
        assert!(holds(Time, "when was it built", "The tower was built in 1889."));
        assert!(!holds(Number, "how many of the 12 rooms", "The 12 rooms are closed."));
        assert!(holds(Reason, "tại sao đóng", "Quầy đóng vì mưa lớn."));
        assert!(!holds(Reason, "why is it closed", "What to do when it is closed."));
        assert!(holds(Person, "who founded Teshk", "The town of Teshk was founded by Oruman."));
        assert!(!holds(Person, "who founded Teshk", "The town of Teshk is old."));
    }
}
