use hoidap_shared::{
    events::ChatEvent,
    job::{Choice, FilterUsed, Identifier, JobId, Query, QueryKind, Ranks, Scored, Turn, Usage},
};
use jiff::Timestamp;
use serde::Serialize;

/// The trace of one job, as plain data. Fields `at_ms` and `…_at_ms` count from the gateway's acceptance of the
/// question. Clocks of other processes may differ a little, so that values can be below zero.
#[derive(Debug, Serialize)]
pub(super) struct JobTrace {
    pub(super) job: JobId,
    /// `NATS`, or the recording's name.
    pub(super) source: String,
    pub(super) state: JobState,
    /// When the gateway accepted the question.
    pub(super) accepted: Option<Timestamp>,
    /// The deadline.
    pub(super) deadline_at_ms: Option<i64>,
    /// From the question to its last answer.
    pub(super) took_ms: Option<i64>,
    /// When the trace was made.
    #[serde(skip)]
    pub(super) now_ms: Option<i64>,
    /// The gateway that accepted the question.
    pub(super) gateway: Option<String>,
    pub(super) trace: Option<String>,
    /// Whether the answer could be streamed.
    pub(super) stream: bool,
    pub(super) asked: Option<QuestionDetails>,
    /// One execution for each stage input, in stream order.
    #[serde(rename = "visits")]
    pub(super) executions: Vec<StageExecution>,
    /// The job's answers: one, or more if it was redriven.
    pub(super) answers: Vec<TracedAnswer>,
    pub(super) letters: Vec<TracedDeadLetter>,
    /// Deliveries that the server gave up.
    pub(super) given_up: Vec<AbandonedDelivery>,
    /// The live output, which is kept for minutes.
    pub(super) told: Option<LiveOutput>,
    pub(super) events: Vec<AnalyticsEvent>,
    pub(super) feedback: Vec<VisitorFeedback>,
    pub(super) waiting: Option<WaitingJob>,
    /// Notes on what is missing or unusual.
    pub(super) notes: Vec<String>,
}

/// The state of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum JobState {
    /// It has an answer, even if that is a failure.
    Ended,
    /// It waits for a stage or is being worked on.
    Waiting,
    /// Its last message expired without work, or the recording ends before its answer.
    Unfinished,
    /// It never became a job: answered from the cache, or refused.
    NoJob,
}

/// The question, who asked it and on which page.
#[derive(Debug, Serialize)]
pub(super) struct QuestionDetails {
    pub(super) message: String,
    pub(super) history: Vec<Turn>,
    pub(super) page: String,
    pub(super) page_title: String,
    pub(super) page_product: Option<String>,
    pub(super) page_section: Option<String>,
    pub(super) session_id: String,
    pub(super) user_id: Option<String>,
    pub(super) client: String,
}

/// A stage's execution of one message.
#[derive(Debug, Serialize)]
pub(super) struct StageExecution {
    pub(super) stage: String,
    /// The message's sequence in the jobs stream.
    pub(super) seq: u64,
    /// When the message was stored.
    pub(super) at_ms: i64,
    /// The redrive token, if this message or one before it was redriven from a dead letter.
    pub(super) redrive: Option<String>,
    /// The input, in a sentence.
    pub(super) took: String,
    pub(super) waited_ms: Option<u64>,
    pub(super) worked_ms: Option<u64>,
    /// The delivery that gave the result, from 1.
    pub(super) delivery: Option<u32>,
    /// Whether a canary gave the result.
    pub(super) canary: bool,
    /// Starts of deliveries, as long as the live output is kept.
    pub(super) runs: Vec<DeliveryStart>,
    pub(super) end: ExecutionEnd,
    pub(super) made: Option<StageResult>,
    /// Why the message or the stage's output cannot be decoded.
    pub(super) unread: Option<String>,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub(super) enum ExecutionEnd {
    /// The next stage got a message.
    Passed {
        /// The next stage.
        to: String,
        /// The message.
        seq: u64,
    },
    /// The job was answered.
    Answered,
    /// The stage gave up: a dead letter.
    Dead {
        /// The code of the reason.
        reason: String,
    },
    /// The job already had its answer, so the message was acknowledged without work.
    AnsweredBefore,
    /// It has not ended.
    Open,
}

/// The start of a delivery.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct DeliveryStart {
    pub(super) at_ms: i64,
    pub(super) process: String,
    pub(super) delivery: Option<u32>,
}

/// The output of a stage.
#[derive(Debug, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum StageResult {
    /// The classifier's output.
    Meaning(ClassifierResult),
    /// The retriever's output.
    Passages(RetrieverResult),
}

/// The classifier's output.
#[derive(Debug, Serialize)]
pub(super) struct ClassifierResult {
    pub(super) language: String,
    pub(super) meaning: String,
    pub(super) intent: Scored,
    pub(super) out_of_scope: f32,
    pub(super) product: Option<Scored>,
    pub(super) section: Option<String>,
    pub(super) queries: Vec<QueryWording>,
    pub(super) collections: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) identifiers: Vec<Identifier>,
    pub(super) version: String,
}

/// One search query.
#[derive(Debug, Serialize)]
pub(super) struct QueryWording {
    pub(super) text: String,
    pub(super) kind: QueryKind,
    pub(super) weight: f32,
    /// Whether it is searched by embedding too, not only by words.
    pub(super) dense: bool,
}

impl From<&Query> for QueryWording {
    fn from(query: &Query) -> Self {
        let dense = query.embedding.is_some();
        Self { text: query.text.clone(), kind: query.kind, weight: query.weight, dense }
    }
}

/// The retriever's output.
#[derive(Debug, Serialize)]
pub(super) struct RetrieverResult {
    pub(super) passages: Vec<RetrievedPassage>,
    pub(super) support: f32,
    pub(super) filter: FilterUsed,
    pub(super) version: String,
}

/// A passage that was found.
#[derive(Debug, Serialize)]
pub(super) struct RetrievedPassage {
    pub(super) chunk: String,
    pub(super) collection: String,
    pub(super) collection_version: String,
    pub(super) title: String,
    pub(super) headings: Vec<String>,
    pub(super) url: String,
    pub(super) score: f32,
    pub(super) similarity: Option<f32>,
    pub(super) ranks: Ranks,
    pub(super) text: String,
}

/// An answer, with its provider calls.
#[derive(Debug, Serialize)]
pub(super) struct TracedAnswer {
    /// When the job ended.
    pub(super) at_ms: i64,
    /// The stage that answered; absent if a dead letter did.
    pub(super) stage: Option<String>,
    /// Sequence of its record in the jobs stream.
    pub(super) seq: Option<u64>,
    pub(super) redrive: Option<String>,
    /// Until when gateways can read it, if it is the stored answer.
    pub(super) readable_until: Option<Timestamp>,
    pub(super) outcome: String,
    pub(super) problem: Option<String>,
    pub(super) text: String,
    pub(super) citations: Vec<CitedSource>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) choices: Vec<Choice>,
    pub(super) confidence: f32,
    pub(super) intent: Scored,
    pub(super) product: Option<String>,
    pub(super) language: String,
    pub(super) provider: Option<String>,
    pub(super) model: Option<String>,
    pub(super) attempts: Vec<ProviderCall>,
    pub(super) usage: Usage,
    pub(super) versions: std::collections::BTreeMap<String, String>,
}

/// A source that the answer cites.
#[derive(Debug, Serialize)]
pub(super) struct CitedSource {
    /// Its number in the answer.
    pub(super) n: usize,
    pub(super) title: String,
    pub(super) url: String,
    pub(super) collection: String,
    pub(super) score: f32,
    /// The sentences that cite it.
    pub(super) sentences: Vec<CitedSentence>,
}

/// A sentence with a citation.
#[derive(Debug, Serialize)]
pub(super) struct CitedSentence {
    pub(super) text: String,
    pub(super) support: f32,
}

/// A call of a provider.
#[derive(Debug, Serialize)]
pub(super) struct ProviderCall {
    pub(super) provider: String,
    pub(super) took_ms: u64,
    pub(super) result: CallResult,
    /// Why it failed or was rejected.
    pub(super) error: Option<String>,
    pub(super) model: Option<String>,
    pub(super) words: Option<String>,
    pub(super) cut_off: bool,
    pub(super) usage: Option<Usage>,
}

/// The result of a provider call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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

/// A dead letter of the job.
#[derive(Debug, Serialize)]
pub(super) struct TracedDeadLetter {
    /// Its sequence, for `hoidap-worker dead show`.
    pub(super) seq: u64,
    pub(super) at_ms: i64,
    pub(super) stage: String,
    pub(super) reason: String,
    pub(super) detail: String,
    pub(super) deliveries: Option<u64>,
    /// Sequence of its message.
    pub(super) message: Option<u64>,
}

/// A delivery that the server gave up.
#[derive(Debug, Serialize)]
pub(super) struct AbandonedDelivery {
    pub(super) at_ms: i64,
    pub(super) consumer: String,
    pub(super) message: u64,
    pub(super) deliveries: Option<u64>,
    /// `max_deliveries` or `terminated`.
    pub(super) what: String,
}

/// What was streamed to the visitor while the job was worked on.
#[derive(Debug, Default, Serialize)]
pub(super) struct LiveOutput {
    pub(super) first_words_at_ms: Option<i64>,
    /// When streamed text was retracted, and why.
    pub(super) void: Vec<(i64, String)>,
    pub(super) end_at_ms: Option<i64>,
}

/// An analytics event of the job.
#[derive(Debug, Serialize)]
pub(super) struct AnalyticsEvent {
    pub(super) seq: u64,
    pub(super) at_ms: i64,
    #[serde(flatten)]
    pub(super) chat: ChatEvent,
}

/// A visitor's feedback on the answer.
#[derive(Debug, Serialize)]
pub(super) struct VisitorFeedback {
    /// Absent in a recording.
    pub(super) at_ms: Option<i64>,
    pub(super) rating: String,
    pub(super) reason: Option<String>,
    pub(super) comment: Option<String>,
}

/// A job that waits for a stage.
#[derive(Debug, Serialize)]
pub(super) struct WaitingJob {
    pub(super) stage: String,
    pub(super) seq: u64,
    pub(super) waits_ms: i64,
    /// Whether the message was delivered; absent if the stage has no consumer yet.
    pub(super) delivered: Option<bool>,
    /// Undelivered messages of the stage.
    pub(super) undelivered: Option<u64>,
    /// Open pull requests of the stage's workers.
    pub(super) asking: Option<usize>,
}
