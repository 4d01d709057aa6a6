//! The answer cache: an answer is reused for the next visitor who asks the same on the same page, at the same versions.

mod ratings;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hoidap_shared::{
    cache_policy,
    job::{Answer, Choice, Citation, JobId, Outcome, Question, Source},
    subjects::ANSWER_RETENTION,
    text::Language,
};
use serde::{Deserialize, Serialize};
use tracing::debug;

use crate::storage::redis::Redis;

/// A cached answer. It holds nothing about the visitor who got it first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CachedAnswer {
    pub text: String,
    pub sources: Vec<Source>,
    pub citations: Vec<Citation>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    pub confidence: f32,
    pub intent: String,
    pub product: Option<String>,
    pub language: Language,
    pub outcome: Outcome,
}

impl From<&Answer> for CachedAnswer {
    fn from(answer: &Answer) -> Self {
        Self {
            text: answer.text.clone(),
            sources: answer.sources.clone(),
            citations: answer.citations.clone(),
            choices: answer.choices.clone(),
            confidence: answer.confidence,
            intent: answer.intent.name.clone(),
            product: answer.product.clone(),
            language: answer.language,
            outcome: answer.outcome,
        }
    }
}

/// A cached answer and its key.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct CacheHit {
    pub answer: CachedAnswer,
    pub key: String,
}

/// Counters since the start.
#[derive(Debug, Default)]
struct CacheCounters {
    hits: AtomicU64,
    misses: AtomicU64,
    stores: AtomicU64,
    failures: AtomicU64,
}

/// What the cache did since the start.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub struct CacheStats {
    /// Questions answered from the cache.
    pub hits: u64,
    /// Questions that were not in it.
    pub misses: u64,
    /// Hits by all look-ups, 0 to 1; 0 before the first.
    pub hit_rate: f64,
    /// Answers put into it.
    pub stores: u64,
    /// Look-ups and stores that Redis did not serve.
    pub failures: u64,
    /// How long an answer is kept, in seconds; 0 for no cache.
    pub ttl_secs: u64,
}

/// The answer cache of all gateways, in Redis.
pub struct Cache {
    redis: Arc<Redis>,
    ttl: Duration,
    support: String,
    counts: CacheCounters,
}

impl Cache {
    /// A cache that keeps answers for `ttl`; zero disables it. Answers may name the `support` address.
    pub fn new(redis: Arc<Redis>, ttl: Duration, support: String) -> Self {
        Self { redis, ttl, support, counts: CacheCounters::default() }
    }

    /// The cached answer to a question at the fleet's versions. None where a visitor rated the answer down.
    pub async fn lookup(&self, question: &Question, fleet: &BTreeMap<String, String>) -> Option<CacheHit> {
        if self.ttl.is_zero() {
            return None;
        }
        let keys: Vec<String> = cache_policy::version_prefixes(fleet)
            .iter()
            .map(|versions| self.key(question, versions))
            .collect();
        let mut commands = redis::pipe();
        commands.cmd("MGET").arg(keys.iter().map(|key| self.answer_key(key)).collect::<Vec<_>>());
        commands.cmd("EXISTS").arg(keys.iter().map(|key| self.rated_down_key(key)).collect::<Vec<_>>());
        let found = self
            .redis
            .run(move |connection| {
                Box::pin(async move { commands.query_async::<(Vec<Option<Vec<u8>>>, u64)>(connection).await })
            })
            .await;
        let hit = match found {
            Ok((_, rated_down)) if rated_down > 0 => None,
            Ok((values, _)) => keys.into_iter().zip(values).find_map(|(key, value)| {
                rmp_serde::from_slice(&value?).ok().map(|answer| CacheHit { answer, key })
            }),
            Err(error) => {
                debug!(%error, "the cache could not be read");
                self.count(&self.counts.failures, "failure");
                return None;
            }
        };
        match hit {
            Some(_) => self.count(&self.counts.hits, "hit"),
            None => self.count(&self.counts.misses, "miss"),
        }
        hit
    }

    /// Caches a job's answer under the versions that produced it, if another visitor may get it and no visitor rated down
    /// what was cached under the same key.
    pub async fn store(&self, job: &JobId, question: &Question, answer: &Answer) {
        let Some(ttl) = cache_policy::lifetime(answer, self.ttl) else { return };
        let versions =
            answer.versions.iter().map(|(stage, version)| (stage.as_str(), version.as_str())).collect();
        let key = self.key(question, &versions);
        let Ok(value) = rmp_serde::to_vec_named(&CachedAnswer::from(answer)) else { return };
        if self.is_rated_down(&key).await {
            return;
        }
        let mut commands = redis::pipe();
        let set = |commands: &mut redis::Pipeline, key: String, value: Vec<u8>, ttl: Duration| {
            commands.cmd("SET").arg(key).arg(value).arg("PX").arg(ttl.as_millis() as u64).ignore();
        };
        set(&mut commands, self.answer_key(&key), value, ttl);
        // As long as the job can be rated.
        set(&mut commands, self.cache_key_of_job(job), key.into_bytes(), ANSWER_RETENTION);
        let stored = self
            .redis
            .run(move |connection| Box::pin(async move { commands.query_async::<()>(connection).await }))
            .await;
        match stored {
            Ok(()) => self.count(&self.counts.stores, "store"),
            Err(error) => {
                debug!(%error, "an answer could not be cached");
                self.count(&self.counts.failures, "failure");
            }
        }
    }

    /// The counters since the start.
    pub fn stats(&self) -> CacheStats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (hits, misses) = (read(&self.counts.hits), read(&self.counts.misses));
        CacheStats {
            hits,
            misses,
            hit_rate: hits as f64 / (hits + misses).max(1) as f64,
            stores: read(&self.counts.stores),
            failures: read(&self.counts.failures),
            ttl_secs: self.ttl.as_secs(),
        }
    }

    fn count(&self, count: &AtomicU64, result: &'static str) {
        count.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("hoidap_gateway_cache_total", "result" => result).increment(1);
    }

    fn key(&self, question: &Question, versions: &BTreeMap<&str, &str>) -> String {
        cache_policy::key(question, versions, &self.support)
    }

    fn answer_key(&self, key: &str) -> String {
        self.redis.key("answer", key)
    }
}

#[cfg(test)]
mod tests;
