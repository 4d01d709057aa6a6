use hoidap_shared::{
    events::{ChatEvent, page_address},
    job::{Answer, Classified, JobId, Question, Retrieved, Turn},
};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    json,
    records::{DeadLetterRecord, DeliveryAdvisory, FeedbackRecord},
};

/// The trace of one job: its records in the order of the flow, with what follows from them. Serialized, it is the JSON
/// of `inspect`. Fields `at_ms` and `…_at_ms` count from the gateway's acceptance of the question. Clocks of other
/// processes may differ a little, so that values can be below zero.
#[derive(Serialize)]
pub(super) struct JobTrace<'a> {
    pub(super) job: &'a JobId,
    pub(super) source: &'a str,
    pub(super) state: JobState,
    /// When the gateway accepted the question.
    pub(super) accepted: Option<Timestamp>,
    pub(super) deadline_at_ms: Option<i64>,
    /// From the question to its last answer.
    pub(super) took_ms: Option<i64>,
    /// When the trace was made.
    #[serde(skip)]
    pub(super) now_ms: Option<i64>,
    pub(super) gateway: Option<&'a str>,
    pub(super) trace: Option<&'a str>,
    /// Whether the answer could be streamed.
    pub(super) stream: bool,
    pub(super) asked: Option<QuestionDetails<'a>>,
    /// One execution for each stage input, in stream order.
    #[serde(rename = "visits")]
    pub(super) executions: Vec<StageExecution<'a>>,
    /// The job's answers: one, or more if it was redriven.
    pub(super) answers: Vec<TracedAnswer<'a>>,
    pub(super) letters: Vec<Timed<'a, DeadLetterRecord>>,
    /// Deliveries that the server gave up.
    pub(super) given_up: Vec<Timed<'a, DeliveryAdvisory>>,
    /// The live output, which is kept for minutes.
    pub(super) told: Option<LiveOutput>,
    pub(super) events: Vec<Timed<'a, ChatEvent>>,
    pub(super) feedback: Vec<Timed<'a, FeedbackRecord>>,
    pub(super) waiting: Option<WaitingJob<'a>>,
    /// Notes on what is missing or unusual.
    pub(super) notes: Vec<String>,
}

/// The state of the job.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
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

/// A record with its sequence and its time.
#[derive(Serialize)]
pub(super) struct Timed<'a, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seq: Option<u64>,
    pub(super) at_ms: Option<i64>,
    #[serde(flatten)]
    pub(super) record: &'a T,
}

/// The question, who asked it and on which page.
#[derive(Default, Serialize)]
pub(super) struct QuestionDetails<'a> {
    pub(super) message: &'a str,
    pub(super) history: &'a [Turn],
    pub(super) page: String,
    pub(super) page_title: &'a str,
    pub(super) page_product: Option<&'a str>,
    pub(super) page_section: Option<&'a str>,
    pub(super) session_id: &'a str,
    pub(super) user_id: Option<&'a str>,
    pub(super) client: &'a str,
}

/// A stage's execution of one message.
#[derive(Serialize)]
pub(super) struct StageExecution<'a> {
    pub(super) stage: &'a str,
    /// The message's sequence in the jobs stream.
    pub(super) seq: u64,
    /// When the message was stored.
    pub(super) at_ms: i64,
    /// The redrive token, if this message or one before it was redriven from a dead letter.
    pub(super) redrive: Option<&'a str>,
    /// The input, in a sentence.
    pub(super) took: String,
    pub(super) waited_ms: Option<u64>,
    pub(super) worked_ms: Option<u64>,
    /// The delivery that gave the result, from 1.
    pub(super) delivery: Option<u32>,
    /// Whether a canary gave the result.
    pub(super) canary: bool,
    /// Starts of deliveries, as long as the live output is kept.
    pub(super) runs: Vec<DeliveryStart<'a>>,
    pub(super) end: ExecutionEnd<'a>,
    pub(super) made: Option<StageResult<'a>>,
    /// Why the message cannot be decoded.
    pub(super) unread: Option<&'a str>,
}

/// How an execution ended.
#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub(super) enum ExecutionEnd<'a> {
    /// The next stage got a message with this sequence.
    Passed { to: &'a str, seq: u64 },
    /// The job was answered.
    Answered,
    /// The stage gave up, for a reason with this code.
    Dead { reason: &'a str },
    /// The job already had its answer, so the message was acknowledged without work.
    AnsweredBefore,
    /// It has not ended.
    Open,
}

/// The start of a delivery.
#[derive(Serialize)]
pub(super) struct DeliveryStart<'a> {
    pub(super) at_ms: i64,
    pub(super) process: &'a str,
    pub(super) delivery: Option<u32>,
}

/// The output of a stage.
#[derive(Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum StageResult<'a> {
    Meaning(#[serde(serialize_with = "json::classified")] &'a Classified),
    Passages(#[serde(serialize_with = "json::retrieved")] &'a Retrieved),
}

/// An answer of the job.
#[derive(Serialize)]
pub(super) struct TracedAnswer<'a> {
    /// When the job ended.
    pub(super) at_ms: i64,
    /// The stage that answered; absent if a dead letter did.
    pub(super) stage: Option<&'a str>,
    /// Sequence of its record in the jobs stream.
    pub(super) seq: Option<u64>,
    pub(super) redrive: Option<&'a str>,
    /// Until when gateways can read it, if it is the stored answer.
    pub(super) readable_until: Option<Timestamp>,
    #[serde(flatten, serialize_with = "json::answer")]
    pub(super) answer: &'a Answer,
}

/// What was streamed to the visitor while the job was worked on.
#[derive(Default, Serialize)]
pub(super) struct LiveOutput {
    pub(super) first_words_at_ms: Option<i64>,
    /// When streamed text was retracted, and why.
    pub(super) void: Vec<(i64, &'static str)>,
    pub(super) end_at_ms: Option<i64>,
}

/// A job that waits for a stage.
#[derive(Serialize)]
pub(super) struct WaitingJob<'a> {
    pub(super) stage: &'a str,
    pub(super) seq: u64,
    pub(super) waits_ms: i64,
    /// Whether the message was delivered; absent if the stage has no consumer yet.
    pub(super) delivered: Option<bool>,
    /// Undelivered messages of the stage.
    pub(super) undelivered: Option<u64>,
    /// Open pull requests of the stage's workers.
    pub(super) asking: Option<usize>,
}

impl<'a, T> Timed<'a, T> {
    pub(super) fn new(seq: Option<u64>, at_ms: Option<i64>, record: &'a T) -> Self {
        Self { seq, at_ms, record }
    }
}

impl<'a> QuestionDetails<'a> {
    pub(super) fn of(question: &'a Question) -> Self {
        let Question { message, history, context, session_id, user_id, client, .. } = question;
        Self {
            message,
            history,
            // A redacted address cannot be shortened.
            page: Some(page_address(context))
                .filter(|cut| !cut.is_empty())
                .unwrap_or_else(|| context.url.clone()),
            page_title: &context.title,
            page_product: context.product.as_deref(),
            page_section: context.section.as_deref(),
            session_id,
            user_id: user_id.as_deref(),
            client,
        }
    }

    pub(super) fn of_answer(answer: &'a Answer) -> Self {
        let Answer { question, page, session_id, user_id, client, .. } = answer;
        let (page, user_id) = (page.clone(), user_id.as_deref());
        Self { message: question, page, session_id, user_id, client, ..Self::default() }
    }

    pub(super) fn of_event(chat: &'a ChatEvent) -> Self {
        let ChatEvent { question, page, session_id, user_id, client, .. } = chat;
        let (page, user_id) = (page.clone(), user_id.as_deref());
        Self { message: question, page, session_id, user_id, client, ..Self::default() }
    }
}
