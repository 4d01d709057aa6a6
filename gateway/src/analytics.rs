//! Figures of past chats, and the chats themselves, read from ClickHouse for operators.

/// SQL expression: a text without case and diacritics, so that `doi mat khau` finds `Đổi mật khẩu`.
macro_rules! plain {
    ($text:literal) => {
        concat!(
            "replaceAll(replaceRegexpAll(normalizeUTF8NFKD(lowerUTF8(",
            $text,
            ")), '\\\\p{Mn}', ''), 'đ', 'd')"
        )
    };
}

mod canaries;
pub mod conversation;
pub mod conversations;
mod csv_file;
pub mod dashboard;
pub mod export;
pub mod filter;
mod live;
pub mod report;

use std::{future::Future, time::Duration};

use clickhouse::{Client, Compression, query::Query};
use hoidap_shared::config::ClickHouseConfig;
use secrecy::ExposeSecret as _;
use tracing::warn;

use crate::error::{ApiError, Code};

/// SQL condition: questions that were asked, without refused requests.
const ASKED_CONDITION: &str = "outcome NOT IN ('rejected', 'rate_limited')";
/// SQL condition: questions that got an answer from the documents.
const ANSWERED_CONDITION: &str = "outcome IN ('answered', 'cached')";
/// SQL condition: questions that needed an answer from the documents.
const ANSWERABLE_CONDITION: &str = "outcome IN ('answered', 'cached', 'unanswered', 'failed')";
/// Answers with a lower confidence count as questions without a good answer.
const LOW_CONFIDENCE: f32 = 0.4;

/// Reads ClickHouse.
pub struct Analytics {
    client: Client,
    timeout: Duration,
}

impl Analytics {
    /// Prepares the client; nothing is connected yet.
    pub fn new(settings: &ClickHouseConfig) -> Self {
        let client = Client::default()
            .with_url(&settings.url)
            .with_database(&settings.database)
            .with_user(&settings.user)
            .with_password(settings.password.expose_secret())
            .with_compression(Compression::None);
        Self { client, timeout: Duration::from_millis(settings.timeout_ms) }
    }

    /// A statement. Values from requests are bound by name (`{name:Type}`), never put into the text.
    fn query(&self, sql: &str) -> Query {
        // `query` would take a `?` for a parameter.
        self.client.query_raw(sql)
    }

    /// Runs statements with a timeout. A failure is logged and becomes a problem.
    async fn run<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, clickhouse::error::Error>>,
    ) -> Result<T, ApiError> {
        let failure = match tokio::time::timeout(self.timeout, work).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_string(),
        };
        warn!(error = failure, "{what} cannot be read from ClickHouse");
        let detail = format!("ClickHouse did not give {what}. Ask again in a few seconds.");
        Err(ApiError::new(Code::AnalyticsUnavailable, detail))
    }
}
