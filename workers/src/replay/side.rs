use hoidap_shared::job::{Answer, Classified, Passage, QueryKind, Retrieved, ScoredLabel};
use serde::{Deserialize, Serialize};

/// What the stages made of a job, as a reader of the report sees it: once as it was recorded, once as it was replayed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// The intent.
    pub intent: Option<ScoredLabel>,
    /// The product.
    pub product: Option<String>,
    /// What was searched for.
    pub queries: Vec<(QueryKind, String)>,
    /// What was found, best first.
    pub passages: Vec<Found>,
    /// The answer; absent where the job ended before there was one.
    pub answer: Option<Said>,
    /// Milliseconds of work, by stage.
    pub worked_ms: Vec<(String, u64)>,
}

/// A passage that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
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
    /// Its document's path as it was indexed.
    pub source: String,
    /// How well it fits, 0 to 1.
    pub score: f32,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// How the job ended.
    pub outcome: String,
    /// What the visitor reads.
    pub text: String,
    /// The cited chunks, in the order of their numbers.
    pub cited: Vec<String>,
    /// 0 to 1.
    pub confidence: f32,
    /// Whose words these are.
    pub provider: Option<String>,
    /// US dollars, where they are known.
    pub cost_usd: Option<f64>,
}

impl Side {
    /// Adds what the classifier found.
    pub(super) fn classified(&mut self, classified: &Classified) {
        self.intent = Some(classified.intent.clone());
        self.product = classified.product.as_ref().map(|product| product.name.clone());
        self.queries = classified.queries.iter().map(|query| (query.kind, query.text.clone())).collect();
    }

    /// Adds what the retriever found.
    pub(super) fn retrieved(&mut self, retrieved: &Retrieved) {
        self.passages = retrieved.passages.iter().map(found).collect();
    }

    /// Adds how the job ended.
    pub(super) fn answered(&mut self, answer: &Answer) {
        self.intent = Some(answer.intent.clone());
        self.product = answer.product.clone();
        self.answer = Some(Said {
            outcome: answer.outcome.name().into(),
            text: answer.text.clone(),
            cited: answer.sources.iter().map(|source| source.metadata.chunk_id.clone()).collect(),
            confidence: answer.confidence,
            provider: answer.provider.clone(),
            cost_usd: answer.usage.cost_usd,
        });
    }
}

fn found(passage: &Passage) -> Found {
    Found {
        chunk: passage.chunk_id.clone(),
        collection: passage.collection.clone(),
        title: passage.title.clone(),
        headings: passage.heading_path.clone(),
        url: passage.url.clone(),
        source: passage.source.clone(),
        score: passage.score,
    }
}
