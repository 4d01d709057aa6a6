use std::{path::PathBuf, time::Duration};

use hoidap_shared::{
    config::{Config, EmbeddingConfig},
    job::Outcome,
};
use jiff::Timestamp;

use super::{
    audited_job::{AuditMessages, AuditedJob},
    cache_comparison::CacheComparison,
    embeddings::{EmbeddingCounts, QuestionEmbeddings},
    policy::CachePolicy,
    simulated_cache::SimulatedCache,
};
use crate::recording::{
    AssembledJob, JobReader, RecordedJob, RecordingError, RecordingReader, job_progress_bar,
};

/// A cache audit over a recording.
pub(super) struct CacheAudit {
    recording: PathBuf,
    caches: CacheComparison,
    /// Present if a policy compares embeddings.
    embeddings: Option<QuestionEmbeddings>,
    counts: TrafficCounts,
}

/// Counts of the recorded traffic.
#[derive(Debug, Default)]
pub(super) struct TrafficCounts {
    /// Finished jobs that were looked up.
    pub(super) jobs: u64,
    /// Jobs whose beginning or end is not in the recording.
    pub(super) incomplete: u64,
    /// Jobs that failed or were stopped.
    pub(super) unknown: u64,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
}

pub(super) struct AuditResult {
    pub(super) caches: CacheComparison,
    pub(super) counts: TrafficCounts,
    /// Absent if no policy compares embeddings.
    pub(super) embeddings: Option<EmbeddingCounts>,
    /// The error that ended the recording early.
    pub(super) fault: Option<RecordingError>,
}

impl CacheAudit {
    /// An audit of these policies. At most `shown` false hits of each are kept.
    ///
    /// # Errors
    /// When a policy has no time to live.
    pub(super) fn new(
        config: &Config,
        recording: PathBuf,
        policies: Vec<CachePolicy>,
        shown: usize,
    ) -> anyhow::Result<Self> {
        let ttl = Duration::from_secs(config.cache.ttl_secs);
        let settings: Option<&EmbeddingConfig> =
            policies.iter().any(CachePolicy::is_semantic).then_some(&config.embedding);
        let caches = policies
            .into_iter()
            .map(|policy| {
                anyhow::ensure!(
                    policy.ttl.is_some() || !ttl.is_zero(),
                    "`{policy}` keeps nothing, because cache.ttl_secs is 0: give it a time, as in `{policy},ttl=3600`"
                );
                Ok(SimulatedCache::new(policy, ttl, config.support.address.clone()))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            recording,
            caches: CacheComparison::new(caches, shown),
            embeddings: settings.cloned().map(QuestionEmbeddings::new),
            counts: TrafficCounts::default(),
        })
    }

    /// Runs the audit on the calling thread.
    ///
    /// # Errors
    /// When the recording cannot be opened, or the embedding model is not the recorded one.
    pub(super) fn run(mut self) -> anyhow::Result<AuditResult> {
        let bar = job_progress_bar(&self.recording, "audit");
        let mut fault = None;
        for read in JobReader::new(RecordingReader::open(&self.recording)?) {
            let taken = match read {
                Err(error) => Err(error),
                Ok(AssembledJob::Incomplete) => Ok(None),
                Ok(AssembledJob::Complete(recorded, read)) => AuditMessages::decode(&recorded, read)
                    .map(|messages| messages.map(|messages| (recorded, messages))),
            };
            match taken {
                Err(error) => {
                    fault = Some(error);
                    break;
                }
                Ok(None) => self.counts.incomplete += 1,
                Ok(Some((recorded, messages))) => self.add(&recorded, messages)?,
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        let embeddings = self.embeddings.map(|embeddings| embeddings.counts);
        Ok(AuditResult { caches: self.caches, counts: self.counts, embeddings, fault })
    }

    fn add(&mut self, recorded: &RecordedJob, messages: AuditMessages) -> anyhow::Result<()> {
        let vector = match &mut self.embeddings {
            Some(embeddings) => embeddings.embedding_of(&messages)?,
            None => None,
        };
        let job = AuditedJob::new(recorded, messages, vector);
        let counts = &mut self.counts;
        counts.jobs += 1;
        counts.unknown += u64::from(matches!(job.answer.outcome, Outcome::Failed | Outcome::Stopped));
        counts.first = Some(counts.first.map_or(job.asked, |first| first.min(job.asked)));
        counts.last = Some(job.ended);
        self.caches.add(&job);
        Ok(())
    }
}
