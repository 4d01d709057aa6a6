//! One conversation: every question of a session with its answer and figures.

use std::collections::BTreeMap;

use clickhouse::{Row, error::Result as Read, query::Query};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Analytics, filter::rfc3339};
use crate::error::ApiError;

/// Most questions of one conversation: the latest ones.
const MAX_QUESTIONS: usize = 500;

/// A chat with its feedback, for the conversation and the export.
#[derive(Row, Deserialize)]
pub(super) struct ExchangeRow {
    pub(super) job_id: String,
    pub(super) session_id: String,
    pub(super) at_ms: i64,
    pub(super) question: String,
    pub(super) answer: String,
    pub(super) page: String,
    pub(super) outcome: String,
    pub(super) problem: String,
    pub(super) intent: String,
    pub(super) product: String,
    pub(super) language: String,
    pub(super) confidence: f32,
    pub(super) took_ms: u32,
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) prompt_tokens: u32,
    pub(super) completion_tokens: u32,
    pub(super) cost_usd: f64,
    pub(super) cost_known: bool,
    attempt_provider: Vec<String>,
    attempt_ms: Vec<u32>,
    attempt_error: Vec<String>,
    hop_stage: Vec<String>,
    hop_waited_ms: Vec<u32>,
    hop_worked_ms: Vec<u32>,
    hop_delivery: Vec<u32>,
    pub(super) sources: Vec<String>,
    versions: Vec<(String, String)>,
    pub(super) rating: String,
    pub(super) reason: String,
    pub(super) comment: String,
}

/// Time in one stage.
#[derive(Debug, Serialize, ToSchema)]
pub struct StageStep {
    /// The stage.
    pub stage: String,
    /// Milliseconds that the question waited for it.
    pub waited_ms: u32,
    /// Milliseconds that it worked on the question.
    pub worked_ms: u32,
    /// How often the question was delivered to it.
    pub delivery: u32,
}

/// One call of a provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderCall {
    /// Its name in the configuration.
    pub provider: String,
    /// Milliseconds the call took.
    pub took_ms: u32,
    /// Why it gave no answer; absent when it did.
    pub error: Option<String>,
}

/// What the visitor says of an answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Said)]
pub struct FeedbackOutput {
    /// `up` or `down`.
    pub rating: String,
    /// Why, in a word; empty without one.
    pub reason: String,
    /// In the visitor's own words; empty without any.
    pub comment: String,
}

/// One question with its answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Asked)]
pub struct QuestionOutput {
    /// The job.
    pub job_id: String,
    /// When it ended.
    #[schema(format = "date-time")]
    pub at: String,
    /// The question.
    pub question: String,
    /// The answer's text; empty where there was none.
    pub answer: String,
    /// The page it was asked on.
    pub page: String,
    /// How it ended.
    pub outcome: String,
    /// The code of the failure; absent without one.
    pub problem: Option<String>,
    /// The intent.
    pub intent: String,
    /// The product; absent without one.
    pub product: Option<String>,
    /// The language.
    pub language: String,
    /// 0 to 1.
    pub confidence: f32,
    /// Milliseconds from the question to its end.
    pub took_ms: u32,
    /// The stages it passed.
    pub stages: Vec<StageStep>,
    /// The provider whose words were given; absent without one.
    pub provider: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Every provider asked, in order.
    pub calls: Vec<ProviderCall>,
    /// Tokens read by the model.
    pub prompt_tokens: u32,
    /// Tokens written by the model.
    pub completion_tokens: u32,
    /// In US dollars; absent where it is not known.
    pub cost_usd: Option<f64>,
    /// The address of each cited source.
    pub sources: Vec<String>,
    /// The version of each stage that made the answer.
    pub versions: BTreeMap<String, String>,
    /// What the visitor says of it; absent when nothing.
    pub feedback: Option<FeedbackOutput>,
}

/// One conversation.
#[derive(Debug, Serialize, ToSchema)]
pub struct Conversation {
    /// The session.
    pub session_id: String,
    /// Its questions, the oldest first; of more than 500 the latest.
    pub questions: Vec<QuestionOutput>,
}

impl Analytics {
    /// Chats with their feedback. `chosen` is the condition, `rest` the end of the statement.
    pub(super) fn chat_rows(&self, chosen: &str, rest: &str) -> Query {
        let sql = format!(
            "SELECT asked.job_id AS job_id, session_id, toUnixTimestamp64Milli(at) AS at_ms, question, answer, page, \
             toString(outcome) AS outcome, toString(problem) AS problem, toString(intent) AS intent, \
             toString(product) AS product, toString(language) AS language, confidence, took_ms, \
             toString(provider) AS provider, toString(model) AS model, prompt_tokens, completion_tokens, cost_usd, \
             cost_known, arrayMap(x -> toString(x), attempt_provider) AS attempt_provider, attempt_ms, attempt_error, \
             arrayMap(x -> toString(x), hop_stage) AS hop_stage, hop_waited_ms, hop_worked_ms, hop_delivery, sources, \
             CAST(versions, 'Array(Tuple(String, String))') AS versions, \
             toString(rating) AS rating, toString(reason) AS reason, comment \
             FROM (SELECT * FROM chats FINAL WHERE {chosen}) AS asked \
             LEFT JOIN (SELECT job_id, rating, reason, comment FROM feedback FINAL) AS said \
             ON asked.job_id = said.job_id {rest}"
        );
        self.query(&sql)
    }

    /// The questions of a session, the oldest first; none for a session that is not known.
    ///
    /// # Errors
    /// When ClickHouse does not give them.
    pub async fn conversation(&self, session_id: &str) -> Result<Vec<QuestionOutput>, ApiError> {
        let chats = self.run("the conversation", self.conversation_rows(session_id)).await?;
        Ok(chats.into_iter().map(question_output).collect())
    }

    async fn conversation_rows(&self, session_id: &str) -> Read<Vec<ExchangeRow>> {
        let chosen = "session_id = {session:String}";
        let rest = format!("ORDER BY at DESC, job_id LIMIT {MAX_QUESTIONS}");
        let mut chats: Vec<ExchangeRow> =
            self.chat_rows(chosen, &rest).param("session", session_id).fetch_all().await?;
        chats.reverse();
        Ok(chats)
    }
}

fn question_output(chat: ExchangeRow) -> QuestionOutput {
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let times = chat.hop_waited_ms.into_iter().zip(chat.hop_worked_ms).zip(chat.hop_delivery);
    let step =
        |(stage, ((waited_ms, worked_ms), delivery))| StageStep { stage, waited_ms, worked_ms, delivery };
    let calls = chat.attempt_provider.into_iter().zip(chat.attempt_ms).zip(chat.attempt_error);
    let call = |((provider, took_ms), error)| ProviderCall { provider, took_ms, error: some(error) };
    QuestionOutput {
        job_id: chat.job_id,
        at: rfc3339(chat.at_ms),
        question: chat.question,
        answer: chat.answer,
        page: chat.page,
        outcome: chat.outcome,
        problem: some(chat.problem),
        intent: chat.intent,
        product: some(chat.product),
        language: chat.language,
        confidence: chat.confidence,
        took_ms: chat.took_ms,
        stages: chat.hop_stage.into_iter().zip(times).map(step).collect(),
        provider: some(chat.provider),
        model: some(chat.model),
        calls: calls.map(call).collect(),
        prompt_tokens: chat.prompt_tokens,
        completion_tokens: chat.completion_tokens,
        cost_usd: Some(chat.cost_usd).filter(|_| chat.cost_known),
        sources: chat.sources,
        versions: chat.versions.into_iter().collect(),
        feedback: some(chat.rating).map(|rating| FeedbackOutput {
            rating,
            reason: chat.reason,
            comment: chat.comment,
        }),
    }
}
