//! A question as the generator reads it.

use hoidap_indices::Analyser;
use hoidap_shared::{
    events::page_of,
    job::{Classified, Scored},
    text::Language,
};

use super::{
    compare::{Pick, pick},
    content::Content,
    wanted::Wanted,
};

/// A question, read.
pub(crate) struct Asked {
    /// What the visitor means.
    pub(crate) text: String,
    /// The visitor's language.
    pub(crate) language: Language,
    /// The address of the visitor's page, without what follows its path.
    pub(crate) page: String,
    /// Its content words and figures.
    pub(crate) content: Content,
    /// Whether the answer is a list of steps.
    pub(crate) steps: bool,
    /// What kind of answer it asks for.
    pub(crate) wanted: Option<Wanted>,
    /// The product it is about, when one is clear.
    pub(crate) product: Option<Scored>,
    /// What it asks to choose.
    pub(crate) pick: Option<Pick>,
}

impl Asked {
    /// Reads the question of a job.
    pub(crate) fn of(job: &Classified, analyser: &Analyser) -> Self {
        let text = job.meaning.clone();
        let lower = format!(" {} ", text.to_lowercase());
        let any = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
        let (wanted, pick) = (Wanted::by(&text), pick(&text));
        let figure = wanted.is_some_and(Wanted::is_figure);
        let steps = any(&[
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
        ]) && !figure;
        let content = Content::of(&text, analyser);
        let page = page_of(&job.question.context);
        Self {
            text,
            language: job.language,
            page,
            content,
            steps,
            wanted,
            product: job.product.clone(),
            pick,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use hoidap_shared::job::{PageContext, Query, QueryKind, Question};

    use super::*;

    /// A question as the classifier hands it on, without an embedding.
    pub(crate) fn classified(question: &str, language: Language) -> Classified {
        Classified {
            embedded_by: String::new(),
            question: Question {
                message: question.into(),
                session_id: "session-0001".into(),
                context: PageContext { url: "https://www.example.com/".into(), ..PageContext::default() },
                history: Vec::new(),
                user_id: None,
                client: "c".into(),
            },
            language,
            meaning: question.into(),
            intent: Scored { name: "how_to".into(), confidence: 0.9 },
            product: None,
            section: None,
            queries: vec![Query::new(question, QueryKind::Asked, 1.0)],
            collections: Vec::new(),
            version: "v".into(),
            out_of_scope: 0.0,
            identifiers: Vec::new(),
        }
    }

    /// The same, read.
    pub(crate) fn asked(question: &str, language: Language) -> Asked {
        Asked::of(&classified(question, language), &Analyser::default())
    }

    #[test]
    fn what_is_asked_for_is_seen() {
        assert!(
            asked("Làm thế nào để đổi?", Language::Vi).steps
                && asked("How do I change it?", Language::En).steps
        );
        assert!(!asked("How much does it cost to change it?", Language::En).steps);
    }
}
