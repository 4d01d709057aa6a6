use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use hoidap_indices::dot;
use hoidap_shared::cache_policy;
use jiff::Timestamp;
use lru::LruCache;
use sha2::{Digest as _, Sha256};

use super::{
    audited_job::{AuditedJob, SimulatedAnswer},
    policy::{CachePolicy, CacheScope, HistoryRule, Matching},
};

/// The result of a look-up.
#[derive(Debug)]
pub(super) enum LookupResult {
    /// The policy does not look up such questions, or the question has no embedding.
    NotLookedUp,
    Miss,
    /// The cached answer, and the cosine of the two questions if embeddings were compared.
    Hit(Arc<SimulatedAnswer>, Option<f32>),
}

/// A simulated cache, with the recording's clock.
pub(super) struct SimulatedCache {
    pub(super) policy: CachePolicy,
    ttl: Duration,
    support: String,
    /// The cached answers by number, least recently used first to go.
    entries: LruCache<u64, CacheEntry>,
    /// Cached answers by the digest of everything that must be equal.
    by_key: HashMap<String, Vec<CandidateAnswer>>,
    /// Cached answers by the time of their expiry.
    expiring: BTreeSet<(Timestamp, u64)>,
    next: u64,
    /// Maximum number of answers cached at the same time.
    pub(super) max_entries_used: usize,
}

struct CacheEntry {
    key: String,
    expires: Timestamp,
}

struct CandidateAnswer {
    number: u64,
    stored: Timestamp,
    answer: Arc<SimulatedAnswer>,
}

impl SimulatedCache {
    /// An empty cache with time to live `ttl`, unless its policy has another. Answers may name the `support` address.
    pub(super) fn new(policy: CachePolicy, ttl: Duration, support: String) -> Self {
        Self {
            ttl: policy.ttl.unwrap_or(ttl),
            entries: LruCache::new(policy.entries),
            policy,
            support,
            by_key: HashMap::new(),
            expiring: BTreeSet::new(),
            next: 0,
            max_entries_used: 0,
        }
    }

    /// The time to live.
    pub(super) fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Looks up a question at the time when it was asked, with the fleet's stage versions.
    pub(super) fn look_up(&mut self, job: &AuditedJob, fleet: &BTreeMap<String, String>) -> LookupResult {
        if !self.looks_up(job) {
            return LookupResult::NotLookedUp;
        }
        self.remove_expired(job.asked);
        let mut best: Option<(f32, &CandidateAnswer)> = None;
        for versions in cache_policy::version_prefixes(fleet) {
            for candidate in self.by_key.get(&self.cache_key(job, &versions)).into_iter().flatten() {
                // An answer stored after the question was asked came too late.
                if candidate.stored > job.asked {
                    continue;
                }
                let similarity = match (&job.cached.vector, &candidate.answer.vector) {
                    (Some(asked), Some(kept)) if self.policy.is_semantic() => dot(asked, kept),
                    _ => 1.0,
                };
                if self.policy.matching.accepts(similarity) && best.is_none_or(|(most, _)| similarity >= most)
                {
                    best = Some((similarity, candidate));
                }
            }
        }
        let Some((similarity, candidate)) = best else { return LookupResult::Miss };
        let kept = Arc::clone(&candidate.answer);
        self.entries.promote(&candidate.number);
        LookupResult::Hit(kept, self.policy.is_semantic().then_some(similarity))
    }

    /// Stores a job's answer, if other visitors may get it.
    pub(super) fn store(&mut self, job: &AuditedJob) {
        let Some(lifetime) = cache_policy::lifetime(&job.answer, self.ttl).filter(|_| self.looks_up(job))
        else {
            return;
        };
        self.remove_expired(job.ended);
        let versions = job.answer.versions.iter().map(|(stage, version)| (stage.as_str(), version.as_str()));
        let key = self.cache_key(job, &versions.collect());
        let candidates = self.by_key.entry(key.clone()).or_default();
        // Two equal questions at the same time both got an answer. The first stays, so that questions between the two
        // find it.
        if !self.policy.is_semantic() && !candidates.is_empty() {
            return;
        }
        let number = self.next;
        self.next += 1;
        candidates.push(CandidateAnswer { number, stored: job.ended, answer: Arc::clone(&job.cached) });
        let expires = job.ended.checked_add(lifetime).unwrap_or(Timestamp::MAX);
        self.expiring.insert((expires, number));
        if let Some((gone, entry)) = self.entries.push(number, CacheEntry { key, expires }) {
            self.remove(gone, &entry);
        }
        self.max_entries_used = self.max_entries_used.max(self.entries.len());
    }

    /// Whether the policy looks up such a question.
    fn looks_up(&self, job: &AuditedJob) -> bool {
        match self.policy.matching {
            Matching::Exact => true,
            Matching::Semantic { history: HistoryRule::RequireEmpty, .. }
                if !job.question.history.is_empty() =>
            {
                false
            }
            Matching::Semantic { .. } => job.cached.vector.is_some(),
        }
    }

    /// Digest of everything that must be equal.
    fn cache_key(&self, job: &AuditedJob, versions: &BTreeMap<&str, &str>) -> String {
        let question = &job.question;
        let Matching::Semantic { scope, history, .. } = self.policy.matching else {
            return cache_policy::key(question, versions, &self.support);
        };
        let page = &question.context;
        let site = || {
            let url = url::Url::parse(&page.url).map(|url| url.origin().ascii_serialization());
            Some(url.unwrap_or_else(|_| page.url.clone()))
        };
        let some = |text: &String| Some(text.clone());
        let equal = match scope {
            CacheScope::Page => vec![
                some(&page.url),
                some(&page.title),
                page.product.clone(),
                page.section.clone(),
                page.content_preview.clone(),
            ],
            CacheScope::Product => vec![site(), job.product.clone()],
            CacheScope::Site => vec![site()],
            CacheScope::Session => vec![some(&question.session_id)],
        };
        let turns = (history == HistoryRule::Same).then_some(&question.history);
        let text = serde_json::to_vec(&(equal, turns, versions)).unwrap_or_default();
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Removes answers that have expired at this time.
    fn remove_expired(&mut self, now: Timestamp) {
        while let Some(first @ (expires, number)) = self.expiring.first().copied()
            && expires <= now
        {
            self.expiring.remove(&first);
            if let Some(entry) = self.entries.pop(&number) {
                self.remove(number, &entry);
            }
        }
    }

    fn remove(&mut self, number: u64, entry: &CacheEntry) {
        self.expiring.remove(&(entry.expires, number));
        if let Some(candidates) = self.by_key.get_mut(&entry.key) {
            candidates.retain(|candidate| candidate.number != number);
            if candidates.is_empty() {
                self.by_key.remove(&entry.key);
            }
        }
    }
}

#[cfg(test)]
mod tests;
