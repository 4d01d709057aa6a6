use hoidap_shared::job::{Answer, Citation, Outcome, ProviderAttempt};
use serde::Serialize;

/// The result of a provider call.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CallResult {
    /// Its text is the answer.
    Taken,
    /// It returned a text, which was rejected.
    NotTaken,
    /// The visitor stopped it.
    Stopped,
    /// It returned no text.
    Failed,
}

/// A sentence of an answer with a citation.
#[derive(Serialize)]
pub(super) struct SupportedSentence {
    pub(super) text: String,
    pub(super) support: f32,
}

/// The calls of providers for an answer in order, with their results.
pub(super) fn calls(answer: &Answer) -> impl Iterator<Item = (&ProviderAttempt, CallResult)> {
    let stopped = answer.outcome == Outcome::Stopped;
    let last = answer.attempts.len().saturating_sub(1);
    answer.attempts.iter().enumerate().map(move |(index, attempt)| {
        let result = match (&attempt.error, &attempt.wrote) {
            (None, _) => CallResult::Taken,
            (Some(_), Some(_)) if stopped && index == last => CallResult::Stopped,
            (Some(_), Some(_)) => CallResult::NotTaken,
            (Some(_), None) => CallResult::Failed,
        };
        (attempt, result)
    })
}

/// The sentences that cite the source of an answer with this index.
pub(super) fn cited_sentences(answer: &Answer, index: usize) -> Vec<SupportedSentence> {
    let citations = answer.citations.iter().filter(|citation| citation.n as usize == index + 1);
    let sentence = |citation: &Citation| {
        let length = citation.answer_end.saturating_sub(citation.answer_start);
        let text = answer.text.chars().skip(citation.answer_start).take(length).collect();
        SupportedSentence { text, support: citation.support }
    };
    citations.map(sentence).collect()
}
