use std::collections::BTreeMap;

use super::{
    seen::Seen,
    simulated::{Found, Simulated},
    tally::Tally,
};

/// The caches that are compared, each with what it did.
pub(super) struct Caches {
    pub(super) each: Vec<(Simulated, Tally)>,
    /// The version of each stage, as last seen.
    fleet: BTreeMap<String, String>,
}

impl Caches {
    /// Empty caches, of whose false hits so many are shown.
    pub(super) fn new(caches: Vec<Simulated>, shown: usize) -> Self {
        let each = caches.into_iter().map(|cache| (cache, Tally::new(shown))).collect();
        Self { each, fleet: BTreeMap::new() }
    }

    /// Gives a job to every cache: one that has no answer for it keeps the job's own.
    pub(super) fn take(&mut self, seen: &Seen) {
        self.fleet.extend(seen.answer.versions.clone());
        for (cache, tally) in &mut self.each {
            let found = cache.find(seen, &self.fleet);
            tally.take(seen, &found, cache.policy.is_semantic());
            if !matches!(found, Found::Answer(..)) {
                cache.keep(seen);
            }
        }
    }
}
