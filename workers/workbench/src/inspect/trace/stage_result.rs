use hoidap_shared::{
    events::page_address,
    job::{Answer, Classified, Passage, ProviderAttempt, Question, Retrieved},
};

use crate::inspect::trace::job_trace::{
    CallResult, CitedSource, ClassifierResult, QueryWording, QuestionDetails, RetrievedPassage,
    RetrieverResult, StageResult, TracedCitation, TracedProviderCall,
};

impl QuestionDetails {
    pub(in crate::inspect) fn of(question: &Question) -> Self {
        let page = &question.context;
        Self {
            message: question.message.clone(),
            history: question.history.clone(),
            // A redacted address cannot be shortened.
            page: Some(page_address(page)).filter(|cut| !cut.is_empty()).unwrap_or_else(|| page.url.clone()),
            page_title: page.title.clone(),
            page_product: page.product.clone(),
            page_section: page.section.clone(),
            session_id: question.session_id.clone(),
            user_id: question.user_id.clone(),
            client: question.client.clone(),
        }
    }

    /// The details that an answer holds.
    pub(in crate::inspect) fn of_answer(answer: &Answer) -> Self {
        Self {
            message: answer.question.clone(),
            history: Vec::new(),
            page: answer.page.clone(),
            page_title: String::new(),
            page_product: None,
            page_section: None,
            session_id: answer.session_id.clone(),
            user_id: answer.user_id.clone(),
            client: answer.client.clone(),
        }
    }
}

impl StageResult {
    pub(in crate::inspect) fn from_classified(classified: &Classified) -> Self {
        Self::Meaning(ClassifierResult {
            language: classified.language.code().into(),
            meaning: classified.meaning.clone(),
            intent: classified.intent.clone(),
            out_of_scope: classified.out_of_scope,
            product: classified.product.clone(),
            section: classified.section.clone(),
            queries: classified.queries.iter().map(QueryWording::from).collect(),
            collections: classified.collections.clone(),
            identifiers: classified.identifiers.clone(),
            version: classified.version.clone(),
        })
    }

    pub(in crate::inspect) fn from_retrieved(retrieved: &Retrieved) -> Self {
        Self::Passages(RetrieverResult {
            passages: retrieved.passages.iter().map(retrieved_passage).collect(),
            support: retrieved.support,
            filter: retrieved.filter,
            version: retrieved.version.clone(),
        })
    }
}

fn retrieved_passage(passage: &Passage) -> RetrievedPassage {
    RetrievedPassage {
        chunk: passage.chunk_id.clone(),
        collection: passage.collection.clone(),
        collection_version: passage.version.clone(),
        title: passage.title.clone(),
        headings: passage.heading_path.clone(),
        url: passage.url.clone(),
        score: passage.score,
        similarity: passage.similarity,
        ranks: passage.ranks,
        text: passage.text.clone(),
    }
}

/// The sources of an answer, each with the sentences that cite it.
pub(in crate::inspect) fn cited_sources(answer: &Answer) -> Vec<CitedSource> {
    let text: Vec<char> = answer.text.chars().collect();
    let sentence = |start: usize, end: usize| -> String {
        let end = end.min(text.len());
        text.get(start.min(end)..end).unwrap_or_default().iter().collect()
    };
    let sources = answer.sources.iter().enumerate().map(|(place, source)| CitedSource {
        n: place + 1,
        title: source.metadata.title.clone(),
        url: source.metadata.url.clone(),
        collection: source.collection.clone(),
        score: source.score,
        sentences: answer
            .citations
            .iter()
            .filter(|citation| citation.n as usize == place + 1)
            .map(|citation| TracedCitation {
                text: sentence(citation.answer_start, citation.answer_end),
                support: citation.support,
            })
            .collect(),
    });
    sources.collect()
}

/// The provider calls in order, with their results.
pub(in crate::inspect) fn provider_calls(answer: &Answer) -> Vec<TracedProviderCall> {
    let stopped = answer.outcome == hoidap_shared::job::Outcome::Stopped;
    let last = answer.attempts.len().saturating_sub(1);
    let attempt = |(place, attempt): (usize, &ProviderAttempt)| {
        let result = match (&attempt.error, &attempt.wrote) {
            (None, _) => CallResult::Taken,
            (Some(_), Some(_)) if stopped && place == last => CallResult::Stopped,
            (Some(_), Some(_)) => CallResult::NotTaken,
            (Some(_), None) => CallResult::Failed,
        };
        TracedProviderCall {
            provider: attempt.provider.clone(),
            took_ms: attempt.took_ms,
            result,
            error: attempt.error.clone(),
            model: attempt.wrote.as_ref().map(|wrote| wrote.model.clone()),
            words: attempt.wrote.as_ref().map(|wrote| wrote.text.clone()),
            cut_off: attempt.wrote.as_ref().is_some_and(|wrote| wrote.cut_off),
            usage: attempt.wrote.as_ref().map(|wrote| wrote.usage.clone()),
        }
    };
    answer.attempts.iter().enumerate().map(attempt).collect()
}
