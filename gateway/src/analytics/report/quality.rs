//! Questions without a good answer, and visitors' feedback.

use clickhouse::{Row, error::Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Count;
use crate::analytics::{
    ANSWERED_CONDITION, Analytics, LOW_CONFIDENCE,
    filter::{PERIOD_CONDITION, ReportFilter, rfc3339},
};

/// SQL expression: a question without case, diacritics and punctuation, by which questions are grouped.
const NORMALISED_QUESTION: &str =
    concat!("trim(replaceRegexpAll(", plain!("question"), ", '[^\\\\p{L}\\\\p{N}]+', ' '))");

#[derive(Row, Deserialize)]
struct GapRow {
    question: String,
    asked: u64,
    unanswered: u64,
    low_confidence: u64,
    thumbs_down: u64,
    failed: u64,
    product: String,
    language: String,
    session_id: String,
    last_ms: i64,
}

/// A question that was not answered well.
#[derive(Debug, Serialize, ToSchema)]
pub struct Gap {
    /// In the words of the last one who asked.
    pub question: String,
    /// How often it was asked and not answered well.
    pub asked: u64,
    /// Times that no document answered it.
    pub unanswered: u64,
    /// Times that the answer was not sure.
    pub low_confidence: u64,
    /// Times that the visitor said that the answer did not help.
    pub thumbs_down: u64,
    /// Times that it could not be worked on.
    pub failed: u64,
    /// The product, empty without one.
    pub product: String,
    /// The language.
    pub language: String,
    /// A session that asked it.
    pub session_id: String,
    /// When it was asked last.
    #[schema(format = "date-time")]
    pub last: String,
}

/// What visitors say of the answers of the period.
#[derive(Debug, Serialize, ToSchema)]
pub struct Feedback {
    /// Answers that helped.
    pub up: u64,
    /// Answers that did not.
    pub down: u64,
    /// Why, the most frequent first.
    pub reasons: Vec<Count>,
    /// The latest words.
    pub comments: Vec<Comment>,
}

#[derive(Row, Deserialize)]
struct CommentRow {
    at_ms: i64,
    rating: String,
    reason: String,
    comment: String,
    question: String,
    session_id: String,
}

/// What one visitor says.
#[derive(Debug, Serialize, ToSchema)]
pub struct Comment {
    /// When it was said.
    #[schema(format = "date-time")]
    pub at: String,
    /// `up` or `down`.
    pub rating: String,
    /// Why, in a word; empty without one.
    pub reason: String,
    /// In the visitor's own words.
    pub comment: String,
    /// The question.
    pub question: String,
    /// The session.
    pub session_id: String,
}

impl Analytics {
    /// Questions without a good answer.
    pub(super) async fn gaps(&self, filter: &ReportFilter) -> Result<Vec<Gap>> {
        let low = format!("({ANSWERED_CONDITION} AND confidence < {LOW_CONFIDENCE})");
        let sql = format!(
            "SELECT argMax(question, at) AS question, count() AS asked, countIf(outcome = 'unanswered') AS unanswered, \
             countIf({low}) AS low_confidence, countIf(rating = 'down') AS thumbs_down, \
             countIf(outcome = 'failed') AS failed, toString(argMax(product, at)) AS product, \
             toString(argMax(language, at)) AS language, argMax(session_id, at) AS session_id, \
             toUnixTimestamp64Milli(max(at)) AS last_ms FROM (SELECT *, {NORMALISED_QUESTION} AS same FROM \
             (SELECT job_id, at, question, outcome, confidence, product, language, session_id FROM chats FINAL \
             WHERE {PERIOD_CONDITION} AND question != '') AS asked \
             LEFT JOIN (SELECT job_id, rating FROM feedback FINAL) AS said ON asked.job_id = said.job_id) \
             WHERE outcome IN ('unanswered', 'failed') OR {low} OR rating = 'down' \
             GROUP BY same ORDER BY asked DESC, last_ms DESC LIMIT 20"
        );
        let found: Vec<GapRow> = filter.bind(self.query(&sql)).fetch_all().await?;
        let gap = |found: GapRow| Gap {
            question: found.question,
            asked: found.asked,
            unanswered: found.unanswered,
            low_confidence: found.low_confidence,
            thumbs_down: found.thumbs_down,
            failed: found.failed,
            product: found.product,
            language: found.language,
            session_id: found.session_id,
            last: rfc3339(found.last_ms),
        };
        Ok(found.into_iter().map(gap).collect())
    }

    /// What visitors say of the answers of the period.
    pub(super) async fn feedback(&self, filter: &ReportFilter) -> Result<Feedback> {
        let said = format!(
            "FROM (SELECT job_id, at AS said_at, rating, reason, comment FROM feedback FINAL) AS said \
             JOIN (SELECT job_id, question, session_id FROM chats FINAL WHERE {PERIOD_CONDITION}) AS asked \
             ON said.job_id = asked.job_id"
        );
        let ratings = format!("SELECT toString(rating) AS name, count() AS count {said} GROUP BY name");
        let reasons = format!(
            "SELECT toString(reason) AS name, count() AS count {said} WHERE rating = 'down' AND reason != '' \
             GROUP BY name ORDER BY count DESC, name LIMIT 12"
        );
        let comments = format!(
            "SELECT toUnixTimestamp64Milli(said_at) AS at_ms, toString(rating) AS rating, toString(reason) AS reason, \
             comment, question, session_id {said} WHERE comment != '' ORDER BY said_at DESC LIMIT 20"
        );
        let (ratings, reasons, comments) = futures::try_join!(
            filter.bind(self.query(&ratings)).fetch_all::<Count>(),
            filter.bind(self.query(&reasons)).fetch_all::<Count>(),
            filter.bind(self.query(&comments)).fetch_all::<CommentRow>(),
        )?;
        let of = |name: &str| ratings.iter().find(|count| count.name == name).map_or(0, |count| count.count);
        let comment = |said: CommentRow| Comment {
            at: rfc3339(said.at_ms),
            rating: said.rating,
            reason: said.reason,
            comment: said.comment,
            question: said.question,
            session_id: said.session_id,
        };
        Ok(Feedback {
            up: of("up"),
            down: of("down"),
            reasons,
            comments: comments.into_iter().map(comment).collect(),
        })
    }
}
