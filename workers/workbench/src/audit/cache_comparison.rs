use std::collections::BTreeMap;

use super::{
    audited_job::AuditedJob,
    simulated_cache::{LookupResult, SimulatedCache},
    tally::CacheTally,
};

/// The simulated caches, each with its counts.
pub(super) struct CacheComparison {
    pub(super) caches: Vec<(SimulatedCache, CacheTally)>,
    /// The last version seen of each stage.
    fleet: BTreeMap<String, String>,
}

impl CacheComparison {
    /// Empty caches. At most `shown` false hits of each are kept.
    pub(super) fn new(caches: Vec<SimulatedCache>, shown: usize) -> Self {
        let caches = caches.into_iter().map(|cache| (cache, CacheTally::new(shown))).collect();
        Self { caches, fleet: BTreeMap::new() }
    }

    /// Looks a job up in every cache, and stores its answer in those without a hit.
    pub(super) fn add(&mut self, job: &AuditedJob) {
        self.fleet.extend(job.answer.versions.clone());
        for (cache, tally) in &mut self.caches {
            let found = cache.look_up(job, &self.fleet);
            tally.add(job, &found, cache.policy.is_semantic());
            if !matches!(found, LookupResult::Hit(..)) {
                cache.store(job);
            }
        }
    }
}
