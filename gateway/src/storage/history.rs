//! The conversations of sessions, in Redis: bounded in length and age. Without Redis there is no history.

use std::sync::Arc;

use hoidap_shared::{
    config::SessionsConfig,
    job::{JobId, Sender, Turn},
};
use serde::{Deserialize, Serialize};
use tracing::debug;

use crate::storage::redis::Redis;

/// Characters of an answer that are stored.
const MAX_ANSWER_CHARS: usize = 2_000;

/// A question and its answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Exchange {
    job: String,
    asked_ms: u64,
    question: String,
    answer: String,
}

impl Exchange {
    /// The exchange of a job. The same job always gives the same bytes, so that it is stored once.
    pub fn new(job: &JobId, asked_ms: u64, question: String, answer: &str) -> Self {
        let answer = answer.chars().take(MAX_ANSWER_CHARS).collect();
        Self { job: job.to_string(), asked_ms, question, answer }
    }
}

/// The conversations of all sessions.
pub struct ConversationHistory {
    redis: Arc<Redis>,
    exchanges: usize,
    ttl_secs: u64,
}

impl ConversationHistory {
    /// A history of the configured length.
    pub fn new(redis: Arc<Redis>, settings: &SessionsConfig) -> Self {
        Self { redis, exchanges: settings.history_turns.div_ceil(2), ttl_secs: settings.history_ttl_secs }
    }

    /// The latest turns of a session, oldest first; none while Redis is down.
    pub async fn turns(&self, session: &str) -> Vec<Turn> {
        if self.exchanges == 0 {
            return Vec::new();
        }
        let (key, count) = (self.redis.key("history", session), self.exchanges as i64);
        let read = self.redis.run(move |connection| {
            Box::pin(async move {
                redis::cmd("ZRANGE")
                    .arg(key)
                    .arg(-count)
                    .arg(-1)
                    .query_async::<Vec<Vec<u8>>>(connection)
                    .await
            })
        });
        let found = read.await.unwrap_or_else(|error| {
            debug!(%error, "a conversation could not be read");
            Vec::new()
        });
        let exchanges = found.iter().filter_map(|bytes| serde_json::from_slice::<Exchange>(bytes).ok());
        exchanges
            .flat_map(|exchange| {
                [(exchange.question, Sender::User), (exchange.answer, Sender::Assistant)]
                    .map(|(content, sender)| Turn { content, sender })
            })
            .filter(|turn| !turn.content.is_empty())
            .collect()
    }

    /// Deletes a session's conversation.
    pub async fn forget(&self, session: &str) {
        let key = self.redis.key("history", session);
        let forgotten = self.redis.run(move |connection| {
            Box::pin(async move { redis::cmd("DEL").arg(key).query_async::<()>(connection).await })
        });
        if let Err(error) = forgotten.await {
            debug!(%error, "a conversation could not be deleted: it expires by itself");
        }
    }

    /// Appends an exchange to a session's conversation, unless it is there already.
    pub async fn append(&self, session: &str, exchange: &Exchange) {
        if self.exchanges == 0 {
            return;
        }
        // Text and numbers always serialize to JSON.
        let text = serde_json::to_vec(exchange).unwrap_or_default();
        let (key, at, ttl) = (self.redis.key("history", session), exchange.asked_ms, self.ttl_secs.max(1));
        let surplus = -(self.exchanges as i64) - 1;
        let kept = self.redis.run(move |connection| {
            Box::pin(async move {
                let mut commands = redis::pipe();
                commands.atomic().zadd(&key, text, at).ignore();
                commands.cmd("ZREMRANGEBYRANK").arg(&key).arg(0).arg(surplus).ignore();
                commands.cmd("EXPIRE").arg(&key).arg(ttl).ignore();
                commands.query_async::<()>(connection).await
            })
        });
        if let Err(error) = kept.await {
            debug!(%error, "a conversation could not be stored");
        }
    }
}
