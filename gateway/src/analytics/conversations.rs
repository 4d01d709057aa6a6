//! The list of conversations, the latest first.

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Analytics,
    filter::{PERIOD_CONDITION, QueryParams, ReportFilter, invalid_parameter, rfc3339},
};
use crate::error::ApiError;

/// Conversations on one page.
const PAGE_SIZE: usize = 50;

#[derive(Row, Deserialize)]
struct ConversationRecord {
    session_id: String,
    first_ms: i64,
    last_ms: i64,
    questions: u64,
    unanswered: u64,
    failed: u64,
    up: u64,
    down: u64,
    last_question: String,
    last_outcome: String,
    last_product: String,
    last_language: String,
}

/// What one session asked in the period.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConversationRow {
    /// The session.
    pub session_id: String,
    /// When its first question ended.
    #[schema(format = "date-time")]
    pub first: String,
    /// When its last question ended.
    #[schema(format = "date-time")]
    pub last: String,
    /// Questions.
    pub questions: u64,
    /// Questions that no document answers.
    pub unanswered: u64,
    /// Questions that could not be worked on.
    pub failed: u64,
    /// Answers that helped, as the visitor says.
    pub up: u64,
    /// Answers that did not.
    pub down: u64,
    /// The last question.
    pub question: String,
    /// How it ended.
    pub outcome: String,
    /// Its product, empty without one.
    pub product: String,
    /// Its language.
    pub language: String,
}

/// One page of conversations.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConversationPage {
    /// The conversations, the latest first.
    pub conversations: Vec<ConversationRow>,
    /// The `cursor` of the next page; absent on the last one.
    pub next: Option<String>,
}

/// A position in the list: after this conversation.
struct Cursor {
    last_ms: i64,
    session_id: String,
}

impl Cursor {
    /// Before the first conversation.
    const START: i64 = i64::MAX;

    fn of(params: &QueryParams) -> Result<Self, ApiError> {
        let Some(text) = params.get("cursor") else {
            return Ok(Self { last_ms: Self::START, session_id: String::new() });
        };
        let parts = text.split_once('.').filter(|(_, session)| session.chars().count() <= 200);
        let position = parts.and_then(|(last, session)| Some((last.parse().ok()?, session.to_string())));
        let (last_ms, session_id) = position
            .ok_or_else(|| invalid_parameter("cursor", "malformed", "must be `next` of the page before"))?;
        Ok(Self { last_ms, session_id })
    }
}

impl Analytics {
    /// The page of conversations that a request's query asks for.
    ///
    /// # Errors
    /// When a parameter is wrong, or ClickHouse does not give the conversations.
    pub async fn conversations(&self, query: Option<&str>) -> Result<ConversationPage, ApiError> {
        let params = QueryParams::new(query);
        let (filter, cursor) = (ReportFilter::from_params(&params)?, Cursor::of(&params)?);
        let (outcome, words) = (params.text("outcome")?, params.text("q")?);
        let sql = format!(
            "SELECT asked.session_id AS session_id, toUnixTimestamp64Milli(min(at)) AS first_ms, \
             toUnixTimestamp64Milli(max(at)) AS last_ms, count() AS questions, countIf(outcome = 'unanswered') AS unanswered, \
             countIf(outcome = 'failed') AS failed, countIf(rating = 'up') AS up, countIf(rating = 'down') AS down, \
             argMax(question, at) AS last_question, toString(argMax(outcome, at)) AS last_outcome, \
             toString(argMax(product, at)) AS last_product, toString(argMax(language, at)) AS last_language FROM \
             (SELECT job_id, at, session_id, question, outcome, product, language FROM chats FINAL \
             WHERE {PERIOD_CONDITION} AND session_id != '') AS asked \
             LEFT JOIN (SELECT job_id, rating FROM feedback FINAL) AS said ON asked.job_id = said.job_id \
             GROUP BY session_id \
             HAVING (last_ms < {{before:Int64}} OR (last_ms = {{before:Int64}} AND session_id > {{behind:String}})) \
             AND ({{outcome:String}} = '' OR has(groupUniqArray(toString(asked.outcome)), {{outcome:String}})) \
             AND ({{q:String}} = '' OR max(position({column}, {words}) > 0)) \
             ORDER BY last_ms DESC, session_id LIMIT {limit}",
            column = plain!("asked.question"),
            words = plain!("{q:String}"),
            limit = PAGE_SIZE + 1,
        );
        let query = self.query(&sql).param("before", cursor.last_ms).param("behind", &cursor.session_id);
        let query = filter.bind(query.param("outcome", &outcome).param("q", &words));
        let mut found: Vec<ConversationRecord> = self.run("the conversations", query.fetch_all()).await?;
        let more = found.len() > PAGE_SIZE;
        found.truncate(PAGE_SIZE);
        let next = found.last().filter(|_| more).map(|last| format!("{}.{}", last.last_ms, last.session_id));
        Ok(ConversationPage { conversations: found.into_iter().map(conversation_row).collect(), next })
    }
}

fn conversation_row(found: ConversationRecord) -> ConversationRow {
    ConversationRow {
        session_id: found.session_id,
        first: rfc3339(found.first_ms),
        last: rfc3339(found.last_ms),
        questions: found.questions,
        unanswered: found.unanswered,
        failed: found.failed,
        up: found.up,
        down: found.down,
        question: found.last_question,
        outcome: found.last_outcome,
        product: found.last_product,
        language: found.last_language,
    }
}
