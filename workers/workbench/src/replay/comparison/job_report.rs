use serde::{Deserialize, Serialize};

use crate::replay::comparison::job_snapshot::JobSnapshot;

/// What can differ between the recorded and the replayed job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// The intent's name.
    Intent,
    /// The product's name.
    Product,
    /// The search queries.
    Queries,
    /// The passages or their order.
    Passages,
    /// The outcome.
    Outcome,
    /// A passage that the recorded answer cites is not found any more.
    CitedLost,
    /// The cited passages.
    Citations,
    /// The answer's text.
    Answer,
    /// The confidence, by more than [`crate::replay::comparison::compare::CONFIDENCE_TOLERANCE`].
    Confidence,
}

/// One job in the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobReport {
    /// The job's id.
    pub job: String,
    /// When its question was stored.
    pub time: jiff::Timestamp,
    /// The question in normal form.
    pub question: String,
    /// The page it was asked on.
    pub page: String,
    /// The session that asked.
    pub session: String,
    /// The language it is answered in: `vi` or `en`.
    pub language: String,
    /// The first stage whose output differs.
    pub first: String,
    /// What differs.
    pub aspects: Vec<Aspect>,
    /// What both the recorded and the replayed job have, so that it could differ.
    #[serde(skip)]
    pub compared: Vec<Aspect>,
    /// Whether the visitor would see it: another outcome, other citations or another text.
    pub visible: bool,
    /// Why the replay has no answer: it needs a model, or a stage failed.
    pub problem: Option<ReplayFailure>,
    /// Share of the recorded passages that are found again, among the first eight; absent if no search was replayed.
    pub overlap: Option<f32>,
    /// Cosine of the embeddings of the two answers; absent if one has no text.
    pub meaning: Option<f32>,
    /// Distance of the two; 0 if nothing differs. See `docs/replay.md`.
    pub distance: f32,
    /// The word diff of the two answers.
    pub text: Vec<DiffSegment>,
    /// Documents that the recorded job found and that were removed since.
    #[serde(default)]
    pub gone: Vec<RemovedDocument>,
    /// The verdict of a label.
    pub judged: Option<LabelVerdict>,
    /// Whether a gold page is reached, as recorded and as replayed.
    #[serde(skip)]
    pub reached: Option<(bool, bool)>,
    /// The job as recorded.
    pub before: JobSnapshot,
    /// The job as replayed.
    pub after: JobSnapshot,
}

/// A document that a recorded job found and that was removed from its collection since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemovedDocument {
    /// The collection's name.
    pub collection: String,
    /// Its path when it was indexed.
    pub source: String,
    /// Its address; empty if it had none.
    pub url: String,
    /// Whether the recorded answer cites it.
    pub cited: bool,
}

/// Why the replay has no answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplayFailure {
    /// A stable code, such as `needs_model`.
    pub code: String,
    /// A sentence.
    pub what: String,
}

/// A segment of a word diff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiffSegment {
    /// Which text contains it.
    pub side: DiffOrigin,
    /// Its text.
    pub text: String,
}

/// Which text contains a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiffOrigin {
    /// Both texts.
    Both,
    /// Only the recorded text.
    Before,
    /// Only the replayed text.
    After,
}

/// Whether the replay is better or worse by a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelVerdict {
    /// The replay reaches a gold page that the recorded job did not reach.
    Better,
    /// Both reach a gold page, or neither does.
    Same,
    /// The replay loses a gold page that the recorded job reached.
    Worse,
}
