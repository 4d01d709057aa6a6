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
    policy::{History, Matching, Policy, Scope},
    seen::{Kept, Seen},
};

/// What a look-up came to.
#[derive(Debug)]
pub(super) enum Found {
    /// The policy does not look such a question up, or it has no embedding.
    NotAsked,
    Nothing,
    /// An answer, and the cosine of the two questions where that is what was compared.
    Answer(Arc<Kept>, Option<f32>),
}

/// A cache that never was, by the recording's own clock.
pub(super) struct Simulated {
    pub(super) policy: Policy,
    ttl: Duration,
    support: String,
    /// The kept answers by number, the one used longest ago first to go.
    entries: LruCache<u64, Entry>,
    /// The same by all that must be equal.
    alike: HashMap<String, Vec<Candidate>>,
    /// The same by the moment at which they are kept no longer.
    expiring: BTreeSet<(Timestamp, u64)>,
    next: u64,
    /// Answers that were kept at once, at most.
    pub(super) most: usize,
}

struct Entry {
    under: String,
    expires: Timestamp,
}

struct Candidate {
    number: u64,
    stored: Timestamp,
    kept: Arc<Kept>,
}

impl Simulated {
    /// An empty cache. It keeps answers for `ttl` unless its policy says otherwise; answers may name the `support` address.
    pub(super) fn new(policy: Policy, ttl: Duration, support: String) -> Self {
        Self {
            ttl: policy.ttl.unwrap_or(ttl),
            entries: LruCache::new(policy.entries),
            policy,
            support,
            alike: HashMap::new(),
            expiring: BTreeSet::new(),
            next: 0,
            most: 0,
        }
    }

    /// How long it keeps an answer.
    pub(super) fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Looks a question up as it was asked, in a fleet at these versions.
    pub(super) fn find(&mut self, seen: &Seen, fleet: &BTreeMap<String, String>) -> Found {
        if !self.asks(seen) {
            return Found::NotAsked;
        }
        self.expire(seen.asked);
        let mut best: Option<(f32, &Candidate)> = None;
        for versions in cache_policy::version_prefixes(fleet) {
            for candidate in self.alike.get(&self.under(seen, &versions)).into_iter().flatten() {
                // What was stored while the question was on its way came too late for it.
                if candidate.stored > seen.asked {
                    continue;
                }
                let similarity = match (&seen.kept.vector, &candidate.kept.vector) {
                    (Some(asked), Some(kept)) if self.policy.is_semantic() => dot(asked, kept),
                    _ => 1.0,
                };
                if self.policy.matching.takes(similarity) && best.is_none_or(|(most, _)| similarity >= most) {
                    best = Some((similarity, candidate));
                }
            }
        }
        let Some((similarity, candidate)) = best else { return Found::Nothing };
        let kept = Arc::clone(&candidate.kept);
        self.entries.promote(&candidate.number);
        Found::Answer(kept, self.policy.is_semantic().then_some(similarity))
    }

    /// Keeps what a job came to, if another visitor may get it.
    pub(super) fn keep(&mut self, seen: &Seen) {
        let Some(lifetime) = cache_policy::lifetime(&seen.answer, self.ttl).filter(|_| self.asks(seen))
        else {
            return;
        };
        self.expire(seen.ended);
        let versions = seen.answer.versions.iter().map(|(stage, version)| (stage.as_str(), version.as_str()));
        let under = self.under(seen, &versions.collect());
        let candidates = self.alike.entry(under.clone()).or_default();
        // Two who asked the same at once both got an answer. The first stays, so that whoever asks between the two has it.
        if !self.policy.is_semantic() && !candidates.is_empty() {
            return;
        }
        let number = self.next;
        self.next += 1;
        candidates.push(Candidate { number, stored: seen.ended, kept: Arc::clone(&seen.kept) });
        let expires = seen.ended.checked_add(lifetime).unwrap_or(Timestamp::MAX);
        self.expiring.insert((expires, number));
        if let Some((gone, entry)) = self.entries.push(number, Entry { under, expires }) {
            self.forget(gone, &entry);
        }
        self.most = self.most.max(self.entries.len());
    }

    /// Whether the policy looks such a question up at all.
    fn asks(&self, seen: &Seen) -> bool {
        match self.policy.matching {
            Matching::Exact => true,
            Matching::Semantic { history: History::RequireEmpty, .. }
                if !seen.question.history.is_empty() =>
            {
                false
            }
            Matching::Semantic { .. } => seen.kept.vector.is_some(),
        }
    }

    /// A digest of all that must be equal.
    fn under(&self, seen: &Seen, versions: &BTreeMap<&str, &str>) -> String {
        let question = &seen.question;
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
            Scope::Page => vec![
                some(&page.url),
                some(&page.title),
                page.product.clone(),
                page.section.clone(),
                page.content_preview.clone(),
            ],
            Scope::Product => vec![site(), seen.product.clone()],
            Scope::Site => vec![site()],
            Scope::Session => vec![some(&question.session_id)],
        };
        let turns = (history == History::Same).then_some(&question.history);
        let text = serde_json::to_vec(&(equal, turns, versions)).unwrap_or_default();
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Forgets what is kept no longer at this moment.
    fn expire(&mut self, now: Timestamp) {
        while let Some(first @ (expires, number)) = self.expiring.first().copied()
            && expires <= now
        {
            self.expiring.remove(&first);
            if let Some(entry) = self.entries.pop(&number) {
                self.forget(number, &entry);
            }
        }
    }

    fn forget(&mut self, number: u64, entry: &Entry) {
        self.expiring.remove(&(entry.expires, number));
        if let Some(candidates) = self.alike.get_mut(&entry.under) {
            candidates.retain(|candidate| candidate.number != number);
            if candidates.is_empty() {
                self.alike.remove(&entry.under);
            }
        }
    }
}

#[cfg(test)]
mod tests;
