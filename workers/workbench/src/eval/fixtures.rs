//! Questions and answers for tests.

use std::collections::BTreeMap;

use hoidap_shared::{
    job::{Answer, Outcome, ScoredLabel, Source, SourceMetadata, Usage},
    text::Language,
};

use super::{
    EvaluatedQuestion,
    grade::{self, AnswerGrade},
    labelled_question::LabelledQuestion,
};

pub(super) fn labelled_question(id: &str, gold: &[&str], contains: &[&str]) -> LabelledQuestion {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_string()).collect();
    LabelledQuestion {
        id: id.into(),
        question: format!("Câu hỏi {id}?"),
        locale: Some("vi".into()),
        gold: owned(gold),
        answer_contains: owned(contains),
        ..LabelledQuestion::default()
    }
}

pub(super) fn answer(outcome: Outcome, text: &str, sources: &[&str], confidence: f32) -> Answer {
    Answer {
        session_id: "evaluation".into(),
        user_id: None,
        client: String::new(),
        question: "?".into(),
        page: "https://www.example.com/".into(),
        outcome,
        problem: None,
        text: text.into(),
        sources: sources.iter().map(|path| source(path)).collect(),
        citations: Vec::new(),
        choices: Vec::new(),
        confidence,
        intent: ScoredLabel { name: "how_to".into(), confidence: 0.9 },
        product: None,
        language: Language::Vi,
        provider: None,
        model: None,
        attempts: Vec::new(),
        usage: Usage::default(),
        versions: BTreeMap::new(),
    }
}

fn source(path: &str) -> Source {
    Source {
        content: format!("Text of {path}."),
        collection: "site".into(),
        score: 0.8,
        metadata: SourceMetadata {
            url: format!("https://www.example.com/{path}"),
            title: format!("Title of {path}"),
            heading_path: Vec::new(),
            chunk_id: "c1".into(),
            document_version: "d1".into(),
            index_version: "i1".into(),
            start: 0,
            end: 9,
            source: path.into(),
            locale: "vi".into(),
            product: None,
            section: None,
        },
    }
}

pub(super) fn measured(labelled: LabelledQuestion, answer: Answer, took_ms: u64) -> EvaluatedQuestion {
    let passages = answer.sources.iter().map(|source| source.metadata.source.clone()).collect();
    let judged = AnswerGrade::of(&labelled, &answer);
    let held = grade::contains_wanted(&labelled, answer.sources.iter().map(|source| source.content.as_str()));
    EvaluatedQuestion { labelled, passages, held, support: Some(0.9), answer, took_ms, judged }
}

/// Five questions: two right answers, a wrong refusal, an answer that should be a refusal, and a right refusal.
pub(super) fn results() -> Vec<EvaluatedQuestion> {
    let right = answer(Outcome::Answered, "Giá 39.000 đ.", &["a.html"], 0.9);
    let by_page = answer(Outcome::Answered, "Một hai.", &["c.html", "b.html"], 0.8);
    let refused = answer(Outcome::Unanswered, "Không rõ.", &[], 0.1);
    let invented = answer(Outcome::Answered, "Có.", &["d.html"], 0.6);
    let declined = answer(Outcome::OutOfScope, "Không.", &[], 0.0);
    let of_kind =
        |kind: &str, labelled: LabelledQuestion| LabelledQuestion { kind: Some(kind.into()), ..labelled };
    vec![
        measured(of_kind("price", labelled_question("a", &["a.html"], &["39.000"])), right, 10),
        measured(of_kind("price", labelled_question("b", &["b.html"], &[])), by_page, 20),
        measured(of_kind("limit", labelled_question("c", &["c.html"], &["7 ngày"])), refused, 30),
        measured(of_kind("none", labelled_question("d", &[], &[])), invented, 40),
        measured(of_kind("none", labelled_question("e", &[], &[])), declined, 50),
    ]
}
