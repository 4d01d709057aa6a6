use std::collections::BTreeSet;

use hoidap_shared::{
    job::{Answer, Outcome},
    text::{normalise, sentences},
};

use super::labelled_question::{LabelledQuestion, is_gold};

/// Ends of an introduction such as "Tài liệu bằng tiếng Anh viết:".
const INTRODUCTION_ENDS: [&str; 3] = ["viết:", "nói:", "says:"];
/// Maximum length of an introduction before that, in characters.
const MAX_INTRODUCTION_CHARS: usize = 60;

#[derive(Clone, Debug)]
pub(crate) struct AnswerGrade {
    pub(crate) answered: bool,
    /// The visitor was asked which of several things is meant.
    pub(crate) asked_back: bool,
    /// Answerable: the answer contains every expected text or, if none is given, cites a gold page. Unanswerable: it
    /// is refused. To be asked back: all choices are offered.
    pub(crate) right: bool,
    /// The first sentence contains every expected text; `None` if none is given.
    pub(crate) first: Option<bool>,
    /// A cited source is gold; `None` without gold pages.
    pub(crate) cited: Option<bool>,
    /// The first cited source is gold; `None` without gold pages.
    pub(crate) cited_first: Option<bool>,
    /// A passage that the refusal quotes is of a gold page; `None` without gold pages, and for other answers.
    pub(crate) quoted_page: Option<bool>,
    /// The passages that the refusal quotes contain every expected text; `None` if none is given, and for other answers.
    pub(crate) quoted: Option<bool>,
    pub(crate) words: usize,
    /// Number of distinct documents cited.
    pub(crate) pages: usize,
}

impl AnswerGrade {
    pub(super) fn of(labelled: &LabelledQuestion, answer: &Answer) -> Self {
        let refused = answer.outcome == Outcome::Unanswered;
        let lines = lines(&if refused { refusal_alone(answer) } else { answer.text.clone() });
        let text = normal(&lines);
        let wanted: Vec<String> = labelled.answer_contains.iter().map(|part| normal(part)).collect();
        let holds = |text: &str| wanted.iter().all(|part| text.contains(part.as_str()));
        let sources: Vec<&str> =
            answer.sources.iter().map(|source| source.metadata.source.as_str()).collect();
        let answered = answer.outcome == Outcome::Answered;
        let asked_back = answer.outcome == Outcome::AskedBack;
        let offered = |label: &String| answer.choices.iter().any(|choice| choice.label == *label);
        let gold = |source: &&str| is_gold(&labelled.gold, source);
        let found = (!labelled.gold.is_empty()).then(|| sources.iter().any(gold));
        let cited = found.map(|found| found && !refused);
        let right = match (labelled.answerable(), wanted.is_empty()) {
            (false, _) => !answered && !asked_back,
            (true, _) if !labelled.choices.is_empty() => asked_back && labelled.choices.iter().all(offered),
            (true, true) => cited == Some(true),
            (true, false) => !asked_back && holds(&text),
        };
        Self {
            answered,
            asked_back,
            right,
            first: (!wanted.is_empty()).then(|| holds(&normal(first_sentence(&lines)))),
            cited,
            cited_first: cited.map(|cited| cited && sources.first().is_some_and(gold)),
            quoted_page: found.filter(|_| refused),
            quoted: (refused && !wanted.is_empty()).then(|| holds(&normal(&quotations(answer)))),
            words: text.split_whitespace().count(),
            pages: sources.iter().collect::<BTreeSet<_>>().len(),
        }
    }
}

/// Whether the passages' texts together contain every expected text; `None` if none is given.
pub(super) fn contains_wanted<'a>(
    labelled: &LabelledQuestion,
    passages: impl Iterator<Item = &'a str>,
) -> Option<bool> {
    let text = normal(&passages.collect::<Vec<_>>().join("\n"));
    let contained = |part: &String| text.contains(&normal(part));
    (!labelled.answer_contains.is_empty()).then(|| labelled.answer_contains.iter().all(contained))
}

/// Normal form for comparisons: NFC, white space collapsed, lower case.
fn normal(text: &str) -> String {
    normalise(text).to_lowercase()
}

/// The lines of an answer in normal form, without citation marks. Case stays, because sentences are split by it.
fn lines(text: &str) -> String {
    without_marks(text).trim().lines().map(normalise).collect::<Vec<_>>().join("\n")
}

/// What a refusal quotes of the passages.
fn quotations(answer: &Answer) -> String {
    let quoted = answer.citations.iter().map(|citation| {
        let length = citation.answer_end.saturating_sub(citation.answer_start);
        answer.text.chars().skip(citation.answer_start).take(length).collect::<String>()
    });
    quoted.collect::<Vec<_>>().join("\n")
}

/// A refusal without its quotations: neither the visitor's words nor passages that may answer are an answer.
fn refusal_alone(answer: &Answer) -> String {
    let quoted =
        |at: &usize| answer.citations.iter().any(|cited| (cited.answer_start..cited.answer_end).contains(at));
    let text: String =
        answer.text.chars().enumerate().filter(|(at, _)| !quoted(at)).map(|(_, c)| c).collect();
    let parts = text.split('“').enumerate();
    parts
        .map(|(at, part)| if at == 0 { part } else { part.split_once('”').map_or(part, |(_, rest)| rest) })
        .collect()
}

/// The text without its `[n]` marks and the white space before them.
fn without_marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('[') {
        out.push_str(before);
        let after = from.trim_start_matches(|c: char| c.is_ascii_digit());
        if let Some(after) = after.strip_prefix(']').filter(|_| !from.starts_with(']')) {
            out.truncate(out.trim_end().len());
            rest = after;
        } else {
            out.push('[');
            rest = from;
        }
    }
    out + rest
}

/// The first sentence after the introduction.
fn first_sentence(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    let ends = INTRODUCTION_ENDS.iter().flat_map(|word| line.match_indices(word)).filter_map(|(at, word)| {
        (line[..at].chars().count() <= MAX_INTRODUCTION_CHARS).then_some(at + word.len())
    });
    let body = &text[ends.max().unwrap_or(0)..];
    sentences(body).into_iter().next().map_or("", |range| &body[range])
}

#[cfg(test)]
mod tests {
    use hoidap_shared::job::{Choice, Citation};

    use super::*;
    use crate::eval::fixtures::{answer, labelled_question};

    #[test]
    fn an_answer_is_compared_in_normal_form() {
        let decomposed = "Go\u{301}i  Pro\u{A0}giá\n39.000 đ [1].\nXem thêm [12][3].";
        assert_eq!(normal(&lines(decomposed)), "gói pro giá 39.000 đ. xem thêm.");
        assert_eq!(without_marks("a[0] [x] [] [1"), "a [x] [] [1");
    }

    #[test]
    fn the_first_sentence_follows_the_introduction() {
        for (text, first) in [
            ("Gói Pro giá 39.000 đ. VAT tính thêm.", "Gói Pro giá 39.000 đ."),
            ("Tài liệu bằng tiếng Anh viết: The limit is 20 GB. It holds for all.", "The limit is 20 GB."),
            (
                "The documentation, in Vietnamese, says:\nGiới hạn là 20 GB.\nCho mọi gói.",
                "Giới hạn là 20 GB.",
            ),
            ("Các bước:\n- Mở Cài đặt", "Các bước:"),
            (
                "Một câu dài hơn sáu mươi ký tự thì không phải lời dẫn, dù nó viết: như vậy. Hết.",
                "Một câu dài hơn sáu mươi ký tự thì không phải lời dẫn, dù nó viết: như vậy.",
            ),
            ("Tài liệu viết:", ""),
        ] {
            assert_eq!(first_sentence(text), first);
        }
    }

    #[test]
    fn an_answer_is_right_if_it_contains_the_expected_texts() {
        let question = labelled_question("q", &["vi/gia.html"], &["39.000", "Tháng"]);
        let text = "Gói Pro rẻ. Giá 39.000 đ một tháng [1].";
        let judged = AnswerGrade::of(&question, &answer(Outcome::Answered, text, &["site/vi/gia.html"], 0.9));
        assert!(judged.answered && judged.right);
        assert_eq!((judged.first, judged.cited, judged.cited_first), (Some(false), Some(true), Some(true)));
        assert_eq!((judged.words, judged.pages), (8, 1));
        let judged =
            AnswerGrade::of(&question, &answer(Outcome::Answered, "Giá 39.000 đ.", &["vi/gia.html"], 0.9));
        assert!(!judged.right, "the second of what it should hold is missing");
    }

    #[test]
    fn quotations_in_a_refusal_are_no_answer() {
        let question = labelled_question("q", &[], &["HomeKit"]);
        let judged = |outcome, text| AnswerGrade::of(&question, &answer(outcome, text, &[], 0.1)).right;
        assert!(!judged(Outcome::Unanswered, "Không thấy “HomeKit” trong tài liệu. Gọi 1900."));
        assert!(judged(Outcome::Unanswered, "Không thấy “đèn” trong tài liệu. Gọi HomeKit."));
        assert!(judged(Outcome::Answered, "Đèn nào cũng dùng được với “HomeKit”."));
    }

    #[test]
    fn passages_that_a_refusal_quotes_are_counted_apart() {
        let question = labelled_question("q", &["vi/gia.html"], &["39.000"]);
        let text = "Không chắc. Gần nhất: Giá 39.000 đ. [1]";
        let start = "Không chắc. Gần nhất: ".chars().count();
        let end = start + "Giá 39.000 đ.".chars().count();
        let cited = |outcome| Answer {
            citations: vec![Citation { n: 1, answer_start: start, answer_end: end, support: 1.0 }],
            ..answer(outcome, text, &["vi/gia.html"], 0.2)
        };
        let refusal = AnswerGrade::of(&question, &cited(Outcome::Unanswered));
        assert_eq!((refusal.right, refusal.first, refusal.cited), (false, Some(false), Some(false)));
        assert_eq!((refusal.quoted, refusal.quoted_page), (Some(true), Some(true)));
        let answered = AnswerGrade::of(&question, &cited(Outcome::Answered));
        assert_eq!((answered.right, answered.cited), (true, Some(true)));
        assert_eq!((answered.quoted, answered.quoted_page), (None, None));
    }

    #[test]
    fn without_expected_texts_the_gold_page_decides() {
        let question = labelled_question("q", &["vi/gia.html"], &[]);
        let sources = ["vi/khac.html", "vi/gia.html", "vi/gia.html"];
        let judged = AnswerGrade::of(&question, &answer(Outcome::Answered, "Có.", &sources, 0.9));
        assert!(judged.right);
        assert_eq!((judged.first, judged.cited, judged.cited_first), (None, Some(true), Some(false)));
        assert_eq!(judged.pages, 2);
        assert!(!AnswerGrade::of(&question, &answer(Outcome::Answered, "Có.", &["vi/khac.html"], 0.9)).right);
    }

    #[test]
    fn asking_back_is_right_only_where_expected() {
        let offers = |labels: &[&str]| Answer {
            choices: labels
                .iter()
                .map(|label| Choice { label: (*label).into(), question: String::new() })
                .collect(),
            ..answer(Outcome::AskedBack, "Bạn hỏi về Mail hay Drive?", &[], 0.6)
        };
        let open = LabelledQuestion {
            choices: vec!["Mail".into(), "Drive".into()],
            ..labelled_question("q", &[], &[])
        };
        let judged = AnswerGrade::of(&open, &offers(&["Mail", "Drive", "Meet"]));
        assert!(judged.right && judged.asked_back && !judged.answered);
        assert!(!AnswerGrade::of(&open, &offers(&["Mail", "Meet"])).right);
        assert!(!AnswerGrade::of(&open, &answer(Outcome::Answered, "Có.", &["vi/gia.html"], 0.9)).right);
        assert!(!AnswerGrade::of(&labelled_question("q", &[], &["Mail"]), &offers(&["Mail", "Drive"])).right);
        assert!(!AnswerGrade::of(&labelled_question("q", &[], &[]), &offers(&["Mail", "Drive"])).right);
    }

    #[test]
    fn unanswerable_questions_should_be_refused() {
        let question = labelled_question("q", &[], &[]);
        assert!(!AnswerGrade::of(&question, &answer(Outcome::Answered, "Có.", &["vi/gia.html"], 0.9)).right);
        for outcome in [Outcome::OutOfScope, Outcome::Unanswered, Outcome::HumanAgent] {
            let judged = AnswerGrade::of(&question, &answer(outcome, "Không rõ.", &[], 0.1));
            assert!(judged.right);
            assert_eq!((judged.first, judged.cited, judged.cited_first), (None, None, None));
        }
    }
}
