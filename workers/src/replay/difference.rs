use serde::{Deserialize, Serialize};

use super::side::Side;

/// What can differ between a job as it was recorded and as it was replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// The intent's name.
    Intent,
    /// The product's name.
    Product,
    /// The wordings that are searched for.
    Queries,
    /// The passages: which, or in which order.
    Passages,
    /// How the job ended.
    Outcome,
    /// A passage that the recorded answer cites is not found any more.
    CitedLost,
    /// The cited passages.
    Citations,
    /// The answer's text.
    Answer,
    /// The confidence, by more than [`super::compare::CONFIDENCE`].
    Confidence,
}

/// One job of the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobReport {
    /// The job.
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
    /// The first stage whose result differs.
    pub first: String,
    /// What differs.
    pub aspects: Vec<Aspect>,
    /// Whether the visitor would see it: another outcome, other citations or another text.
    pub visible: bool,
    /// Why the replay has no answer of this job: it needs a model, or a stage failed.
    pub problem: Option<Problem>,
    /// Share of the recorded passages that are found again, among the first eight; absent where nothing was looked for.
    pub overlap: Option<f32>,
    /// How alike the two answers are by meaning: the cosine of their embeddings; absent where one has no text.
    pub meaning: Option<f32>,
    /// How far apart the two are; 0: nothing differs. See `docs/replay.md`.
    pub distance: f32,
    /// The pieces of both texts: what stayed, what went, what came.
    pub text: Vec<Piece>,
    /// The pages it found that are gone.
    #[serde(default)]
    pub gone: Vec<Gone>,
    /// How a label judges it.
    pub judged: Option<Judged>,
    /// Whether a gold page is reached, as recorded and as replayed.
    #[serde(skip)]
    pub reached: Option<(bool, bool)>,
    /// As it was recorded.
    pub before: Side,
    /// As it was replayed.
    pub after: Side,
}

/// A page that a recorded job found and that its collection has no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gone {
    /// The collection.
    pub collection: String,
    /// Its path as it was indexed.
    pub source: String,
    /// Its address; empty where it had none.
    pub url: String,
    /// Whether the recorded answer cites it.
    pub cited: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable code, such as `needs_model`.
    pub code: String,
    /// A sentence.
    pub what: String,
}

/// A piece of two texts laid over each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    /// Which text has it.
    pub side: PieceSide,
    /// Its words.
    pub text: String,
}

/// Which of two texts has a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PieceSide {
    /// Both.
    Both,
    /// The recorded one alone.
    Before,
    /// The replayed one alone.
    After,
}

/// What a label says of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// The replay reaches a gold page that the recorded job did not reach.
    Better,
    /// As good as before.
    Same,
    /// The replay loses a gold page that the recorded job reached.
    Worse,
}
