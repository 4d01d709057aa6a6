use hoidap_shared::job::{Answer, Classified, Passage, QueryKind, Retrieved, ScoredLabel};
use serde::{Deserialize, Serialize};

/// The outputs of a job's stages as the report shows them, either recorded or replayed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JobSnapshot {
    /// The intent.
    pub intent: Option<ScoredLabel>,
    /// The product.
    pub product: Option<String>,
    /// The search queries.
    pub queries: Vec<(QueryKind, String)>,
    /// The passages found, best first.
    pub passages: Vec<FoundPassage>,
    /// The answer; absent if the replay ended before the generator.
    pub answer: Option<AnswerSummary>,
    /// Milliseconds of work, by stage.
    pub worked_ms: Vec<(String, u64)>,
}

/// A passage found by the retriever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundPassage {
    /// The chunk's id.
    pub chunk: String,
    /// Its collection.
    pub collection: String,
    /// Its document's title.
    pub title: String,
    /// The headings above it, outermost first.
    pub headings: Vec<String>,
    /// Its document's address on the site.
    pub url: String,
    /// Its document's path when it was indexed.
    pub source: String,
    /// Its score, 0 to 1.
    pub score: f32,
}

/// Summary of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnswerSummary {
    /// The outcome.
    pub outcome: String,
    /// The answer's text.
    pub text: String,
    /// Ids of the cited chunks, by citation number.
    pub cited: Vec<String>,
    /// Confidence, 0 to 1.
    pub confidence: f32,
    /// The provider that wrote the text.
    pub provider: Option<String>,
    /// Cost in US dollars, if known.
    pub cost_usd: Option<f64>,
}

impl JobSnapshot {
    /// Adds the classifier's output.
    pub(in crate::replay) fn add_classified(&mut self, classified: &Classified) {
        self.intent = Some(classified.intent.clone());
        self.product = classified.product.as_ref().map(|product| product.name.clone());
        self.queries = classified.queries.iter().map(|query| (query.kind, query.text.clone())).collect();
    }

    /// Adds the retriever's output.
    pub(in crate::replay) fn add_retrieved(&mut self, retrieved: &Retrieved) {
        self.passages = retrieved.passages.iter().map(found_passage).collect();
    }

    pub(in crate::replay) fn add_answer(&mut self, answer: &Answer) {
        self.intent = Some(answer.intent.clone());
        self.product = answer.product.clone();
        self.answer = Some(AnswerSummary {
            outcome: answer.outcome.name().into(),
            text: answer.text.clone(),
            cited: answer.sources.iter().map(|source| source.metadata.chunk_id.clone()).collect(),
            confidence: answer.confidence,
            provider: answer.provider.clone(),
            cost_usd: answer.usage.cost_usd,
        });
    }
}

fn found_passage(passage: &Passage) -> FoundPassage {
    FoundPassage {
        chunk: passage.chunk_id.clone(),
        collection: passage.collection.clone(),
        title: passage.title.clone(),
        headings: passage.heading_path.clone(),
        url: passage.url.clone(),
        source: passage.source.clone(),
        score: passage.score,
    }
}
