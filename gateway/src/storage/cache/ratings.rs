//! What visitors say of answers that are kept.

use std::time::Duration;

use hoidap_shared::job::JobId;
use tracing::debug;

use super::Cache;

/// How long the answers to a question are not kept, under the versions it was asked at, after one was rated down.
const RATED_DOWN_TTL: Duration = Duration::from_hours(24);

impl Cache {
    /// Takes note of the last word on a job's answer, which its session alone may say. An answer that is rated down is kept
    /// no more and none is kept in its place, for a day or until everybody who rated it down says otherwise. `key` is where
    /// the job's answer came from, where that is known; else it is where the job's answer was put, if it was.
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
            debug!(%error, "the cache was not told of a rating");
            self.count(&self.counts.failures, "failure");
        }
    }

    /// Whether somebody who got what was kept under a key rates it down.
    pub(super) async fn is_rated_down(&self, key: &str) -> bool {
        let rated = self.rated_down_key(key);
        let exists = self.redis.run(move |connection| {
            Box::pin(async move { redis::cmd("EXISTS").arg(rated).query_async::<bool>(connection).await })
        });
        exists.await.unwrap_or(false)
    }

    async fn stored_key_of(&self, job: &JobId) -> Option<String> {
        let kept = self.kept_key_of_job(job);
        let key = self.redis.run(move |connection| {
            Box::pin(
                async move { redis::cmd("GET").arg(kept).query_async::<Option<String>>(connection).await },
            )
        });
        key.await.ok().flatten()
    }

    /// The set of jobs whose sessions rate down what was kept under a key.
    pub(super) fn rated_down_key(&self, key: &str) -> String {
        self.redis.key("rated_down", key)
    }

    /// The key under which a job's answer was kept.
    pub(super) fn kept_key_of_job(&self, job: &JobId) -> String {
        self.redis.key("kept_by", job.as_str())
    }
}
