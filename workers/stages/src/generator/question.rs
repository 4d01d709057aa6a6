//! The question as the generator analyses it.

pub(super) mod answer_type;
pub(super) mod codes;
pub(super) mod comparison_question;
pub(super) mod unknown_entity;

use std::collections::BTreeSet;

use hoidap_indices::Analyser;
use hoidap_shared::{
    events::page_address,
    job::{Classified, QueryKind, ScoredLabel, Sender},
    text::Language,
};

use crate::generator::{
    passages::table_selection::{SelectionQuestion, detect_selection},
    question::{
        answer_type::AnswerType,
        codes::QuestionCodes,
        comparison_question::{ComparisonQuestion, detect_comparison},
    },
    text::{clauses, content::TextContent},
};

/// An analysed question.
pub(crate) struct ParsedQuestion {
    /// Its text, with references to earlier turns resolved.
    pub(crate) text: String,
    /// The visitor's language.
    pub(crate) language: Language,
    /// The address of the visitor's page, without query and fragment.
    pub(crate) page: String,
    /// Its content terms and quantities.
    pub(crate) content: TextContent,
    /// The content of the previous turn, if the question may refer to it.
    pub(crate) previous: TextContent,
    /// The last answer, if the question may refer to it, and the terms by which it differs from the last question.
    pub(crate) told_before: Option<ToldBefore>,
    /// Whether it asks for steps.
    pub(crate) asks_for_steps: bool,
    /// Whether it expects yes or no.
    pub(crate) is_yes_no: bool,
    /// Whether it asks for several things.
    pub(crate) asks_for_several: bool,
    /// The terms of the things that it asks for, if it asks for several: of "giấy tờ gì", "which events".
    pub(crate) asked_things: BTreeSet<String>,
    /// The comparison that it asks for.
    pub(crate) comparison: Option<ComparisonQuestion>,
    /// The type of answer that it asks for.
    pub(crate) answer_type: Option<AnswerType>,
    /// The codes that it names.
    pub(crate) codes: QuestionCodes,
    /// The product it is about, if clear.
    pub(crate) product: Option<ScoredLabel>,
    /// The selection from several things that it asks for.
    pub(crate) selection: Option<SelectionQuestion>,
}

impl ParsedQuestion {
    /// Analyses a job's question.
    pub(crate) fn parse(job: &Classified, analyser: &Analyser) -> Self {
        let text = job.meaning.clone();
        let lower = format!(" {} ", text.to_lowercase());
        let any = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
        let (answer_type, selection) = (AnswerType::detect(&text), detect_selection(&text));
        let quantity = answer_type.is_some_and(AnswerType::is_quantity);
        let how = any(&[
            "làm sao",
            "các bước",
            "thế nào",
            "cách ",
            "kiểu gì",
            "làm gì",
            "phải làm",
            "how do",
            "how can",
            "how to",
            "where do",
            "steps",
            "what should i",
            "muốn ",
            "quên ",
            " want to ",
            " lost ",
            " forgot",
        ]);
        let steps = (how || ends_with_how(&lower)) && !quantity;
        let plural = asks_for_plural(&lower);
        let several = any(&SEVERAL_PHRASES) || plural;
        // "Mấy vị trí nào" asks which, and not how many.
        let answer_type = answer_type.filter(|kind| !(plural && *kind == AnswerType::Number));
        let content = TextContent::parse(&text, analyser);
        let page = page_address(&job.question.context);
        Self {
            language: job.language,
            page,
            content,
            previous: previous_turn(job, analyser),
            told_before: ToldBefore::of(job, analyser),
            asks_for_steps: steps,
            is_yes_no: looks_like_yes_no(&lower) && !how,
            asks_for_several: several,
            asked_things: if several { asked_things(&lower, analyser) } else { BTreeSet::new() },
            comparison: detect_comparison(&text),
            answer_type,
            codes: QuestionCodes::find(&text),
            product: job.product.clone(),
            selection,
            text,
        }
    }

    /// Whether a term of it can name something: a single syllable of Vietnamese stands in many names.
    pub(crate) fn is_distinctive(&self, term: &str) -> bool {
        term.contains(' ') || self.language == Language::En
    }

    /// Whether it asks for a person, and a heading names one.
    pub(crate) fn is_answered_by_heading(&self, heading: &str) -> bool {
        let person = AnswerType::Person;
        self.answer_type == Some(person)
            && person.is_answered_by(heading, &TextContent::default(), &self.content)
    }
}

/// The last answer, and what a follow-up asks for beside it.
pub(crate) struct ToldBefore {
    /// The last answer.
    answer: String,
    /// The follow-up's own terms that the last question did not have.
    new_terms: BTreeSet<String>,
}

impl ToldBefore {
    /// `None` where the question continues nothing, or names nothing new.
    fn of(job: &Classified, analyser: &Analyser) -> Option<Self> {
        let history = &job.question.history;
        let last = |sender: Sender| history.iter().rev().find(|turn| turn.sender == sender);
        let continues = job.queries.iter().any(|query| query.kind == QueryKind::Rewritten);
        let (question, answer) = (last(Sender::User)?, last(Sender::Assistant).filter(|_| continues)?);
        let terms = |text: &str| TextContent::parse(text, analyser).terms;
        let new_terms: BTreeSet<String> =
            terms(&job.question.message).difference(&terms(&question.content)).cloned().collect();
        (!new_terms.is_empty()).then(|| Self { answer: answer.content.clone(), new_terms })
    }

    /// Whether the last answer contains a text that says nothing of what is new in the question.
    pub(crate) fn repeats(&self, text: &str, has_term: impl Fn(&str) -> bool) -> bool {
        self.answer.contains(text) && !self.new_terms.iter().any(|term| has_term(term))
    }
}

/// The content of the last question and its answer, if the new question may refer to them.
fn previous_turn(job: &Classified, analyser: &Analyser) -> TextContent {
    let mut content = TextContent::default();
    if job.queries.iter().any(|query| query.kind == QueryKind::Rewritten) {
        for sender in [Sender::User, Sender::Assistant] {
            let turn = job.question.history.iter().rev().find(|turn| turn.sender == sender);
            let words: Vec<&str> = turn
                .into_iter()
                .flat_map(|turn| turn.content.split_whitespace())
                .take(MAX_TURN_WORDS)
                .collect();
            content.add(&TextContent::parse(&words.join(" "), analyser));
        }
    }
    content
}

/// Words of a turn that are used.
const MAX_TURN_WORDS: usize = 40;

/// Most words from "những" to "nào".
const MAX_WORDS_TO_INTERROGATIVE: usize = 5;

/// Most words from "which" to the plural that it asks for, the plural included.
const MAX_WORDS_TO_PLURAL: usize = 2;

/// Phrases that ask for several things.
const SEVERAL_PHRASES: [&str; 22] = [
    "những gì",
    "những ai",
    "những cách nào",
    "những loại nào",
    "những tính năng",
    "các loại nào",
    "gồm ",
    "liệt kê",
    "giấy tờ gì",
    "hồ sơ gì",
    "chuẩn bị gì",
    "what do i need",
    "what should i bring",
    "what can i not",
    "what am i not",
    "what are the ",
    " which are ",
    " list ",
    " kinds of ",
    " types of ",
    " include",
    " consist",
];
/// First words of an English yes-or-no question.
const YES_NO_OPENERS: [&str; 18] = [
    "is", "are", "was", "were", "am", "do", "does", "did", "can", "could", "will", "would", "should", "may",
    "has", "have", "must", "any",
];
/// Words that may follow the question word at the end.
const CLOSING_WORDS: [&str; 10] = ["vậy", "ạ", "nhỉ", "hả", "nhé", "thế", "bạn", "shop", "ad", "em"];

/// Whether a lowercase question asks for several things by a plural: "những hình thức nào", "which payment methods".
fn asks_for_plural(lower: &str) -> bool {
    const PEOPLE: [&str; 6] = ["bạn", "anh", "chị", "em", "shop", "ad"];
    const VERBS: [&str; 14] = [
        "happens", "comes", "includes", "offers", "supports", "makes", "costs", "works", "needs", "gives",
        "does", "means", "takes", "allows",
    ];
    let words: Vec<&str> = words(lower).collect();
    let vietnamese = words.iter().enumerate().any(|(at, word)| {
        let behind = || words[at + 1..].iter().take(MAX_WORDS_TO_INTERROGATIVE);
        matches!(*word, "những" | "các" | "mấy")
            && words.get(at + 1).is_some_and(|next| !PEOPLE.contains(next))
            && behind().any(|word| matches!(*word, "nào" | "gì"))
    });
    let is_plural = |word: &&str| {
        let is_singular = ["ss", "us", "is"].iter().any(|end| word.ends_with(end));
        word.len() > 3 && word.ends_with('s') && !is_singular && !VERBS.contains(word)
    };
    let asked = words.iter().take(2).position(|word| matches!(*word, "which" | "what"));
    let english = asked.is_some_and(|at| words[at + 1..].iter().take(MAX_WORDS_TO_PLURAL).any(is_plural));
    vietnamese || english
}

/// The content terms of what a lowercase question asks several of: the words from "những" to "nào", the two before "gì", or
/// those after "which" up to the plural.
fn asked_things(lower: &str, analyser: &Analyser) -> BTreeSet<String> {
    let words: Vec<&str> = words(lower).collect();
    let of = |words: &[&str]| clauses::content_terms(&words.join(" "), analyser);
    if let Some(end) = words.iter().rposition(|word| matches!(*word, "nào" | "gì")) {
        let from = words[..end].iter().rposition(|word| matches!(*word, "những" | "các" | "mấy"));
        let from = from.map_or(end.saturating_sub(2), |at| at + 1);
        return of(words[from..end].strip_prefix(&["cái"]).unwrap_or(&words[from..end]));
    }
    let asked = words.iter().take(2).position(|word| matches!(*word, "which" | "what"));
    let things = asked.map(|at| &words[at + 1..]).unwrap_or_default();
    let plural = things.iter().take(MAX_WORDS_TO_PLURAL).position(|word| word.ends_with('s'));
    plural.map(|at| of(&things[..=at])).unwrap_or_default()
}

/// Whether a lowercase question ends in the short "how": "lấy lại sao?"
fn ends_with_how(lower: &str) -> bool {
    let words: Vec<&str> = words(lower).collect();
    matches!(words[..], [.., before, "sao"] if !matches!(before, "thì" | "ra" | "tại" | "vì" | "bị"))
}

/// Whether a lowercase question looks like a yes-or-no question.
fn looks_like_yes_no(lower: &str) -> bool {
    let words: Vec<&str> = words(lower).collect();
    let last = words.iter().rev().find(|word| !CLOSING_WORDS.contains(word));
    words.first().is_some_and(|first| YES_NO_OPENERS.contains(first))
        || last.is_some_and(|last| matches!(*last, "không" | "khong" | "ko" | "k" | "hông" | "chưa" | "chua"))
}

fn words(lower: &str) -> impl Iterator<Item = &str> {
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
pub(crate) mod tests {
    pub(crate) use hoidap_testing::jobs::classified;

    use super::*;

    /// A question as the classifier outputs it, analysed.
    pub(crate) fn parse_question(question: &str, language: Language) -> ParsedQuestion {
        ParsedQuestion::parse(&classified(question, language), &Analyser::default())
    }

    #[test]
    fn a_plural_asks_for_several_things() {
        for question in [
            "có những phương thức thanh toán nào?",
            "các gói nào có ghi hình",
            "which payment methods do you accept?",
            "what hours are you open?",
            "mở thẻ cần mấy loại giấy tờ gì?",
        ] {
            assert!(asks_for_plural(question), "{question}");
        }
        for question in [
            "what's the refund policy?",
            "what happens if i cancel?",
            "which plan includes sso?",
            "what does it cost?",
            "các bạn mở cửa đến giờ nào?",
            "what is the status of dns?",
        ] {
            assert!(!asks_for_plural(question), "{question}");
        }
    }

    #[test]
    fn what_is_asked_for_is_seen() {
        assert!(
            parse_question("Làm thế nào để đổi?", Language::Vi).asks_for_steps
                && parse_question("How do I change it?", Language::En).asks_for_steps
        );
        assert!(!parse_question("How much does it cost to change it?", Language::En).asks_for_steps);
        assert!(parse_question("Mất thẻ thì lấy lại sao?", Language::Vi).asks_for_steps);
        assert!(!parse_question("Còn gói Lẻ thì sao?", Language::Vi).asks_for_steps);
        assert!(parse_question("Có giao tận nhà không ạ?", Language::Vi).is_yes_no);
        assert!(parse_question("Do you deliver?", Language::En).is_yes_no);
        assert!(!parse_question("Làm sao biết đơn đã đi chưa?", Language::Vi).is_yes_no);
        assert!(parse_question("Combo gồm những gì?", Language::Vi).asks_for_several);
    }
}
