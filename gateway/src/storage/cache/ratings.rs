//! Visitors' ratings of cached answers.

use std::time::Duration;

use hoidap_shared::job::JobId;
use tracing::debug;

use super::Cache;

/// How long a question's answers are not cached, at the same versions, after one was rated down.
const RATED_DOWN_TTL: Duration = Duration::from_hours(24);

impl Cache {
    /// Records the latest rating of a job's answer. An answer that is rated down is removed, and none is cached in its place
    /// for a day, or until everybody who rated it down has changed their rating. `key` is the key that the answer came
    /// from, where known; else the key that the job's answer was stored under is looked up.
    pub async fn rate(&self, job: &JobId, key: Option<String>, down: bool) {
        if self.ttl.is_zero() {
            return;
        }
        let key = match key {
            Some(key) => Some(key),
            None => self.stored_key_of(job).await,
        };
        let Some(key) = key else { return };
        let mut commands = redis::pipe();
        if down {
            let (rated, ttl) = (self.rated_down_key(&key), RATED_DOWN_TTL.max(self.ttl).as_millis() as u64);
            commands.atomic().cmd("SADD").arg(&rated).arg(job.as_str()).ignore();
            commands.cmd("PEXPIRE").arg(&rated).arg(ttl).ignore();
            commands.cmd("DEL").arg(self.answer_key(&key)).ignore();
        } else {
            commands.cmd("SREM").arg(self.rated_down_key(&key)).arg(job.as_str()).ignore();
        }
        let noted = self
            .redis
            .run(move |connection| Box::pin(async move { commands.query_async::<()>(connection).await }))
            .await;
        if let Err(error) = noted {
            debug!(%error, "a rating could not be stored in the cache");
            self.count(&self.counts.failures, "failure");
        }
    }

    /// Whether a visitor rated the answer under a key down.
    pub(super) async fn is_rated_down(&self, key: &str) -> bool {
        let rated = self.rated_down_key(key);
        let exists = self.redis.run(move |connection| {
            Box::pin(async move { redis::cmd("EXISTS").arg(rated).query_async::<bool>(connection).await })
        });
        exists.await.unwrap_or(false)
    }

    async fn stored_key_of(&self, job: &JobId) -> Option<String> {
        let key_of_job = self.cache_key_of_job(job);
        let key = self.redis.run(move |connection| {
            Box::pin(async move {
                redis::cmd("GET").arg(key_of_job).query_async::<Option<String>>(connection).await
            })
        });
        key.await.ok().flatten()
    }

    /// The Redis key of the set of jobs that rated a cached answer down.
    pub(super) fn rated_down_key(&self, key: &str) -> String {
        self.redis.key("rated_down", key)
    }

    /// The Redis key that maps a job to its answer's cache key.
    pub(super) fn cache_key_of_job(&self, job: &JobId) -> String {
        self.redis.key("kept_by", job.as_str())
    }
}
