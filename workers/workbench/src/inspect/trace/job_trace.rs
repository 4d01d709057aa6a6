use hoidap_shared::{
    events::ChatEvent,
    job::{Choice, FilterUsed, Identifier, JobId, Query, QueryKind, Ranks, ScoredLabel, Turn, Usage},
};
use jiff::Timestamp;
use serde::Serialize;

/// The trace of one job, as plain data. Fields `at_ms` and `…_at_ms` count from the gateway's acceptance of the
/// question. Clocks of other processes may differ a little, so that values can be below zero.
#[derive(Debug, Serialize)]
pub(in crate::inspect) struct JobTrace {
    pub(in crate::inspect) job: JobId,
    /// `NATS`, or the recording's name.
    pub(in crate::inspect) source: String,
    pub(in crate::inspect) state: JobState,
    /// When the gateway accepted the question.
    pub(in crate::inspect) accepted: Option<Timestamp>,
    /// The deadline.
    pub(in crate::inspect) deadline_at_ms: Option<i64>,
    /// From the question to its last answer.
    pub(in crate::inspect) took_ms: Option<i64>,
    /// When the trace was made.
    #[serde(skip)]
    pub(in crate::inspect) now_ms: Option<i64>,
    /// The gateway that accepted the question.
    pub(in crate::inspect) gateway: Option<String>,
    pub(in crate::inspect) trace: Option<String>,
    /// Whether the answer could be streamed.
    pub(in crate::inspect) stream: bool,
    pub(in crate::inspect) asked: Option<QuestionDetails>,
    /// One execution for each stage input, in stream order.
    #[serde(rename = "visits")]
    pub(in crate::inspect) executions: Vec<StageExecution>,
    /// The job's answers: one, or more if it was redriven.
    pub(in crate::inspect) answers: Vec<TracedAnswer>,
    pub(in crate::inspect) letters: Vec<TracedDeadLetter>,
    /// Deliveries that the server gave up.
    pub(in crate::inspect) given_up: Vec<AbandonedDelivery>,
    /// The live output, which is kept for minutes.
    pub(in crate::inspect) told: Option<LiveOutput>,
    pub(in crate::inspect) events: Vec<AnalyticsEvent>,
    pub(in crate::inspect) feedback: Vec<VisitorFeedback>,
    pub(in crate::inspect) waiting: Option<WaitingJob>,
    /// Notes on what is missing or unusual.
    pub(in crate::inspect) notes: Vec<String>,
}

/// The state of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::inspect) enum JobState {
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
pub(in crate::inspect) struct QuestionDetails {
    pub(in crate::inspect) message: String,
    pub(in crate::inspect) history: Vec<Turn>,
    pub(in crate::inspect) page: String,
    pub(in crate::inspect) page_title: String,
    pub(in crate::inspect) page_product: Option<String>,
    pub(in crate::inspect) page_section: Option<String>,
    pub(in crate::inspect) session_id: String,
    pub(in crate::inspect) user_id: Option<String>,
    pub(in crate::inspect) client: String,
}

/// A stage's execution of one message.
#[derive(Debug, Serialize)]
pub(in crate::inspect) struct StageExecution {
    pub(in crate::inspect) stage: String,
    /// The message's sequence in the jobs stream.
    pub(in crate::inspect) seq: u64,
    /// When the message was stored.
    pub(in crate::inspect) at_ms: i64,
    /// The redrive token, if this message or one before it was redriven from a dead letter.
    pub(in crate::inspect) redrive: Option<String>,
    /// The input, in a sentence.
    pub(in crate::inspect) took: String,
    pub(in crate::inspect) waited_ms: Option<u64>,
    pub(in crate::inspect) worked_ms: Option<u64>,
    /// The delivery that gave the result, from 1.
    pub(in crate::inspect) delivery: Option<u32>,
    /// Whether a canary gave the result.
    pub(in crate::inspect) canary: bool,
    /// Starts of deliveries, as long as the live output is kept.
    pub(in crate::inspect) runs: Vec<DeliveryStart>,
    pub(in crate::inspect) end: ExecutionEnd,
    pub(in crate::inspect) made: Option<StageResult>,
    /// Why the message or the stage's output cannot be decoded.
    pub(in crate::inspect) unread: Option<String>,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub(in crate::inspect) enum ExecutionEnd {
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
pub(in crate::inspect) struct DeliveryStart {
    pub(in crate::inspect) at_ms: i64,
    pub(in crate::inspect) process: String,
    pub(in crate::inspect) delivery: Option<u32>,
}

/// The output of a stage.
#[derive(Debug, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(in crate::inspect) enum StageResult {
    /// The classifier's output.
    Meaning(ClassifierResult),
    /// The retriever's output.
    Passages(RetrieverResult),
}

/// The classifier's output.
#[derive(Debug, Serialize)]
pub(in crate::inspect) struct ClassifierResult {
    pub(in crate::inspect) language: String,
    pub(in crate::inspect) meaning: String,
    pub(in crate::inspect) intent: ScoredLabel,
    pub(in crate::inspect) out_of_scope: f32,
    pub(in crate::inspect) product: Option<ScoredLabel>,
    pub(in crate::inspect) section: Option<String>,
    pub(in crate::inspect) queries: Vec<QueryWording>,
    pub(in crate::inspect) collections: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::inspect) identifiers: Vec<Identifier>,
    pub(in crate::inspect) version: String,
}

/// One search query.
#[derive(Debug, Serialize)]
pub(in crate::inspect) struct QueryWording {
    pub(in crate::inspect) text: String,
    pub(in crate::inspect) kind: QueryKind,
    pub(in crate::inspect) weight: f32,
    /// Whether it is searched by embedding too, not only by words.
    pub(in crate::inspect) dense: bool,
}

impl From<&Query> for QueryWording {
    fn from(query: &Query) -> Self {
        let dense = query.embedding.is_some();
        Self { text: query.text.clone(), kind: query.kind, weight: query.weight, dense }
    }
}

/// The retriever's output.
#[derive(Debug, Serialize)]
pub(in crate::inspect) struct RetrieverResult {
    pub(in crate::inspect) passages: Vec<RetrievedPassage>,
    pub(in crate::inspect) support: f32,
    pub(in crate::inspect) filter: FilterUsed,
    pub(in crate::inspect) version: String,
}

/// A passage that was found.
#[derive(Debug, Serialize)]
pub(in crate::inspect) struct RetrievedPassage {
    pub(in crate::inspect) chunk: String,
    pub(in crate::inspect) collection: String,
    pub(in crate::inspect) collection_version: String,
    pub(in crate::inspect) title: String,
    pub(in crate::inspect) headings: Vec<String>,
    pub(in crate::inspect) url: String,
    pub(in crate::inspect) score: f32,
    pub(in crate::inspect) similarity: Option<f32>,
    pub(in crate::inspect) ranks: Ranks,
    pub(in crate::inspect) text: String,
}

/// An answer, with its provider calls.
#[derive(Debug, Serialize)]
pub(in crate::inspect) struct TracedAnswer {
    /// When the job ended.
    pub(in crate::inspect) at_ms: i64,
    /// The stage that answered; absent if a dead letter did.
    pub(in crate::inspect) stage: Option<String>,
    /// Sequence of its record in the jobs stream.
    pub(in crate::inspect) seq: Option<u64>,
    pub(in crate::inspect) redrive: Option<String>,
    /// Until when gateways can read it, if it is the stored answer.
    pub(in crate::inspect) readable_until: Option<Timestamp>,
    pub(in crate::inspect) outcome: String,
    pub(in crate::inspect) problem: Option<String>,
    pub(in crate::inspect) text: String,
    pub(in crate::inspect) citations: Vec<CitedSource>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::inspect) choices: Vec<Choice>,
    pub(in crate::inspect) confidence: f32,
    pub(in crate::inspect) intent: ScoredLabel,
    pub(in crate::inspect) product: Option<String>,
    pub(in crate::inspect) language: String,
    pub(in crate::inspect) provider: Option<String>,
    pub(in crate::inspect) model: Option<String>,
    pub(in crate::inspect) attempts: Vec<TracedProviderCall>,
    pub(in crate::inspect) usage: Usage,
    pub(in crate::inspect) versions: std::collections::BTreeMap<String, String>,
}

/// A source that the answer cites.
#[derive(Debug, Serialize)]
pub(in crate::inspect) struct CitedSource {
    /// Its number in the answer.
    pub(in crate::inspect) n: usize,
    pub(in crate::inspect) title: String,
    pub(in crate::inspect) url: String,
    pub(in crate::inspect) collection: String,
    pub(in crate::inspect) score: f32,
    /// The sentences that cite it.
    pub(in crate::inspect) sentences: Vec<TracedCitation>,
}

/// A sentence with a citation.
#[derive(Debug, Serialize)]
pub(in crate::inspect) struct TracedCitation {
    pub(in crate::inspect) text: String,
    pub(in crate::inspect) support: f32,
}

/// A call of a provider.
#[derive(Debug, Serialize)]
pub(in crate::inspect) struct TracedProviderCall {
    pub(in crate::inspect) provider: String,
    pub(in crate::inspect) took_ms: u64,
    pub(in crate::inspect) result: CallResult,
    /// Why it failed or was rejected.
    pub(in crate::inspect) error: Option<String>,
    pub(in crate::inspect) model: Option<String>,
    pub(in crate::inspect) words: Option<String>,
    pub(in crate::inspect) cut_off: bool,
    pub(in crate::inspect) usage: Option<Usage>,
}

/// The result of a provider call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::inspect) enum CallResult {
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
pub(in crate::inspect) struct TracedDeadLetter {
    /// Its sequence, for `hoidap-worker dead show`.
    pub(in crate::inspect) seq: u64,
    pub(in crate::inspect) at_ms: i64,
    pub(in crate::inspect) stage: String,
    pub(in crate::inspect) reason: String,
    pub(in crate::inspect) detail: String,
    pub(in crate::inspect) deliveries: Option<u64>,
    /// Sequence of its message.
    pub(in crate::inspect) message: Option<u64>,
}

/// A delivery that the server gave up.
#[derive(Debug, Serialize)]
pub(in crate::inspect) struct AbandonedDelivery {
    pub(in crate::inspect) at_ms: i64,
    pub(in crate::inspect) consumer: String,
    pub(in crate::inspect) message: u64,
    pub(in crate::inspect) deliveries: Option<u64>,
    /// `max_deliveries` or `terminated`.
    pub(in crate::inspect) what: String,
}

/// What was streamed to the visitor while the job was worked on.
#[derive(Debug, Default, Serialize)]
pub(in crate::inspect) struct LiveOutput {
    pub(in crate::inspect) first_words_at_ms: Option<i64>,
    /// When streamed text was retracted, and why.
    pub(in crate::inspect) void: Vec<(i64, String)>,
    pub(in crate::inspect) end_at_ms: Option<i64>,
}

/// An analytics event of the job.
#[derive(Debug, Serialize)]
pub(in crate::inspect) struct AnalyticsEvent {
    pub(in crate::inspect) seq: u64,
    pub(in crate::inspect) at_ms: i64,
    #[serde(flatten)]
    pub(in crate::inspect) chat: ChatEvent,
}

/// A visitor's feedback on the answer.
#[derive(Debug, Serialize)]
pub(in crate::inspect) struct VisitorFeedback {
    /// Absent in a recording.
    pub(in crate::inspect) at_ms: Option<i64>,
    pub(in crate::inspect) rating: String,
    pub(in crate::inspect) reason: Option<String>,
    pub(in crate::inspect) comment: Option<String>,
}

/// A job that waits for a stage.
#[derive(Debug, Serialize)]
pub(in crate::inspect) struct WaitingJob {
    pub(in crate::inspect) stage: String,
    pub(in crate::inspect) seq: u64,
    pub(in crate::inspect) waits_ms: i64,
    /// Whether the message was delivered; absent if the stage has no consumer yet.
    pub(in crate::inspect) delivered: Option<bool>,
    /// Undelivered messages of the stage.
    pub(in crate::inspect) undelivered: Option<u64>,
    /// Open pull requests of the stage's workers.
    pub(in crate::inspect) asking: Option<usize>,
}
