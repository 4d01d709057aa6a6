use hoidap_shared::{
    events::ChatEvent,
    job::{Choice, FilterUsed, Identifier, JobId, Query, QueryKind, Ranks, ScoredLabel, Turn, Usage},
};
use jiff::Timestamp;
use serde::Serialize;

/// What happened to one job, as plain data. Times that end in `_ms` and begin with `at` count from the moment the gateway
/// took the question; those of another process's clock may be a little off, even below zero.
#[derive(Debug, Serialize)]
pub(super) struct Story {
    pub(super) job: JobId,
    /// Where this was read: `NATS`, or the recording.
    pub(super) source: String,
    pub(super) state: State,
    /// When the gateway took the question: what all other times count from.
    pub(super) accepted: Option<Timestamp>,
    /// When nobody waits any more.
    pub(super) deadline_at_ms: Option<i64>,
    /// From the question to its last answer.
    pub(super) took_ms: Option<i64>,
    /// When this was read.
    #[serde(skip)]
    pub(super) now_ms: Option<i64>,
    /// The gateway that waited.
    pub(super) gateway: Option<String>,
    pub(super) trace: Option<String>,
    /// Whether somebody could read along.
    pub(super) stream: bool,
    pub(super) asked: Option<Asked>,
    /// Every message that a stage was to work on, in the stream's order.
    pub(super) visits: Vec<Visit>,
    /// The job's answers: one, or more where it was sent again.
    pub(super) answers: Vec<Answered>,
    pub(super) letters: Vec<DeadLetter>,
    /// What the server says of deliveries it gave up.
    pub(super) given_up: Vec<GivenUp>,
    /// What a reader was told while the job was worked on; kept for minutes.
    pub(super) told: Option<Told>,
    pub(super) events: Vec<Event>,
    pub(super) feedback: Vec<Feedback>,
    pub(super) waiting: Option<Waiting>,
    /// What is missing or out of the ordinary, in sentences.
    pub(super) notes: Vec<String>,
}

/// Where the job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It has its answer, whatever that says.
    Ended,
    /// It waits in a stage, or is worked on.
    Waiting,
    /// Its last message was taken up by no one while it counted, or the recording ends before its answer.
    Unfinished,
    /// It was over before it became a job: answered from the cache, or refused.
    NoJob,
}

/// What was asked, by whom and where.
#[derive(Debug, Serialize)]
pub(super) struct Asked {
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

/// One message and what its stage did with it.
#[derive(Debug, Serialize)]
pub(super) struct Visit {
    pub(super) stage: String,
    /// The message's place in the jobs stream.
    pub(super) seq: u64,
    /// When it was stored.
    pub(super) at_ms: i64,
    /// The dead letter whose message was sent again: this message, or one before it.
    pub(super) redrive: Option<String>,
    /// What went in, in a sentence.
    pub(super) took: String,
    pub(super) waited_ms: Option<u64>,
    pub(super) worked_ms: Option<u64>,
    /// The delivery that gave the result, from 1.
    pub(super) delivery: Option<u32>,
    /// Whether a canary gave it.
    pub(super) canary: bool,
    /// Deliveries that were heard of while the log of what was told is kept.
    pub(super) runs: Vec<Run>,
    pub(super) end: End,
    pub(super) made: Option<Made>,
    /// Why the message, or what the stage made of it, cannot be shown.
    pub(super) unread: Option<String>,
}

/// How a stage's work on a message ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub(super) enum End {
    /// The next stage got a message.
    Passed {
        /// The next stage.
        to: String,
        /// The message.
        seq: u64,
    },
    /// The job was answered.
    Answered,
    /// The stage could not go on.
    Dead {
        /// The code of the reason.
        reason: String,
    },
    /// The job had its answer by then, so the message was acknowledged without work.
    AnsweredBefore,
    /// Nothing is known yet.
    Open,
}

/// A delivery that began.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Run {
    pub(super) at_ms: i64,
    pub(super) process: String,
    pub(super) delivery: Option<u32>,
}

/// What a stage made of a job.
#[derive(Debug, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum Made {
    /// The classifier's.
    Meaning(Meaning),
    /// The retriever's.
    Passages(Passages),
}

/// What is known of a question.
#[derive(Debug, Serialize)]
pub(super) struct Meaning {
    pub(super) language: String,
    pub(super) meaning: String,
    pub(super) intent: ScoredLabel,
    pub(super) out_of_scope: f32,
    pub(super) product: Option<ScoredLabel>,
    pub(super) section: Option<String>,
    pub(super) queries: Vec<Wording>,
    pub(super) collections: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) identifiers: Vec<Identifier>,
    pub(super) version: String,
}

/// One wording that is searched.
#[derive(Debug, Serialize)]
pub(super) struct Wording {
    pub(super) text: String,
    pub(super) kind: QueryKind,
    pub(super) weight: f32,
    /// Whether it is searched by its meaning too, and not by its words alone.
    pub(super) dense: bool,
}

impl From<&Query> for Wording {
    fn from(query: &Query) -> Self {
        let dense = query.embedding.is_some();
        Self { text: query.text.clone(), kind: query.kind, weight: query.weight, dense }
    }
}

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Passages {
    pub(super) passages: Vec<Found>,
    pub(super) support: f32,
    pub(super) filter: FilterUsed,
    pub(super) version: String,
}

/// A passage that was found.
#[derive(Debug, Serialize)]
pub(super) struct Found {
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

/// An answer, and how it came about.
#[derive(Debug, Serialize)]
pub(super) struct Answered {
    /// When the job ended.
    pub(super) at_ms: i64,
    /// The stage that answered; none where a dead letter did.
    pub(super) stage: Option<String>,
    /// Its lasting record in the jobs stream.
    pub(super) seq: Option<u64>,
    pub(super) redrive: Option<String>,
    /// Whether it is the one that a gateway can still read, and till when.
    pub(super) readable_until: Option<Timestamp>,
    pub(super) outcome: String,
    pub(super) problem: Option<String>,
    pub(super) text: String,
    pub(super) citations: Vec<Cited>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) choices: Vec<Choice>,
    pub(super) confidence: f32,
    pub(super) intent: ScoredLabel,
    pub(super) product: Option<String>,
    pub(super) language: String,
    pub(super) provider: Option<String>,
    pub(super) model: Option<String>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) usage: Usage,
    pub(super) versions: std::collections::BTreeMap<String, String>,
}

/// A passage that the answer cites.
#[derive(Debug, Serialize)]
pub(super) struct Cited {
    /// Its number in the answer.
    pub(super) n: usize,
    pub(super) title: String,
    pub(super) url: String,
    pub(super) collection: String,
    pub(super) score: f32,
    /// The sentences that rest on it.
    pub(super) sentences: Vec<Sentence>,
}

/// A sentence with a citation.
#[derive(Debug, Serialize)]
pub(super) struct Sentence {
    pub(super) text: String,
    pub(super) support: f32,
}

/// One call of a provider.
#[derive(Debug, Serialize)]
pub(super) struct Attempt {
    pub(super) provider: String,
    pub(super) took_ms: u64,
    pub(super) result: CallResult,
    /// Why it failed, or why its words were not taken.
    pub(super) error: Option<String>,
    pub(super) model: Option<String>,
    pub(super) words: Option<String>,
    pub(super) cut_off: bool,
    pub(super) usage: Option<Usage>,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CallResult {
    /// Its words are the answer.
    Taken,
    /// It wrote, but its words were no answer.
    NotTaken,
    /// The visitor stopped it.
    Stopped,
    /// It gave no words.
    Failed,
}

/// A dead letter of the job.
#[derive(Debug, Serialize)]
pub(super) struct DeadLetter {
    /// Its number, for `hoidap-worker dead show`.
    pub(super) seq: u64,
    pub(super) at_ms: i64,
    pub(super) stage: String,
    pub(super) reason: String,
    pub(super) detail: String,
    pub(super) deliveries: Option<u64>,
    /// The message that it was.
    pub(super) message: Option<u64>,
}

/// What the server says of a delivery it gave up.
#[derive(Debug, Serialize)]
pub(super) struct GivenUp {
    pub(super) at_ms: i64,
    pub(super) consumer: String,
    pub(super) message: u64,
    pub(super) deliveries: Option<u64>,
    /// `max_deliveries` or `terminated`.
    pub(super) what: String,
}

/// What a reader was told while the job was worked on.
#[derive(Debug, Default, Serialize)]
pub(super) struct Told {
    pub(super) first_words_at_ms: Option<i64>,
    /// When words that had been told were taken back, and why.
    pub(super) void: Vec<(i64, String)>,
    pub(super) end_at_ms: Option<i64>,
}

/// An analytics event of the job.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    pub(super) seq: u64,
    pub(super) at_ms: i64,
    #[serde(flatten)]
    pub(super) chat: ChatEvent,
}

/// What a visitor said of the answer.
#[derive(Debug, Serialize)]
pub(super) struct Feedback {
    /// Not known from a recording.
    pub(super) at_ms: Option<i64>,
    pub(super) rating: String,
    pub(super) reason: Option<String>,
    pub(super) comment: Option<String>,
}

/// Where a job without an answer stands.
#[derive(Debug, Serialize)]
pub(super) struct Waiting {
    pub(super) stage: String,
    pub(super) seq: u64,
    pub(super) waits_ms: i64,
    /// Whether a worker was handed it; unknown where the stage has no consumer yet.
    pub(super) delivered: Option<bool>,
    /// Messages of the stage that no worker was handed yet.
    pub(super) undelivered: Option<u64>,
    /// Requests for work that the stage's workers have open.
    pub(super) asking: Option<usize>,
}
